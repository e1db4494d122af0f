"""Who gave a judgement, and how a judge's verdicts become feedback."""

from collections.abc import Sequence

from tasks.files import sha256_of
from tasks.judging.judges import Judge, Verdict
from tasks.records import Comparison, Feedback

# `oracle` is a script that answers in a person's place, in demos and tests.
PEOPLE = ("human", "oracle")


def is_person(feedback: Feedback) -> bool:
    """Whether a person gave the judgement, or the script that stands in for one, rather than a judge."""
    return feedback.source in PEOPLE


def judge_feedback(judge: Judge, comparisons: Sequence[Comparison], round_number: int) -> list[Feedback]:
    """The judge's feedback, one for each pair of candidates, whichever way round and however often it is given.

    Raises:
        RatchetError: when the judge cannot judge one of the comparisons.
    """
    source = f"judge:{judge.name}"
    asked: dict[str, Comparison] = {}
    for each in comparisons:
        asked.setdefault(feedback_id(source, None, each.question.id, each.a.id, each.b.id), each)
    verdicts = judge.compare(list(asked.values()))
    return [
        _record(source, judgement_id, comparison, verdict, round_number)
        for (judgement_id, comparison), verdict in zip(asked.items(), verdicts, strict=True)
    ]


def feedback_id(
    source: str,
    annotator: str | None,
    question_id: str,
    candidate_a: str,
    candidate_b: str,
    request: str | None = None,
) -> str:
    """The id of a judgement (64 hex digits): who judged what, whichever way round the candidates were shown.

    Args:
        request: where a person was asked, `<dataset>/<record>`: asked again elsewhere, their answer is another one.
    """
    identity = {
        "source": source,
        "annotator": annotator,
        "question_id": question_id,
        "candidates": sorted((candidate_a, candidate_b)),
    }
    return sha256_of(identity if request is None else {**identity, "request": request})


def _record(source: str, judgement_id: str, comparison: Comparison, verdict: Verdict, round_number: int) -> Feedback:
    return Feedback(
        id=judgement_id,
        question_id=comparison.question.id,
        candidate_a=comparison.a.id,
        candidate_b=comparison.b.id,
        preference=verdict.preference,
        source=source,
        confidence=verdict.confidence,
        reason=verdict.reason,
        round=round_number,
    )
