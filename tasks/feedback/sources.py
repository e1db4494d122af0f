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
    asked = distinct(comparisons)
    return verdict_feedback(judge.name, asked, judge.compare(asked), round_number)


def distinct(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons in their order, each pair of candidates once, whichever way round it is given first."""
    kept: dict[tuple[str, ...], Comparison] = {}
    for each in comparisons:
        kept.setdefault((each.question.id, *sorted((each.a.id, each.b.id))), each)
    return list(kept.values())


def verdict_feedback(
    judge_name: str, comparisons: Sequence[Comparison], verdicts: Sequence[Verdict | None], round_number: int
) -> list[Feedback]:
    """A judge's verdicts on distinct comparisons, in the same order, as feedback; None is no verdict and no feedback.

    Raises:
        ValueError: when there are not as many verdicts as comparisons.
    """
    source = f"judge:{judge_name}"
    return [
        _record(source, comparison, verdict, round_number)
        for comparison, verdict in zip(comparisons, verdicts, strict=True)
        if verdict is not None
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


def _record(source: str, comparison: Comparison, verdict: Verdict, round_number: int) -> Feedback:
    return Feedback(
        id=feedback_id(source, None, comparison.question.id, comparison.a.id, comparison.b.id),
        question_id=comparison.question.id,
        candidate_a=comparison.a.id,
        candidate_b=comparison.b.id,
        preference=verdict.preference,
        source=source,
        confidence=verdict.confidence,
        reason=verdict.reason,
        round=round_number,
        swap_inconsistent=verdict.swap_inconsistent,
        both_orders=verdict.both_orders,
    )
