"""What judgements and questions ask to be taught: rows before any filter, all made in one way."""

from dataclasses import dataclass

import polars as pl

from tasks.curation.frames import ROWS
from tasks.curation.texts import stripped

_NO_TEXT = pl.lit(None, pl.String)
_NO_VOICES = pl.lit(None, pl.Float64)


@dataclass(frozen=True)
class Proposed:
    """Rows of training data that judgements and questions ask for, before any filter, and what gave none.

    Attributes:
        rows: ROWS.
        dropped: TALLIES.
    """

    rows: pl.DataFrame
    dropped: pl.DataFrame


def row_columns(  # noqa: PLR0913  a row's columns
    kind: str,
    source: pl.Expr,
    *,
    completion: pl.Expr,
    confidence: pl.Expr,
    behind: pl.Expr,
    rejected: pl.Expr = _NO_TEXT,
    desirable: pl.Expr | None = None,
    votes_for: pl.Expr = _NO_VOICES,
    votes_against: pl.Expr = _NO_VOICES,
    part: pl.Expr | None = None,
) -> list[pl.Expr]:
    """The columns of ROWS, from those of a judgement with its question: `question_id`, `family`, `question`, `source`
    (who says it) and `annotator`.

    Args:
        kind: of row.
        source: what the row is named by.
        behind: the ids of the judgements behind it.
        part: what tells rows of one source apart.
    """
    key = [pl.lit(f"{kind}:"), source] if part is None else [pl.lit(f"{kind}:"), source, pl.lit(":"), part]
    columns = {
        "key": pl.concat_str(key),
        "kind": pl.lit(kind),
        "question_id": pl.col("question_id"),
        "family": pl.col("family"),
        "question": pl.col("question"),
        "completion": stripped(completion),
        "rejected": stripped(rejected),
        "desirable": pl.lit(None, pl.Boolean) if desirable is None else desirable,
        "source": source,
        "origin": pl.col("source"),
        "annotator": pl.col("annotator"),
        "confidence": confidence,
        "votes_for": votes_for,
        "votes_against": votes_against,
        "feedback": behind,
    }
    return [columns[name].alias(name) for name in ROWS]
