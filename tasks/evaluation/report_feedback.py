"""The report's words on what the challenger learned from: who said it, and how far they agree."""

from collections.abc import Iterator
from typing import Any

from tasks.curation.summary import FeedbackSummary
from tasks.evaluation.report_text import count_of, format_number
from tasks.feedback.agreement import Agreement

_KINDS = {
    "reference": "reference answers",
    "correction": "people's corrections",
    "human": "people's preferences",
    "oracle": "the scripted annotator's preferences",
}


def describe_feedback(summary: FeedbackSummary) -> dict[str, Any]:
    """The table of training rows by kind, and a sentence on each agreement that could be measured."""
    kinds = sorted({*summary.demonstrations, *summary.preference_pairs}, key=_order)
    return {
        "rows": [
            {
                "kind": kind_label(kind),
                "demonstrations": f"{summary.demonstrations.get(kind, 0):,}",
                "preference_pairs": f"{summary.preference_pairs.get(kind, 0):,}",
            }
            for kind in kinds
        ],
        "judgements": ", ".join(
            f"{count:,} by {_SOURCES.get(source) or source}" for source, count in summary.judgements.items()
        ),
        "agreement": list(describe_agreement(summary.agreement)),
    }


_SOURCES = {"human": "people", "oracle": "the scripted annotator", "judge:reference": "the reference judge"}


def kind_label(kind: str) -> str:
    """What a kind of training row is called."""
    if kind.startswith("judge:"):
        return f"{kind.removeprefix('judge:')} judge's preferences"
    return _KINDS.get(kind, kind)


def describe_agreement(agreement: Agreement) -> Iterator[str]:
    """A sentence on people among themselves, and one on each judge beside people; says so where there is nothing."""
    if agreement.comparisons == 0:
        yield "Nobody's answers can be set beside another person's yet: no comparison was answered by two."
    else:
        share = _percent(agreement.agreed) if agreement.agreed is not None else "none"
        yield (
            f"{agreement.annotators} annotators answered {count_of(agreement.comparisons, 'comparison')} twice or more "
            f"and gave the same answer in {share} of the pairs; {_alpha(agreement)}"
        )
    for judge in agreement.judges:
        low, high = judge.ci95
        yield (
            f"{judge.judge} says what people say in {_percent(judge.agreed)} of their answers on "
            f"{count_of(judge.comparisons, 'audit comparison')} (95 % interval {_percent(low)} to {_percent(high)})."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _alpha(agreement: Agreement) -> str:
    if agreement.alpha is None or agreement.alpha_ci95 is None:
        return "Krippendorff's alpha needs two comparisons, and answers that are not all alike."
    low, high = (format_number(end, 2) for end in agreement.alpha_ci95)
    return f"Krippendorff's alpha is {format_number(agreement.alpha, 2)} (95 % interval {low} to {high}; 0 is chance)."


def _order(kind: str) -> tuple[bool, str]:
    """People first, judges after them, in alphabetical order."""
    return kind.startswith("judge:") or kind == "reference", kind
