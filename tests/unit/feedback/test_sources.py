"""A judge as a feedback source, and the id that lets a judgement count once."""

import hashlib
from collections.abc import Sequence

import pytest
from example_records import comparison
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ModelError
from tasks.feedback.sources import distinct, feedback_id, is_person, judge_feedback, verdict_feedback
from tasks.judging.judges import Verdict
from tasks.records import Comparison, Feedback

A, B = "a" * 64, "b" * 64


class ScriptedJudge:
    """Prefers a, and records the comparisons it was given."""

    name = "scripted"

    def __init__(self) -> None:
        self.seen: list[Comparison] = []

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        self.seen += comparisons
        return [Verdict(preference="a", confidence=0.75, reason="a is first") for _ in comparisons]


class BrokenJudge(ScriptedJudge):
    """Gives no verdict, by an error or by an answer too few."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        if self.error:
            raise self.error
        return super().compare(comparisons)[1:]


def test_a_judge_s_verdict_becomes_feedback() -> None:
    asked = comparison()
    assert judge_feedback(ScriptedJudge(), [asked], 3) == [
        Feedback(
            id=feedback_id("judge:scripted", None, "q", asked.a.id, asked.b.id),
            question_id="q",
            candidate_a=asked.a.id,
            candidate_b=asked.b.id,
            preference="a",
            source="judge:scripted",
            confidence=0.75,
            reason="a is first",
            round=3,
        )
    ]


def test_the_same_pair_again_or_the_other_way_round_is_judged_once() -> None:
    judge = ScriptedJudge()
    given_ = judge_feedback(judge, [comparison("x", "y"), comparison("y", "x"), comparison("x", "z")], 1)
    assert len(given_) == 2
    assert [(each.a.text, each.b.text) for each in judge.seen] == [("x", "y"), ("x", "z")]


@pytest.mark.parametrize(
    ("judge", "error"),
    [(BrokenJudge(ModelError("The judge did not answer.")), ModelError), (BrokenJudge(None), ValueError)],
)
def test_a_judge_that_fails_or_answers_too_few_is_an_error(judge: BrokenJudge, error: type[Exception]) -> None:
    with pytest.raises(error):
        judge_feedback(judge, [comparison()], 1)


def test_only_people_and_the_script_in_their_place_count_as_people() -> None:
    row = judge_feedback(ScriptedJudge(), [comparison()], 1)[0]
    assert not is_person(row)
    assert is_person(row.model_copy(update={"source": "human"}))
    assert is_person(row.model_copy(update={"source": "oracle"}))
    assert not is_person(row.model_copy(update={"source": "end_user"}))


@given(*[st.text(max_size=8)] * 3)
def test_the_id_forgets_which_side_a_candidate_stood_on(source: str, annotator: str, question_id: str) -> None:
    assert feedback_id(source, annotator, question_id, A, B) == feedback_id(source, annotator, question_id, B, A)


def test_the_id_tells_who_judged_what() -> None:
    ids = {
        feedback_id("human", "ann", "q", A, B),
        feedback_id("human", "bob", "q", A, B),
        feedback_id("human", None, "q", A, B),
        feedback_id("end_user", "ann", "q", A, B),
        feedback_id("human", "ann", "q2", A, B),
        feedback_id("human", "ann", "q", A, A),
        feedback_id("humana", "nn", "q", A, B),
        feedback_id("human", "ann", "q", A, B, request="dataset/record"),
        feedback_id("human", "ann", "q", A, B, request="dataset/other"),
    }
    assert len(ids) == 9


def test_the_id_is_the_same_in_every_release() -> None:
    # Logs outlive releases: an id that changed would count every old judgement twice.
    text = f'{{"annotator":null,"candidates":["{A}","{B}"],"question_id":"q","source":"human"}}'
    assert feedback_id("human", None, "q", B, A) == hashlib.sha256(text.encode()).hexdigest()


def test_comparisons_are_distinct_whichever_way_round_they_are_given() -> None:
    one, other = comparison("x", "y"), comparison("x", "z")
    turned = one.model_copy(update={"a": one.b, "b": one.a})
    assert distinct([one, other, turned, one]) == [one, other]
    assert distinct([turned, one]) == [turned]


def test_a_verdict_that_is_missing_is_no_feedback_and_what_a_judge_said_in_both_orders_is_kept() -> None:
    asked = [comparison("x", "y"), comparison("x", "z")]
    verdict = Verdict(preference="tie", confidence=0.0, swap_inconsistent=True, both_orders=("a", "b"))
    [row] = verdict_feedback("j@1", asked, [None, verdict], 2)
    assert (row.candidate_b, row.source, row.round) == (asked[1].b.id, "judge:j@1", 2)
    assert (row.preference, row.swap_inconsistent, row.both_orders) == ("tie", True, ("a", "b"))
    assert row.id == verdict_feedback("j@1", asked[1:], [verdict], 3)[0].id
    with pytest.raises(ValueError, match="shorter"):
        verdict_feedback("j@1", asked, [verdict], 2)
