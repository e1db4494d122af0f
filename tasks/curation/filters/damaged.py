"""Answers that were decoded or cut wrongly somewhere before they came here."""

import polars as pl

from tasks.curation.filters.degenerate import learned_from
from tasks.curation.filters.screening import Screened
from tasks.domain.text_damage import SIGNS, damage

READS = ("completion", "desirable")
WRITES: tuple[str, ...] = ()


def drop_damaged(rows: pl.DataFrame) -> Screened:
    """ROWS without those that teach a damaged answer: wrongly decoded letters, U+FFFD, control characters.

    The reason is `answers_damaged`; the detail says which sign of `tasks.domain.text_damage` was found, and where.
    """
    signs = (pl.col("completion").str.contains(sign.pattern) for sign in SIGNS.values())
    is_bad = rows.select(is_bad=learned_from() & pl.any_horizontal(signs))["is_bad"]
    removed = rows.filter(is_bad)
    details = pl.Series("detail", map(_describe, removed["completion"]), dtype=pl.String)
    return Screened(
        kept=rows.filter(~is_bad), removed=removed.with_columns(pl.lit("answers_damaged").alias("reason"), details)
    )


def _describe(text: str) -> str:
    return ", ".join(f"{kind}: {sign!a}" for kind, sign in damage(text).items())
