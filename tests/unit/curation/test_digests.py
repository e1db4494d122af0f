"""Whether there is news costs what the news does, and is never answered wrongly."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from example_records import candidate, judgement, minute, question

from tasks.config import Config
from tasks.curation.curate import curate
from tasks.curation.incremental.digests import log_sha256
from tasks.errors import IntegrityError
from tasks.feedback import log
from tasks.feedback.withdrawals import Withdrawn, withdraw
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import Feedback

CONFIG = Config.model_validate({"name": "d", "questions": "q.jsonl", "root": Path("/")})
SAID = [judgement(name=f"q{n}", annotator="ann", given_at=minute(5)) for n in range(4)]
NEW = judgement("y", "x", by="judge:j", name="q1")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One with four judgements that were curated."""
    home = Home(tmp_path / "home")
    log.append(home, "d", SAID)
    curate_all(home)
    return home


def curate_all(home: Home, withdrawn: Withdrawn | None = None) -> None:
    asked = write_rows(home.objects, [question(f"q{n}") for n in range(4)])
    sampled = write_rows(home.objects, [candidate(text, f"q{n}") for n in range(4) for text in "xy"])
    curate(home, "d", [asked], [sampled], CONFIG, withdrawn=withdrawn or Withdrawn())


def anew(home: Home, tmp_path: Path, **arguments: object) -> str:
    """The same hash of the same log, where nothing was ever curated."""
    other = Home(tmp_path / "other")
    other.feedback_log("d").parent.mkdir(parents=True, exist_ok=True)
    if not other.feedback_log("d").exists():
        other.feedback_log("d").symlink_to(home.feedback_log("d"))
    return log_sha256(other, "d", **arguments)  # type: ignore[arg-type]


def edited(at: int, **changes: object) -> Feedback:
    """The first judgement as it was edited in that minute."""
    return SAID[0].model_copy(update={"given_at": minute(at), **changes})


def rebatch(home: Home) -> None:
    for name in log.segments(home, "d"):
        log.segment_path(home, "d", name).unlink()
    for row in SAID:
        log.append(home, "d", [row])


NEWS: dict[str, Callable[[Home], object]] = {
    "a judgement": lambda home: log.append(home, "d", [NEW]),
    "on an unknown question": lambda home: log.append(home, "d", [judgement(name="q9")]),
    "an edit": lambda home: log.append(home, "d", [edited(6, preference="b")]),
    "one taken back": lambda home: log.append(home, "d", [edited(6, retracted=True)]),
    "a judgement withdrawn": lambda home: withdraw(home, "d", feedback_id=SAID[2].id),
    "a person withdrawn": lambda home: withdraw(home, "d", annotator="ann"),
    "a segment gone": lambda home: log.segment_path(home, "d", log.segments(home, "d")[0]).unlink(),
}
NO_NEWS: dict[str, Callable[[Home], object]] = {
    "nothing": lambda home: None,
    "the same again": lambda home: log.append(home, "d", SAID[1:3]),
    "an older word": lambda home: log.append(home, "d", [edited(4, preference="b")]),
    "in other batches": rebatch,
    "withdrawn and restored": lambda home: [
        withdraw(home, "d", annotator="ann", restored=each) for each in (False, True)
    ],
    "a withdrawal of nothing": lambda home: withdraw(home, "d", annotator="nobody"),
    "the index gone": lambda home: (home.root / "curation" / "d" / "index.json").unlink(),
}


@pytest.mark.parametrize(("what", "is_news"), [*((each, True) for each in NEWS), *((each, False) for each in NO_NEWS)])
def test_the_hash_changes_with_what_stands_and_with_nothing_else(
    home: Home, tmp_path: Path, what: str, is_news: bool
) -> None:
    before = log_sha256(home, "d")
    (NEWS | NO_NEWS)[what](home)
    after = log_sha256(home, "d")
    assert (after != before) == is_news
    assert after == anew(home, tmp_path)
    assert after == log_sha256(home, "d")


@pytest.mark.parametrize("what", [*NEWS, *NO_NEWS])
def test_it_is_the_same_before_and_after_the_news_were_curated(home: Home, what: str) -> None:
    (NEWS | NO_NEWS)[what](home)
    if what == "a segment gone":
        log.append(home, "d", SAID[:2])
    before = log_sha256(home, "d")
    curate_all(home)  # without the withdrawals
    assert log_sha256(home, "d") == before


def test_a_round_s_own_segments_and_withdrawals_count_whatever_came_later(home: Home, tmp_path: Path) -> None:
    learned = log.segments(home, "d")
    left_out = Withdrawn(feedback=(SAID[3].id,))
    curate_all(home, left_out)
    before = log_sha256(home, "d", learned, left_out)
    log.append(home, "d", [NEW])
    withdraw(home, "d", annotator="ann")
    assert log_sha256(home, "d", learned, left_out) == before == anew(home, tmp_path, only=learned, left_out=left_out)
    curate_all(home)
    assert log_sha256(home, "d", learned, left_out) == before != log_sha256(home, "d")


def test_only_new_segments_are_parsed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    real = log.read_segment

    def reading(home: Home, domain: str, name: str) -> object:
        parsed.append(name)
        return real(home, domain, name)

    monkeypatch.setattr(log, "read_segment", reading)
    log_sha256(home, "d")
    assert parsed == []
    new = log.append(home, "d", [NEW])
    log_sha256(home, "d")
    assert parsed == [new.sha256]


@pytest.mark.parametrize("damage", ["a byte changed", "a byte lost"])
def test_a_segment_altered_after_it_was_read_is_named(home: Home, damage: str) -> None:
    path = log.segment_path(home, "d", log.segments(home, "d")[0])
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b" " if damage == "a byte changed" else data[:-1])
    with pytest.raises(IntegrityError, match=rf"{path.name} was altered or truncated"):
        log_sha256(home, "d")
    log.append(home, "d", [NEW])
    with pytest.raises(IntegrityError, match=rf"{path.name} was altered or truncated"):
        curate_all(home)


def test_a_copied_home_gives_the_same(home: Home, tmp_path: Path) -> None:
    copied = Home(tmp_path / "copied")
    shutil.copytree(home.root, copied.root)
    assert log_sha256(copied, "d") == log_sha256(home, "d")
