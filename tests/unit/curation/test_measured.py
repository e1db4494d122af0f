"""What judges are measured by is found in the index, and measures them as the whole log would."""

from pathlib import Path

import pytest
from example_domain import curate_records
from example_records import candidate, judgement, minute, question

from tasks.config import Config
from tasks.curation.incremental.measured import count_judgements, read_measured
from tasks.feedback.event_frames import to_records
from tasks.feedback.withdrawals import Withdrawn
from tasks.home import Home
from tasks.judging import audit_rows, calibration
from tasks.judging.calibration import calibrate
from tasks.records import Feedback

CONFIG = Config.model_validate({"name": "d", "questions": "q.jsonl", "root": Path("/")})
NAMES = [f"q{n}" for n in range(8)]
CANDIDATES = [candidate(text, name) for name in NAMES for text in ("x", "a longer y")]


def said() -> list[Feedback]:
    """Two judges on every question, one of them in both orders; people on half of them, and on a few unaided."""
    y = "a longer y"
    judges = [
        judgement("x", y, "a" if n % 3 else "b", by=by, name=name, both_orders=orders, swap_inconsistent=n == 5)
        for n, name in enumerate(NAMES)
        for by, orders in (("judge:j@1", ("a", "b")), ("judge:reference", None))
    ]
    people = [
        judgement("x", y, "a", annotator=who, name=name, audit=n < 3, given_at=minute(n))
        for n, name in enumerate(NAMES[:4])
        for who in ("ann", "bob")
    ]
    taken_back = people[0].model_copy(update={"given_at": minute(9), "retracted": True})
    return [*judges, *people, taken_back]


def test_judges_are_measured_as_on_all_judgements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_rows, "POSITION_PAIRS", 3)
    monkeypatch.setattr(calibration, "POSITION_PAIRS", 3)
    home, rows = Home(tmp_path), said()
    curate_records(home, [question(name) for name in NAMES], CANDIDATES, rows, CONFIG)
    found = to_records(read_measured(home, "d"))
    standing = [row for row in rows[:-1] if row.id != rows[-1].id]
    by_id = {each.id: each for each in CANDIDATES}
    assert calibrate(found, by_id) == calibrate(standing, by_id)
    assert [row for row in found if row.source == "human"] == sorted(standing[16:], key=lambda row: row.id)
    assert len(found) < len(standing)
    assert count_judgements(home, "d") == {"human": 7, "judge:j@1": 8, "judge:reference": 8}


def test_what_was_withdrawn_measures_nobody(tmp_path: Path) -> None:
    home, rows = Home(tmp_path), said()
    curate_records(
        home, [question(n) for n in NAMES], CANDIDATES, rows, CONFIG, withdrawn=Withdrawn(annotators=("ann",))
    )
    assert {row.annotator for row in to_records(read_measured(home, "d"))} == {"bob", None}
    assert count_judgements(home, "d")["human"] == 4
