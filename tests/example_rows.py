"""Rows of training data for tests of filters, and what every filter has to keep to."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from tasks.curation.filters.screening import Screened
from tasks.curation.frames import ROWS

_DEFAULTS: dict[str, Any] = {
    "kind": "pair",
    "question_id": "q",
    "family": "q",
    "question": "What is q?",
    "completion": "a better answer",
    "rejected": "a worse answer",
    "source": "human:f",
    "origin": "human",
    "annotator": "ann",
    "confidence": 1.0,
    "votes_for": 1.0,
    "votes_against": 0.0,
    "feedback": ["f"],
}


def rows_frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """ROWS with these fields, others as in a pair by a person; the keys are k0, k1, ... unless given."""
    return pl.DataFrame([{"key": f"k{n}", **_DEFAULTS, **row} for n, row in enumerate(rows)], schema=ROWS)


def keys(rows: pl.DataFrame) -> list[str]:
    """The keys, in the rows' order."""
    return rows["key"].to_list()


def assert_is_a_filter(
    screen: Callable[[pl.DataFrame], Screened], rows: pl.DataFrame, reads: Sequence[str], seed: int
) -> None:
    """That it divides its input, in order; needs only what it reads; ignores order; and is done after one pass."""
    screened = screen(rows)
    kept, removed = set(keys(screened.kept)), set(keys(screened.removed))
    assert screened.kept.equals(rows.filter(pl.col("key").is_in(kept)))
    assert screened.removed.drop("reason", "detail").equals(rows.filter(~pl.col("key").is_in(kept)))
    assert screened.removed.columns == [*rows.columns, "reason", "detail"]
    assert screened.removed.schema["reason"] == screened.removed.schema["detail"] == pl.String
    assert screened.removed["reason"].null_count() == 0

    order = random.Random(seed).sample(range(len(rows)), len(rows))
    assert set(keys(screen(rows[order]).removed)) == removed
    assert set(keys(screen(rows.select("key", *(name for name in reads if name != "key"))).removed)) == removed
    assert screen(screened.kept).removed.is_empty()
