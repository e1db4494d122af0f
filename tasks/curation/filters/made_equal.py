"""Rows of different questions that teach the very same thing, since scrubbing made the questions one text.

Rows of one question's text are compared as that text is asked, before scrubbing; so of `Mail ann@firm.com?` and
`Mail bob@firm.com?` each keeps its rows, and where the answers are the same, too, the rows are. There are such only
where the question has a tag in it, so `twin` is kept of these few rows, and no text is read to find them.
"""

import hashlib

import polars as pl

from tasks.curation.filters.caps import SAID_BY_PEOPLE
from tasks.curation.filters.personal_data import KINDS
from tasks.curation.filters.screening import Screened, screened
from tasks.files import canonical_json

READS = ("key", "origin", "confidence", "twin")

_LEARNED = ("kind", "question", "completion", "rejected", "desirable")
_TAGS = [f"[{kind}]" for kind in KINDS]


def twins(rows: pl.DataFrame) -> pl.Series:
    """`twin` of each of the ROWS: a hash of all that it teaches if its question has a tag of scrubbing; else null."""
    numbered = rows.select("question").with_row_index("at")
    tagged = numbered.filter(pl.col("question").str.contains_any(_TAGS))["at"]
    # Python per row: Polars has no sha256.
    hashes = [hashlib.sha256(canonical_json(row).encode()).hexdigest() for row in rows[tagged].select(_LEARNED).rows()]
    found = pl.DataFrame({"at": tagged, "twin": pl.Series(hashes, dtype=pl.String)})
    return numbered.join(found, on="at", how="left", maintain_order="left")["twin"]


def drop_made_equal(rows: pl.DataFrame) -> Screened:
    """Leaves one (`rows_made_equal`) of the rows with equal `twin`: people's before judges', the more confident, then
    by key.

    Args:
        rows: the columns that it READS.
    """
    ranked = rows.filter(pl.col("twin").is_not_null()).sort(~SAID_BY_PEOPLE, -pl.col("confidence"), "key")
    repeated = ranked.filter(~pl.col("twin").is_first_distinct())
    return screened(rows, repeated["key"], "rows_made_equal")
