"""What people say is taught: as demonstrations, as pairs, and before what judges say."""

from pathlib import Path

import example_records
import pytest
from example_domain import curate_records
from example_records import candidate, judgement, minute

from tasks.config import Config
from tasks.home import Home
from tasks.records import Feedback
from tasks.settings.curation import AnnotatorSettings, CurateSettings
from tasks.snapshots import read_demonstrations, read_preference_pairs

CONFIG = Config.model_validate(
    {
        "name": "d",
        "questions": "q.jsonl",
        "root": Path("/"),
        "curate": {"pairs_per_question": 2, "annotators": {"max_share": 1.0}},
    }
)


def in_snapshot(home: Home, feedback: list[Feedback], answer: str | None = "ideal") -> tuple[list[str], list[str]]:
    """Sources and texts of the demonstrations and pairs that the feedback on x, y and z gives."""
    questions = [example_records.question(answer=answer)]
    candidates = [candidate(text) for text in "xyz"]
    settings = CurateSettings(pairs_per_question=9, reference_pairs=False, annotators=AnnotatorSettings(max_share=1.0))
    config = CONFIG.model_copy(update={"curate": settings})
    snapshot = curate_records(home, questions, candidates, feedback, config)
    demonstrations = read_demonstrations(home.snapshots, snapshot)
    pairs = read_preference_pairs(home.snapshots, snapshot)
    return (
        sorted(f"{row.source.split(':')[0]}: {row.completion}" for row in demonstrations),
        sorted(f"{row.source.rpartition(':')[0]}: {row.chosen} > {row.rejected}" for row in pairs),
    )


@pytest.mark.parametrize(
    ("feedback", "demonstrations", "pairs"),
    [
        (  # a lone correction teaches twice: what to say, and what not to say
            [judgement("x", "y", "both_bad", annotator="ann", correction="better")],
            ["correction: better"],
            ["correction: better > x", "correction: better > y"],
        ),
        (  # outvoted, a correction stays, and the majority's preference stands beside it
            [
                judgement("x", "y", "b", annotator="ann", correction="better"),
                judgement("x", "y", "a", annotator="bob"),
                judgement("y", "x", "b", annotator="cam"),
            ],
            ["correction: better"],
            ["correction: better > x", "correction: better > y", "human: x > y"],
        ),
        (  # undecided, too
            [
                judgement("x", "y", "b", annotator="ann", correction="better"),
                judgement("x", "y", "a", annotator="bob", correction="best"),
            ],
            ["correction: best", "correction: better"],
            [
                "correction: best > x",
                "correction: best > y",
                "correction: better > x",
                "correction: better > y",
            ],
        ),
        (  # people before judges on their pair, judges on the rest
            [
                judgement("x", "y", "a", annotator="ann"),
                judgement("x", "y", "b", by="judge:j"),
                judgement("y", "z", "a", by="judge:j", confidence=0.6),
            ],
            ["reference: ideal"],
            ["human: x > y", "judge:j: y > z"],
        ),
        (  # what was taken back says nothing, and the judge is heard again
            [
                judgement("x", "y", "a", annotator="ann", given_at=minute(1)),
                judgement("x", "y", "a", annotator="ann", given_at=minute(2), retracted=True),
                judgement("x", "y", "b", by="judge:j"),
            ],
            ["reference: ideal"],
            ["judge:j: y > x"],
        ),
        (  # so does a correction that was edited away
            [
                judgement("x", "y", "a", annotator="ann", given_at=minute(1), correction="better"),
                judgement("x", "y", "a", annotator="ann", given_at=minute(2)),
            ],
            ["reference: ideal"],
            ["human: x > y"],
        ),
    ],
)
def test_what_people_say_becomes_demonstrations_and_pairs(
    tmp_path: Path, feedback: list[Feedback], demonstrations: list[str], pairs: list[str]
) -> None:
    assert in_snapshot(Home(tmp_path), feedback) == (demonstrations, pairs)
    assert in_snapshot(Home(tmp_path), feedback[::-1]) == (demonstrations, pairs)


def test_the_snapshot_counts_what_people_overruled(tmp_path: Path) -> None:
    rows = [
        judgement("x", "y", "a", annotator="ann"),
        judgement("x", "y", "a", annotator="bob"),
        judgement("x", "y", "b", annotator="cam"),
        judgement("x", "y", "b", by="judge:j"),
        judgement("y", "z", "a", annotator="ann"),
        judgement("y", "z", "b", annotator="bob"),
        judgement("x", "z", "a", annotator="ann", retracted=True),
    ]
    snapshot = curate_records(
        Home(tmp_path), [example_records.question()], [candidate(text) for text in "xyz"], rows, CONFIG
    )
    assert {reason: count for reason, count in snapshot.dropped.items() if count} == {
        "judgements_outranked_by_people": 1,
        "judgements_outvoted": 1,
        "judgements_repeated": 1,
        "judgements_undecided": 2,
        "pairs_people_undecided": 1,
        "judgements_retracted": 1,
    }
