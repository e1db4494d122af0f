"""Small records for tests: one question, its candidates, and what somebody says of them."""

from datetime import UTC, datetime, timedelta

from tasks.feedback.sources import feedback_id
from tasks.files import sha256_of
from tasks.records import Candidate, Comparison, Feedback, Preference, Question, Split

_START = datetime(2026, 1, 1, tzinfo=UTC)


def question(
    name: str = "q",
    answer: str | None = "yes",
    split: Split = "train",
    text: str | None = None,
    family: str | None = None,
) -> Question:
    """A question whose family is its own, unless another is given."""
    return Question(id=name, question=text or f"What is {name}?", answer=answer, family=family or name, split=split)


def candidate(text: str, question_id: str = "q", seed: int = 0) -> Candidate:
    """An answer; other texts, questions and seeds have other ids."""
    return Candidate(
        id=sha256_of([question_id, text, seed]),
        question_id=question_id,
        text=text,
        arm="base",
        weights_sha256="0" * 64,
        temperature=0.8,
        seed=seed,
        prompt_tokens=1,
        completion_tokens=1,
        latency_s=0.1,
    )


def comparison(a: str = "x", b: str = "y", of: Question | None = None) -> Comparison:
    """Two answers to a question, side by side."""
    of = of or question()
    return Comparison(question=of, a=candidate(a, of.id), b=candidate(b, of.id))


def judgement(
    a: str = "x",
    b: str = "y",
    preference: Preference = "a",
    *,
    by: str = "human",
    annotator: str | None = None,
    name: str = "q",
    request: str | None = None,
    round_: int = 1,
    **more: object,
) -> Feedback:
    """What somebody says of the candidates with these two texts."""
    first, second = candidate(a, name).id, candidate(b, name).id
    return Feedback.model_validate(
        {
            "id": feedback_id(by, annotator, name, first, second, request),
            "question_id": name,
            "candidate_a": first,
            "candidate_b": second,
            "preference": preference,
            "source": by,
            "annotator": annotator,
            "round": round_,
            **more,
        }
    )


def minute(number: int) -> datetime:
    """A moment by the server's clock."""
    return _START + timedelta(minutes=number)
