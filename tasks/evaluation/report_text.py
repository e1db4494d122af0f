"""The report's words: what metrics and arms are called, how numbers are written, and the verdict in plain English."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.gate.outcome import describe_approval
from tasks.records import ArmReport, PairedDifference, PromotionDecision

MINUS = "\u2212"


@dataclass(frozen=True)
class MetricText:
    """What a metric is called, and what it says in one line."""

    label: str
    line: str


METRIC_TEXTS: Mapping[str, MetricText] = {
    "rouge_l": MetricText(
        "ROUGE-L",
        "How much the answer and the reference say in the same words and order; padding costs points. 0 to 1.",
    ),
    "rouge_l_recall": MetricText(
        "ROUGE-L recall", "The share of the reference that the answer says in order, however long it is. 0 to 1."
    ),
    "token_overlap_recall": MetricText(
        "Word recall", "The share of the reference's words found in the answer, in any order. 0 to 1."
    ),
    "semantic_similarity": MetricText(
        "Semantic similarity",
        "How near the two are in meaning, by sentence embeddings; it may overlook a wrong name. \u22121 to 1.",
    ),
    "context_overlap": MetricText(
        "Words from the passages",
        "The share of the answer's words found in the passages it was given; not whether they fit together. 0 to 1.",
    ),
    "groundedness": MetricText(
        "Groundedness", "The share of an answer's claims that its passages support, by their words. 0 to 1."
    ),
    "win_rate": MetricText(
        "Win rate",
        "How often an answer beats the champion's, or the first arm's, by a judge; a tie counts half. 0 to 1.",
    ),
}

ARM_LABELS: Mapping[str, str] = {
    "base": "Base",
    "champion": "Champion",
    "challenger": "Challenger",
    "rag": "RAG",
    "ft": "Fine-tuned",
    "rag_ft": "RAG + fine-tuned",
}


@dataclass(frozen=True)
class Verdict:
    """The banner at the top.

    Attributes:
        tone: `promoted`, `held` or `open`, which chooses its colour.
        title: two words.
        sentence: what was measured, in one sentence.
        reasons: the sentences of the checks that failed.
    """

    tone: str
    title: str
    sentence: str
    reasons: tuple[str, ...]


def metric_label(name: str) -> str:
    """The metric's name for people."""
    return METRIC_TEXTS[name].label if name in METRIC_TEXTS else spell_out(name)


def arm_label(name: str) -> str:
    """The arm's name for people."""
    return ARM_LABELS.get(name) or spell_out(name)


def spell_out(name: str) -> str:
    """A snake_case name as words, first letter large."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def format_number(value: float, digits: int = 3) -> str:
    """A number with a real minus sign; what rounds to zero has none."""
    text = f"{abs(value):.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and float(text) != 0 else text


def format_interval(mean: float, ci95: tuple[float, float], digits: int = 3) -> str:
    """A mean with its interval, as the command line shows them: `0.420 (0.391-0.450)`."""
    return f"{mean:.{digits}f} ({ci95[0]:.{digits}f}-{ci95[1]:.{digits}f})"


def format_signed(value: float, digits: int = 3) -> str:
    """A difference with its sign, plus or minus, except for zero."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def format_seconds(seconds: float) -> str:
    """Seconds as people say them: 0.45 s, 12.3 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    return f"{minutes} min {round(seconds) % 60} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count_of(number: int, singular: str) -> str:
    """`1 question`, `80 questions`."""
    return f"{number:,} {singular}{'' if number == 1 else 's'}"


def describe_difference(comparison: PairedDifference) -> str:
    """`+0.16 ROUGE-L (95 % interval +0.12 to +0.20)`, with as many digits as no figure needs to look like zero."""
    figures = (comparison.difference, *comparison.ci95)
    digits = next((d for d in (2, 3) if all(v == 0 or round(abs(v), d) > 0 for v in figures)), 4)
    difference, low, high = (format_signed(figure, digits) for figure in figures)
    return f"{difference} {metric_label(comparison.metric)} (95 % interval {low} to {high})"


def state_verdict(report: ArmReport, decision: PromotionDecision | None, metric: str) -> Verdict:
    """The decision and its reasons, from the certificate's checks and the comparison on the primary metric."""
    comparison = report.comparison(metric)
    measured = _describe_measured(comparison, report.questions) if comparison else ""
    if decision is None:
        return Verdict("open", "Not decided", measured or "No promotion has been decided on these figures.", ())
    checks = decision.certificate.checks
    failed = tuple(check.sentence for check in checks if not check.passed)
    if decision.promoted:
        return Verdict("promoted", "Promoted", measured or f"All {count_of(len(checks), 'check')} passed.", failed)
    if decision.waits:
        waits = f"All {count_of(len(checks), 'check')} passed; the champion stays until a person approves."
        return Verdict("open", "Waiting for approval", measured or waits, (waits,) if measured else ())
    if decision.approval is not None and not decision.approval.approved:
        return Verdict("held", "Rejected", describe_approval(decision.approval), failed)
    cause = f"{len(failed)} of {count_of(len(checks), 'check')} failed" if failed else "the registry kept it back"
    return Verdict("held", "Not promoted", f"The champion stays, because {cause}.", failed)


def _describe_measured(comparison: PairedDifference, questions: int) -> str:
    asked = f"on {count_of(questions, 'unseen question')}"
    if comparison.ci95[0] > 0:
        return f"The challenger beats the champion by {describe_difference(comparison)} {asked}."
    if comparison.ci95[1] < 0:
        return f"The challenger falls behind the champion by {describe_difference(comparison)} {asked}."
    if comparison.difference == 0:
        return f"The challenger scores as the champion does: {describe_difference(comparison)} {asked}."
    return (
        f"The challenger differs from the champion by {describe_difference(comparison)} {asked}, "
        "which chance alone could explain."
    )


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested provenance as rows of dotted key and text, in the order given; None and empty lists are left out."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += flatten(value, f"{name}.")
        elif isinstance(value, list | tuple):
            rows += [(name, ", ".join(str(item) for item in value))] if value else []
        elif value is not None:
            rows.append((name, str(value)))
    return rows
