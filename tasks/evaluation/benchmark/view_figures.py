"""How the benchmark's page writes figures: shares, p-values, means with intervals, and rows of paired tests."""

from typing import Any

from tasks.evaluation import report_text as text
from tasks.evaluation.benchmark.suggestions import SURE
from tasks.records import MetricSummary, PairedTest


def format_share(share: float) -> str:
    """A share as per cent."""
    return f"{100 * share:.0f} %"


def format_p(p_value: float) -> str:
    """A p-value as it is written: three digits, and no zero."""
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def state_p(p_value: float) -> str:
    """A p-value within a sentence: `p = 0.012`, `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def show_cell(column: str, summary: MetricSummary) -> dict[str, Any]:
    """A mean with its interval, below a column's name."""
    low, high = (text.format_number(end) for end in summary.ci95)
    return {"arm": column, "mean": text.format_number(summary.mean), "interval": f"{low} to {high}"}


def show_comparison(label: str, comparison: PairedTest) -> dict[str, Any]:
    """A row of a table of paired tests."""
    low, high = comparison.ci95
    return {
        "metric": label,
        "difference": text.format_signed(comparison.difference),
        "interval": f"{text.format_signed(low)} to {text.format_signed(high)}",
        "outcomes": f"{comparison.wins} / {comparison.ties} / {comparison.losses}",
        "p_value": format_p(comparison.p_value_holm),
        "sure": comparison.p_value_holm < SURE,
    }
