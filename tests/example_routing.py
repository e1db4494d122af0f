"""Comparisons, verdicts and earlier labels in tests, and one call of the router on them."""

from typing import get_args

from example_records import comparison, judgement, question

from tasks.feedback.labels import LabelRequest, RoutedWhy
from tasks.feedback.routing import PastLabel, route
from tasks.records import Comparison, Feedback, Preference

NONE = dict.fromkeys(get_args(RoutedWhy), 0)
PREFERENCES: list[Preference] = ["a", "b", "tie", "both_bad"]


def about(*names: str, pairs: tuple[str, ...] = ("xy",)) -> list[Comparison]:
    """Comparisons of texts x, y and z, for each of the questions."""
    return [comparison(a, b, question(name)) for name in names for a, b in pairs]


def verdict(
    name: str, confidence: float = 1.0, preference: Preference = "a", by: str = "judge:j", **more: object
) -> Feedback:
    return judgement("x", "y", preference, by=by, name=name, confidence=confidence, **more)  # type: ignore[arg-type]


def said(name: str, preference: Preference = "a", annotator: str = "ann", a: str = "x", b: str = "y") -> PastLabel:
    """What a person said in an earlier round, when the candidates had other ids."""
    row = judgement(f"old {a}", f"old {b}", preference, annotator=annotator, name=name)
    return row, a, f" {b}\n"


def ask(
    comparisons: list[Comparison],
    judgements: list[Feedback] | tuple[Feedback, ...] = (),
    past: list[PastLabel] | tuple[PastLabel, ...] = (),
    *,
    budget: int = 100,
    audit_share: float = 0.0,
    places: dict[str, list[float]] | None = None,
    seed: int = 0,
    round_number: int = 1,
) -> tuple[list[LabelRequest], dict[str, int]]:
    embeddings = places or {each.question.id: [float(ord(each.question.id[0]))] for each in comparisons}
    return route(
        comparisons,
        judgements,
        past,
        embeddings,
        budget=budget,
        audit_share=audit_share,
        domain="d",
        round_number=round_number,
        seed=seed,
    )


def chosen(requests: list[LabelRequest]) -> list[tuple[str, str]]:
    return [(request.question_id, request.why) for request in requests]


def labels(requests: list[LabelRequest]) -> int:
    return sum(2 if request.why == "audit" else 1 for request in requests)
