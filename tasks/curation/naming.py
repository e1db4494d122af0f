"""Rows of training data as they are written: named by what a model learns from, and as canonical JSON.

The text is that of `tasks.files.canonical_json` on the record, byte for byte; writing it by column is 20 times faster.
"""

import hashlib

import polars as pl

from tasks.files import canonical_json
from tasks.models.prompting import build_messages

KINDS = ("demonstration", "pair", "rated")
# `id` is the sha256 of the canonical JSON of the row's prompt and answers; equal rows have equal ids on any machine.
NAMED = pl.Schema({"question_id": pl.String, "id": pl.String, "line": pl.String})

_LEARNED = {
    "demonstration": {"completion": "completion"},
    "pair": {"chosen": "completion", "rejected": "rejected"},
    "rated": {"completion": "completion", "desirable": "desirable"},
}
_TOLD = {
    "demonstration": ("question_id", "family", "source", "feedback"),
    "pair": ("question_id", "family", "source", "confidence", "feedback"),
    "rated": ("question_id", "family", "source", "feedback"),
}
# Python writes smaller numbers with an exponent, and Polars does not.
_SMALL = 1e-4


def name_rows(rows: pl.DataFrame, kind: str, system_prompt: str) -> pl.DataFrame:
    """NAMED: the id and the line of each of the rows of this kind, sorted by id."""
    own = rows.filter(pl.col("kind") == kind).with_columns(prompt=_prompt(system_prompt))
    learned = {"prompt": pl.col("prompt"), **{name: pl.col(column) for name, column in _LEARNED[kind].items()}}
    texts = own.select(_encoded(learned)).to_series()
    # Python per row: Polars has no sha256. About a million a second.
    ids = pl.Series("id", [hashlib.sha256(text.encode()).hexdigest() for text in texts], dtype=pl.String)
    told = {name: pl.col(name) for name in _TOLD[kind]}
    lines = own.with_columns(ids).select(
        "question_id", "id", "confidence", line=_encoded({"id": pl.col("id"), **learned, **told})
    )
    return _with_small_numbers(lines, kind).select(NAMED.names()).sort("id")


def _prompt(system_prompt: str) -> pl.Expr:
    """The messages before the model, as `build_messages` has them, from the `question` column."""
    *before, asked = build_messages(system_prompt, "")
    said = [pl.struct(content=pl.lit(message.content), role=pl.lit(message.role)) for message in before]
    return pl.concat_list(*said, pl.struct(content=pl.col("question"), role=pl.lit(asked.role)))


def _encoded(fields: dict[str, pl.Expr]) -> pl.Expr:
    """A JSON object with its keys in order."""
    return pl.struct([fields[name].alias(name) for name in sorted(fields)]).struct.json_encode()


def _with_small_numbers(lines: pl.DataFrame, kind: str) -> pl.DataFrame:
    small = (pl.col("confidence") > 0) & (pl.col("confidence") < _SMALL)
    if "confidence" not in _TOLD[kind] or lines.filter(small).is_empty():
        return lines
    import json

    again = pl.col("line").map_elements(lambda line: canonical_json(json.loads(line)), return_dtype=pl.String)
    return pl.concat([lines.filter(~small), lines.filter(small).with_columns(line=again)])
