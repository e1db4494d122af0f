"""Length bias: where the chosen answer is mostly the longer one, DPO learns to talk at length rather than well.

(Park, Rafailov, Ermon & Finn 2024, "Disentangling Length from Quality in Direct Preference Optimization".)
Length is counted in characters, which needs no tokenizer and means the same for any model.
"""

import polars as pl

from tasks.curation.draws import draw
from tasks.curation.filters.caps import SAID_BY_PEOPLE
from tasks.curation.filters.screening import Screened

READS = ("key", "kind", "completion", "rejected", "origin", "confidence")

_LONGER_BY = pl.col("completion").str.len_chars().cast(pl.Int64) - pl.col("rejected").str.len_chars().cast(pl.Int64)


def balance_length(rows: pl.DataFrame) -> Screened:
    """Leaves out (`pairs_unbalancing_length`) pairs until the chosen answer is the longer one in half of them.

    Of the side that has too many, judges' go before people's, then the least confident, then as their keys draw.

    Args:
        rows: ROWS.
    """
    sides = rows.filter(pl.col("kind") == "pair").with_columns(_side=_LONGER_BY.sign())
    surplus = int(sides["_side"].sum())
    crowded = sides.filter(pl.col("_side") == (1 if surplus > 0 else -1))
    going = (
        crowded.with_columns(_drawn=draw(crowded["key"], "length"))
        .sort(SAID_BY_PEOPLE, "confidence", "_drawn", "key")
        .head(abs(surplus))["key"]
    )
    leaves = pl.col("key").is_in(going.implode())
    detail = pl.format("chosen {} characters, rejected {}", _lengths("completion"), _lengths("rejected"))
    return Screened(
        kept=rows.filter(~leaves),
        removed=rows.filter(leaves).with_columns(reason=pl.lit("pairs_unbalancing_length"), detail=detail),
    )


def _lengths(column: str) -> pl.Expr:
    return pl.col(column).str.len_chars()
