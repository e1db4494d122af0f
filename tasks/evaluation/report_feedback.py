"""The report's words on what the challenger learned from: who said it, and how far they agree."""

from typing import Any

from tasks.curation.summary import FeedbackSummary
from tasks.evaluation.report_judges import describe_judges
from tasks.evaluation.report_text import count_of, format_number
from tasks.feedback.agreement import Agreement

_KINDS = {
    "reference": "reference answers",
    "correction": "corrections",
    "human": "people's preferences",
    "oracle": "the scripted annotator's preferences",
    "end_user": "end users' thumbs",
}


def describe_feedback(summary: FeedbackSummary) -> dict[str, Any]:
    """The table of training rows by kind, how far people agree, and what is known of judges."""
    kinds = sorted({*summary.demonstrations, *summary.preference_pairs, *summary.rated_answers}, key=_order)
    return {
        "rows": [
            {
                "kind": kind_label(kind),
                "demonstrations": f"{summary.demonstrations.get(kind, 0):,}",
                "preference_pairs": f"{summary.preference_pairs.get(kind, 0):,}",
                "rated_answers": f"{summary.rated_answers.get(kind, 0):,}",
            }
            for kind in kinds
        ],
        "judgements": ", ".join(
            f"{count:,} by {_SOURCES.get(source) or source}" for source, count in summary.judgements.items()
        ),
        "agreement": describe_agreement(summary.agreement),
        "judges": describe_judges(summary),
    }


_SOURCES = {
    "human": "people",
    "oracle": "the scripted annotator",
    "judge:reference": "the reference judge",
    "end_user": "end users",
}


def kind_label(kind: str) -> str:
    """What a kind of training row is called."""
    if kind.startswith("judge:"):
        return f"{kind.removeprefix('judge:')} judge's preferences"
    return _KINDS.get(kind, kind)


def describe_agreement(agreement: Agreement) -> str:
    """A sentence on how far people agree; says so where there is nothing to set beside each other."""
    if agreement.comparisons == 0:
        return "Nobody's answers can be set beside another person's yet: no comparison was answered by two."
    share = f"{100 * agreement.agreed:.0f} %" if agreement.agreed is not None else "none"
    return (
        f"{agreement.annotators} annotators answered {count_of(agreement.comparisons, 'comparison')} twice or more "
        f"and gave the same answer in {share} of the pairs; {_alpha(agreement)}"
    )


def _alpha(agreement: Agreement) -> str:
    if agreement.alpha is None or agreement.alpha_ci95 is None:
        return "Krippendorff's alpha needs two comparisons, and answers that are not all alike."
    low, high = (format_number(end, 2) for end in agreement.alpha_ci95)
    return f"Krippendorff's alpha is {format_number(agreement.alpha, 2)} (95 % interval {low} to {high}; 0 is chance)."


def _order(kind: str) -> tuple[bool, str]:
    """People first, judges after them, in alphabetical order."""
    return kind.startswith("judge:") or kind == "reference", kind
