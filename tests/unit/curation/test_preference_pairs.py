"""Preference pairs say what judgements said: once, without contradiction, and never the same on both sides."""

from functools import partial

import example_records
import polars as pl
import pytest
from example_frames import candidates_frame, questions_frame
from example_records import candidate

from tasks.curation.filters.caps import cap_per_prompt
from tasks.curation.naming import name_rows
from tasks.curation.preference_pairs import (
    REASONS,
    drop_blank,
    drop_contradictory_pairs,
    drop_duplicate_pairs,
    drop_identical_pairs,
    propose_pairs,
)
from tasks.curation.tallies import tally, total
from tasks.feedback.event_frames import whole_frame
from tasks.files import sha256_of
from tasks.models.prompting import build_messages
from tasks.records import Candidate, Feedback, PreferencePair, Question, Split
from tasks.settings.curation import CurateSettings

NOTHING_DROPPED = dict.fromkeys(REASONS, 0)
WITHOUT_REFERENCES = CurateSettings(pairs_per_question=9, reference_pairs=False)
WITH_REFERENCES = CurateSettings(pairs_per_question=9, reference_pairs=True)


def question(name: str = "q", answer: str | None = "ideal", split: Split = "train") -> Question:
    return example_records.question(name, answer, split)


def judged(a: str, sign: str, b: str, confidence: float = 0.8, by: str = "human", **more: object) -> Feedback:
    """`x > y`, `x < y`, `x = y` (a tie) or `x ! y` (both bad), judged by someone."""
    name = str(more.pop("question_id", "q"))
    return Feedback.model_validate(
        {
            "id": sha256_of([name, sorted((a, b)), by, more]),
            "question_id": name,
            "candidate_a": candidate(a, name).id,
            "candidate_b": candidate(b, name).id,
            "preference": {">": "a", "<": "b", "=": "tie", "!": "both_bad"}[sign],
            "source": by,
            "confidence": confidence,
            "round": 1,
            **more,
        }
    )


CANDIDATES = [candidate(text) for text in ("x", "y", "z", " x ", "x 2", "x\n2", "ideal", "")]


def build(
    feedback: list[Feedback],
    settings: CurateSettings = WITHOUT_REFERENCES,
    questions: list[Question] | None = None,
    candidates: list[Candidate] | None = None,
) -> tuple[list[PreferencePair], dict[str, int]]:
    judgements = whole_frame(feedback).with_columns(
        voices_a=pl.lit(1.0), voices_b=pl.lit(0.0), behind=pl.concat_list("id")
    )
    proposed = propose_pairs(
        questions_frame(questions or [question()]),
        candidates_frame(candidates or CANDIDATES),
        judgements,
        reference_pairs=settings.reference_pairs,
    )
    rows, tallies = proposed.rows, [proposed.dropped]
    for step in (
        drop_blank,
        drop_identical_pairs,
        drop_duplicate_pairs,
        drop_contradictory_pairs,
        partial(cap_per_prompt, limit=settings.pairs_per_question),
    ):
        screened = step(rows)
        rows = screened.kept
        tallies.append(tally(screened.removed))
    named = name_rows(rows, "pair", "Be brief.")
    records = [PreferencePair.model_validate_json(line) for line in named["line"]]
    return records, total(pl.concat(tallies), REASONS)


def said(pairs: list[PreferencePair]) -> list[str]:
    return sorted(f"{pair.chosen} > {pair.rejected}" for pair in pairs)


@pytest.mark.parametrize(
    ("feedback", "pairs", "dropped"),
    [
        ([judged("x", ">", "y")], ["x > y"], {}),
        ([judged("x", "<", "y")], ["y > x"], {}),
        ([judged("x", "=", "y")], [], {"judgements_tie": 1}),
        ([judged("x", "!", "y")], [], {"judgements_both_bad": 1}),
        ([judged("x", ">", "y", correction="better")], ["better > x", "better > y", "x > y"], {}),
        ([judged("x", "!", "y", correction="better")], ["better > x", "better > y"], {}),
        ([judged("x", "=", "y", correction="better")], ["better > x", "better > y"], {}),
        ([judged("x", ">", "y", correction=" x")], ["x > y"], {"pairs_identical": 1, "pairs_duplicate": 1}),
        ([judged("x", "!", "x", correction="better")], ["better > x"], {}),
        ([judged("x", ">", "x")], [], {"pairs_identical": 1}),
        ([judged("x", ">", " x ")], [], {"pairs_identical": 1}),
        ([judged("x 2", ">", "x\n2")], [], {"pairs_identical": 1}),
        ([judged("x", ">", "")], [], {"pairs_blank": 1}),
        ([judged("x", "=", "y", correction="  ")], [], {"pairs_blank": 2}),
        ([judged("x", ">", "y"), judged("y", "<", "x", by="judge:j")], ["x > y"], {"pairs_duplicate": 1}),
        ([judged("x", ">", "y"), judged(" x ", ">", "y")], ["x > y"], {"pairs_duplicate": 1}),
        (
            [judged("x", ">", "y", 0.9), judged("y", ">", "x", 0.6, by="judge:j")],
            ["x > y"],
            {"pairs_contradictory": 1},
        ),
        ([judged("x", ">", "y", 0.9), judged("y", ">", "x", 0.9, by="oracle")], [], {"pairs_contradictory": 2}),
        (
            [judged("x", ">", "y", by="judge:i"), judged("y", ">", "x", by="judge:j")],
            [],
            {"pairs_contradictory": 2},
        ),
        (  # a judge is never surer than a person
            [judged("x", ">", "y", 0.5), judged("y", ">", "x", 1.0, by="judge:j")],
            ["x > y"],
            {"pairs_contradictory": 1},
        ),
        (
            [judged("y", ">", "x", 1.0, by="judge:j"), judged("z", "=", "z", correction="x")],
            ["x > z", "y > x"],
            {},
        ),
        (  # nor than a correction
            [judged("y", ">", "x", 1.0, by="judge:j"), judged("y", "=", "y", 0.5, correction="x")],
            ["x > y"],
            {"pairs_contradictory": 1},
        ),
        ([judged("x", ">", "y", 0.9), judged("y", ">", " x ", 0.6)], ["x > y"], {"pairs_contradictory": 1}),
        (
            # The opinion of the surest on each side decides, not how many hold it.
            [judged("x", ">", "y", c, by=f"judge:{c}") for c in (0.5, 0.9)]
            + [judged("y", ">", "x", 0.7, by="judge:j")],
            ["x > y"],
            {"pairs_duplicate": 1, "pairs_contradictory": 1},
        ),
        ([judged("x", ">", "gone")], [], {"judgements_on_unknown_candidates": 1}),
        ([judged("x", ">", "y", question_id="gone")], [], {"judgements_on_unknown_questions": 1}),
        ([], [], {}),
    ],
)
def test_each_judgement_becomes_a_pair_or_is_counted(
    feedback: list[Feedback], pairs: list[str], dropped: dict[str, int]
) -> None:
    built, counted = build(feedback)
    assert said(built) == pairs
    assert counted == NOTHING_DROPPED | dropped
    assert build(feedback[::-1], candidates=CANDIDATES[::-1]) == (built, counted)
    assert [pair.id for pair in built] == sorted(pair.id for pair in built)


def test_a_pair_carries_its_prompt_source_and_confidence() -> None:
    row = judged("x", ">", "y", 0.7, by="judge:reference")
    (pair,), _ = build([row])
    assert pair.prompt == build_messages("Be brief.", "What is q?")
    assert (pair.source, pair.confidence) == (f"judge:reference:{row.id}", 0.7)
    assert (pair.question_id, pair.family) == ("q", "q")


def test_the_id_covers_prompt_chosen_and_rejected_alone() -> None:
    ids = [build([row])[0][0].id for row in (judged("x", ">", "y", 0.7), judged("y", "<", "x", 0.9, by="judge:j"))]
    turned = build([judged("x", "<", "y")])[0][0].id
    assert ids[0] == ids[1] != turned


def test_a_correction_s_pairs_are_named_after_it_and_no_vote_weighs_them() -> None:
    row = judged("x", ">", "y", 0.6, correction="better")
    pairs, _ = build([row])
    assert {(pair.chosen, pair.rejected, pair.source, pair.confidence) for pair in pairs} == {
        ("x", "y", f"human:{row.id}", 0.6),
        ("better", "x", f"correction:{row.id}", 1.0),
        ("better", "y", f"correction:{row.id}", 1.0),
    }


@pytest.mark.parametrize(
    ("by", "other", "confidence"), [("judge:i", "judge:j", 0.9), ("human", "oracle", 0.9), ("human", "judge:j", 0.6)]
)
def test_of_equal_pairs_a_person_s_is_kept_and_then_the_most_confident(by: str, other: str, confidence: float) -> None:
    (pair,), _ = build([judged("x", ">", "y", 0.6, by=by), judged("x", ">", "y", 0.9, by=other)])
    assert pair.confidence == confidence


@pytest.mark.parametrize("by", ["human", "oracle"])
def test_within_the_limit_people_come_before_judges_however_sure(by: str) -> None:
    rows = [judged("x", ">", "y", 1.0, by="judge:j"), judged("y", ">", "z", 0.9, by="judge:j")]
    said_by_people = judged("x", ">", "z", 0.5, by=by)
    settings = CurateSettings(pairs_per_question=1, reference_pairs=False)
    pairs, dropped = build([*rows, said_by_people], settings)
    assert [pair.source for pair in pairs] == [f"{by}:{said_by_people.id}"]
    assert dropped == NOTHING_DROPPED | {"pairs_over_limit": 2}


def test_a_judgement_on_a_test_question_is_dropped_and_counted() -> None:
    pairs, dropped = build(
        [judged("x", ">", "y", correction="better")], WITH_REFERENCES, questions=[question(split="test")]
    )
    assert pairs == []
    assert dropped == NOTHING_DROPPED | {"judgements_on_test_questions": 1}


def test_a_candidate_of_another_question_is_unknown() -> None:
    row = judged("x", ">", "y").model_copy(update={"candidate_b": candidate("x", "other").id})
    pairs, dropped = build([row], candidates=[*CANDIDATES, candidate("x", "other")])
    assert (pairs, dropped["judgements_on_unknown_candidates"]) == ([], 1)


@pytest.mark.parametrize(
    ("feedback", "rejected"),
    [
        ([judged("x", ">", "y"), judged("x", ">", "z"), judged("y", ">", "z")], "z"),
        # both_bad is a loss for each; of x and y, y has a win
        ([judged("x", "!", "y"), judged("x", "!", "y", by="judge:j"), judged("y", ">", "z")], "x"),
        # equal losses: the one without a win, whichever of their ids is smaller
        ([judged("x", ">", "y"), judged("z", ">", "x")], "y"),
        ([judged("y", ">", "x"), judged("z", ">", "y")], "x"),
        ([judged("x", ">", "y"), judged("y", ">", "z"), judged("y", ">", "x", by="judge:j")], "z"),  # fewest wins
        ([judged("x", "=", "y")], min("xy", key=lambda text: candidate(text).id)),  # no loser: the smallest id
        ([judged("x", "=", "y"), judged("z", ">", "y")], "y"),
    ],
)
def test_the_reference_answer_is_chosen_over_the_worst_judged_candidate(
    feedback: list[Feedback], rejected: str
) -> None:
    pairs, _ = build(feedback, WITH_REFERENCES)
    (pair,) = [pair for pair in pairs if pair.source.startswith("reference:")]
    assert (pair.chosen, pair.rejected, pair.confidence) == ("ideal", rejected, 1.0)
    assert pair.source == f"reference:{candidate(rejected).id}"
    assert build(feedback[::-1], WITH_REFERENCES)[0] == pairs


@pytest.mark.parametrize(
    ("feedback", "questions", "dropped"),
    [
        ([], [question()], {}),
        ([judged("x", "=", "y")], [question(answer=None)], {"judgements_tie": 1}),
        ([judged("x", "=", "y")], [question(answer=" ")], {"judgements_tie": 1, "pairs_blank": 1}),
        ([judged("ideal", "!", "ideal")], [question()], {"judgements_both_bad": 1, "pairs_identical": 1}),
    ],
)
def test_there_is_no_reference_pair_without_a_different_reference_and_a_judgement(
    feedback: list[Feedback], questions: list[Question], dropped: dict[str, int]
) -> None:
    pairs, counted = build(feedback, WITH_REFERENCES, questions)
    assert (pairs, counted) == ([], NOTHING_DROPPED | dropped)


def test_the_limit_keeps_the_most_confident_pairs_of_each_question_and_a_reference_pair_on_top() -> None:
    rows = [judged("x", ">", "y", 0.6), judged("y", ">", "z", 0.9), judged("x", ">", "z", 0.7)]
    others = [judged("x", ">", "y", 0.5, question_id="q2")]
    candidates = CANDIDATES + [candidate(text, "q2") for text in "xy"]
    pairs, dropped = build(
        rows + others, CurateSettings(pairs_per_question=2), [question(), question("q2")], candidates
    )
    assert [pair.id for pair in pairs] == sorted(pair.id for pair in pairs)
    assert said([pair for pair in pairs if pair.question_id == "q"]) == ["ideal > z", "x > z", "y > z"]
    assert said([pair for pair in pairs if pair.question_id == "q2"]) == ["ideal > y", "x > y"]
    assert dropped == NOTHING_DROPPED | {"pairs_over_limit": 1}


def test_a_claim_against_the_reference_text_and_the_reference_pair_cancel_out() -> None:
    # The candidate "ideal" is the reference answer word for word; neither claim is surer, so neither is taught.
    rows = [judged("x", ">", "ideal", 1.0), judged("y", ">", "x"), judged("z", ">", "x")]
    pairs, dropped = build(rows, WITH_REFERENCES)
    assert said(pairs) == ["y > x", "z > x"]
    assert dropped == NOTHING_DROPPED | {"pairs_contradictory": 2}
