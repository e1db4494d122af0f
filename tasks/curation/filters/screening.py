"""What a filter of training data returns: the rows that stay, and those that go, each with its reason."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Screened:
    """Rows that stay, in their order, and rows that go, with `reason` (str) and `detail` (str or null: e.g. the
    offending other text)."""

    kept: pl.DataFrame
    removed: pl.DataFrame  # the input's columns plus reason, detail
    replaced: pl.DataFrame | None = None  # TALLIES of what was replaced in the rows; None: nothing


def screened(rows: pl.DataFrame, going: pl.Series, reason: str) -> Screened:
    """The rows without those of these keys, all of which go for the same reason."""
    leaves = pl.col("key").is_in(going.implode())
    return Screened(
        kept=rows.filter(~leaves),
        removed=rows.filter(leaves).with_columns(reason=pl.lit(reason), detail=pl.lit(None, dtype=pl.String)),
    )
