"""A judge as a feedback source, and the id that lets a judgement count once."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ModelError
from tasks.feedback.sources import FeedbackSource, JudgeFeedback, feedback_id
from tasks.files import sha256_of
from tasks.judging.judges import Verdict
from tasks.records import Candidate, Comparison, Feedback, Question

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


def comparison(a: str = "x", b: str = "y", name: str = "q") -> Comparison:
    def candidate(text: str) -> Candidate:
        return Candidate(
            id=sha256_of([name, text]),
            question_id=name,
            text=text,
            arm="base",
            weights_sha256="0" * 64,
            temperature=0.8,
            seed=0,
            prompt_tokens=1,
            completion_tokens=1,
            latency_s=0.1,
        )

    question = Question(id=name, question="What?", answer="x", family="f", split="train")
    return Comparison(question=question, a=candidate(a), b=candidate(b))


def test_a_judge_answers_when_asked_and_its_words_are_kept() -> None:
    asked = comparison()
    source: FeedbackSource = JudgeFeedback(ScriptedJudge())
    assert source.answers() == []
    source.ask([asked], 3)
    assert source.answers() == [
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


def test_asking_again_or_the_other_way_round_judges_nothing_twice() -> None:
    judge = ScriptedJudge()
    source = JudgeFeedback(judge)
    source.ask([comparison("x", "y"), comparison("y", "x"), comparison("x", "z")], 1)
    first = source.answers()
    source.ask([comparison("z", "x")], 2)
    assert source.answers() == first
    assert [(each.a.text, each.b.text) for each in judge.seen] == [("x", "y"), ("x", "z")]


@pytest.mark.parametrize(
    ("judge", "error"),
    [(BrokenJudge(ModelError("The judge did not answer.")), ModelError), (BrokenJudge(None), ValueError)],
)
def test_a_judge_that_fails_leaves_no_answers_for_the_round(judge: BrokenJudge, error: type[Exception]) -> None:
    source = JudgeFeedback(judge)
    with pytest.raises(error):
        source.ask([comparison()], 1)
    assert source.answers() == []


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
    }
    assert len(ids) == 7


def test_the_id_is_the_same_in_every_release() -> None:
    # Logs outlive releases: an id that changed would count every old judgement twice.
    text = f'{{"annotator":null,"candidates":["{A}","{B}"],"question_id":"q","source":"human"}}'
    assert feedback_id("human", None, "q", B, A) == hashlib.sha256(text.encode()).hexdigest()
