"""Thumbs on single answers become rated answers: one for each answer, by the majority of the latest thumbs."""

import pytest
from example_frames import candidates_frame, questions_frame
from example_records import candidate, judgement, minute, question

from tasks.curation.naming import name_rows
from tasks.curation.rated_answers import REASONS, drop_repeated_ratings, propose_rated_answers
from tasks.curation.tallies import total
from tasks.feedback.event_frames import whole_frame
from tasks.records import Feedback, RatedAnswer, Rating

NOTHING_DROPPED = dict.fromkeys(REASONS, 0)
CANDIDATES = [*(candidate(text) for text in ("x", " x", "y", "")), candidate("x", "q2"), candidate("x", "twin")]
QUESTIONS = [question(), question("q2"), question("twin", text="What is q?"), question("t", split="test")]


def thumb(text: str, rating: Rating, user: str | None = "u", name: str = "q", **more: object) -> Feedback:
    return judgement(text, text, "tie", by="end_user", annotator=user, name=name, rating=rating, **more)  # type: ignore[arg-type]


def build(feedback: list[Feedback]) -> tuple[list[RatedAnswer], dict[str, int]]:
    proposed = propose_rated_answers(questions_frame(QUESTIONS), candidates_frame(CANDIDATES), whole_frame(feedback))
    lines = name_rows(proposed.rows, "rated", "Be brief.")["line"]
    return [RatedAnswer.model_validate_json(line) for line in lines], total(proposed.dropped, REASONS)


@pytest.mark.parametrize(
    ("feedback", "rated", "dropped"),
    [
        ([], [], {}),
        ([thumb("x", "up")], ["q: x +"], {}),
        ([thumb("x", "down")], ["q: x -"], {}),
        ([judgement("x", "y", "a", by="end_user")], [], {}),  # no thumb
        ([thumb("x", "up"), thumb("y", "down")], ["q: x +", "q: y -"], {}),
        ([thumb("x", "up"), thumb("x", "up", "v")], ["q: x +"], {"ratings_repeated": 1}),
        ([thumb("x", "up"), thumb("x", "down", "v")], [], {"ratings_undecided": 2}),
        (
            [thumb("x", "up"), thumb("x", "down", "v"), thumb("x", "down", "w")],
            ["q: x -"],
            {"ratings_outvoted": 1, "ratings_repeated": 1},
        ),
        (  # somebody's latest thumb
            [
                thumb("x", "up", request="1", given_at=minute(1)),
                thumb("x", "down", request="2", given_at=minute(2)),
            ],
            ["q: x -"],
            {"ratings_superseded": 1},
        ),
        (  # who they are is not known, so they are two
            [thumb("x", "up", None, request="1"), thumb("x", "up", None, request="2")],
            ["q: x +"],
            {"ratings_repeated": 1},
        ),
        ([thumb("x", "up"), thumb(" x", "down", "v")], [], {"ratings_undecided": 2}),  # the same words
        ([thumb("x", "up"), thumb("x", "down", "v", "twin")], [], {"ratings_undecided": 2}),  # to the same question
        ([thumb("x", "up"), thumb("x", "down", "v", "q2")], ["q2: x -", "q: x +"], {}),
        ([thumb("", "down")], [], {"ratings_blank": 1}),
        ([thumb("gone", "up")], [], {"ratings_on_unknown_candidates": 1}),
        ([thumb("x", "up", name="gone")], [], {"ratings_on_unknown_questions": 1}),
        ([thumb("x", "up", name="t")], [], {"ratings_on_test_questions": 1}),
    ],
)
def test_each_answer_is_rated_once_or_its_thumbs_are_counted(
    feedback: list[Feedback], rated: list[str], dropped: dict[str, int]
) -> None:
    rows, counted = build(feedback)
    assert sorted(f"{row.question_id}: {row.completion} {'+' if row.desirable else '-'}" for row in rows) == rated
    assert counted == NOTHING_DROPPED | dropped
    assert build(feedback[::-1]) == (rows, counted)


def test_a_rated_answer_names_the_thumbs_behind_it() -> None:
    thumbs = [thumb("x", "up"), thumb("x", "up", "v"), thumb("x", "down", "w")]
    (row,), _ = build(thumbs)
    behind = sorted(each.id for each in thumbs[:2])
    assert (row.feedback, row.source) == (tuple(behind), f"end_user:{behind[0]}")
    assert [message.content for message in row.prompt] == ["Be brief.", "What is q?"]


@pytest.mark.parametrize(
    ("texts", "kept", "reasons"),
    [
        ([("x", "up"), ("y", "up")], 1, ["rated_duplicate"]),
        ([("x", "up"), ("y", "down")], 0, ["rated_contradictory", "rated_contradictory"]),
    ],
)
def test_answers_that_scrubbing_made_the_same_are_one(
    texts: list[tuple[str, Rating]], kept: int, reasons: list[str]
) -> None:
    thumbs = whole_frame(thumb(text, rating) for text, rating in texts)
    rows = propose_rated_answers(questions_frame(QUESTIONS), candidates_frame(CANDIDATES), thumbs).rows
    import polars as pl

    screened = drop_repeated_ratings(rows.with_columns(completion=pl.lit("scrubbed")))
    assert len(screened.kept) == kept
    assert screened.removed["reason"].to_list() == reasons
    assert drop_repeated_ratings(rows).kept.equals(rows)
