"""Small ROWS for tests of filters, and what holds for every filter."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from tasks.curation.filters.screening import Screened
from tasks.curation.frames import ROWS

Filter = Callable[[pl.DataFrame], Screened]


def demonstration(completion: str, question: str = "What is it?", **columns: Any) -> dict[str, Any]:
    """A row of a reference answer."""
    return {
        "kind": "demonstration",
        "question_id": question,
        "family": question,
        "question": question,
        "completion": completion,
        "source": "reference",
        "origin": "reference",
        "confidence": 1.0,
        "feedback": [],
        **columns,
    }


def pair(chosen: str, rejected: str, question: str = "What is it?", **columns: Any) -> dict[str, Any]:
    """A row of a person's preference."""
    said = {"source": "human:f", "origin": "human", "feedback": ["f"]}
    return demonstration(chosen, question, **{"kind": "pair", "rejected": rejected, **said, **columns})


def rated(completion: str, desirable: bool, question: str = "What is it?", **columns: Any) -> dict[str, Any]:
    """A row of an end user's thumb."""
    said = {"source": "end_user:f", "origin": "end_user", "feedback": ["f"]}
    return demonstration(completion, question, **{"kind": "rated", "desirable": desirable, **said, **columns})


def rows_frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """ROWS; a row without a key has its number for one."""
    return pl.DataFrame([{"key": f"{number:03d}", **row} for number, row in enumerate(rows)], schema=ROWS)


def pairs_frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """ROWS with these fields, others as in a pair by a person; the keys are k0, k1, ... unless given."""
    by_ann = pair("a better answer", "a worse answer", annotator="ann", votes_for=1.0, votes_against=0.0)
    return rows_frame([{**by_ann, "key": f"k{number}", **row} for number, row in enumerate(rows)])


def keys(rows: pl.DataFrame) -> list[str]:
    """The keys, in the rows' order."""
    return rows["key"].to_list()


def shuffled(rows: pl.DataFrame, seed: int) -> list[int]:
    """The rows' numbers in another order."""
    return random.Random(seed).sample(range(len(rows)), len(rows))


def reasons(screened: Screened) -> dict[str, str]:
    """The reason for each answer that goes."""
    return dict(screened.removed.select("completion", "reason").iter_rows())


def assert_lawful(apply: Filter, rows: pl.DataFrame, reads: Sequence[str], order: Sequence[int]) -> None:
    """Nothing is lost, nothing altered; order, columns that are not named, and a second time change nothing."""
    screened = apply(rows)
    columns = [*rows.columns, "reason", "detail"]
    assert screened.removed.columns == columns
    assert screened.removed.schema["reason"] == screened.removed.schema["detail"] == pl.String
    assert screened.removed["reason"].null_count() == 0
    assert_frame_equal(screened.kept, rows.filter(pl.col("key").is_in(screened.kept["key"].implode())))
    gone = screened.removed.drop("reason", "detail")
    assert_frame_equal(gone, rows.filter(~pl.col("key").is_in(screened.kept["key"].implode())))

    shuffled = apply(rows[list(order)])
    assert_frame_equal(shuffled.removed.sort("key"), screened.removed.sort("key"))
    assert_frame_equal(shuffled.kept.sort("key"), screened.kept.sort("key"))

    again = apply(screened.kept)
    assert again.removed.is_empty()
    assert_frame_equal(again.kept, screened.kept)

    needed = [column for column in rows.columns if column in {"key", *reads}]
    assert apply(rows.select(needed)).removed["key"].to_list() == screened.removed["key"].to_list()
