"""Counts of what was left out, and replaced, by question and reason: they add up over any division of the questions."""

from collections.abc import Iterable

import polars as pl

JUDGEMENTS = "judgements"  # the step at which a judgement gave no row
PROPOSED = "proposed"  # rows before any filter; the reason is their origin
REPLACED = "replaced"  # texts of those rows in which something was replaced; the reason is what

TALLIES = pl.Schema(
    {
        "question_id": pl.String,
        "step": pl.String,  # JUDGEMENTS, PROPOSED, REPLACED, or the filter that left rows out
        "kind": pl.String,  # of rows; null for judgements
        "reason": pl.String,
        "count": pl.Int64,
    }
)


def tally(frame: pl.DataFrame, reason: str | None = None) -> pl.DataFrame:
    """TALLIES of judgements (or questions) left out, by their `reason` unless one is given."""
    named = frame.select("question_id", reason=pl.col("reason") if reason is None else pl.lit(reason))
    return _counted(named.with_columns(step=pl.lit(JUDGEMENTS), kind=pl.lit(None, pl.String)))


def tally_proposed(rows: pl.DataFrame) -> pl.DataFrame:
    """TALLIES of rows before any filter."""
    return _counted(rows.select("question_id", "kind", step=pl.lit(PROPOSED), reason="origin"))


def tally_removed(removed: pl.DataFrame) -> pl.DataFrame:
    """TALLIES of the rows that filters left out, each with its `filter` and `reason`."""
    return _counted(removed.select("question_id", "kind", "reason", step="filter"))


def tally_replaced(rows: pl.DataFrame, replaced: pl.DataFrame) -> pl.DataFrame:
    """TALLIES of the texts in which something was replaced.

    Args:
        replaced: numbers of `rows`, `what` was replaced in them, and in how many `texts`.
    """
    places = rows.select("question_id", "kind", row=pl.int_range(pl.len(), dtype=pl.UInt32))
    named = replaced.join(places, on="row").select("question_id", "kind", "texts", reason="what", step=pl.lit(REPLACED))
    counts = named.group_by("question_id", "step", "kind", "reason").agg(count=pl.col("texts").sum())
    return counts.select(TALLIES.names())


def total(tallies: pl.DataFrame, reasons: Iterable[str] = ()) -> dict[str, int]:
    """How many were left out for each reason, sorted by reason; those of `reasons` that do not occur are 0."""
    left_out = tallies.filter(~pl.col("step").is_in([PROPOSED, REPLACED]))
    summed = left_out.group_by("reason").agg(pl.col("count").sum())
    counted = dict.fromkeys(reasons, 0) | dict(zip(summed["reason"], summed["count"], strict=True))
    return dict(sorted(counted.items()))


def _counted(named: pl.DataFrame) -> pl.DataFrame:
    counts = named.group_by("question_id", "step", "kind", "reason").agg(count=pl.len().cast(pl.Int64))
    return counts.select(TALLIES.names())
