"""Vectors, and the records nearest to one: every vector is compared, so the answer is exact.

The vectors of one kind are kept as blocks of BLOCK rows of float32, scaled to length one; a record's row follows
from its number. So a search reads a few hundred large values rather than 100,000 small ones, and holds one block
in memory. A row of zeros is no vector.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import QueryError
from .schema import Schema, VectorColumn

BLOCK = 256

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """Records from the nearest on; `scores` are (1 + cosine) / 2, from 0 to 1, as Elasticsearch has it."""

    records: list[int]
    scores: list[float]


def write_vectors(
    connection: sqlite3.Connection, schema: Schema, changes: Mapping[int, Mapping[str, list[float]]]
) -> list[str]:
    """Replaces the vectors of records, given by record number and settings id; one not given is removed.

    Returns a sentence for each vector that was left out, because it has another length or settings that are not
    known, or is all zeros.
    """
    problems = []
    by_block: dict[int, list[int]] = {}
    for record in changes:
        by_block.setdefault(record // BLOCK, []).append(record)
    problems += [
        f"vector of unknown settings {settings}"
        for vectors in changes.values()
        for settings in vectors.keys() - schema.vectors.keys()
    ]
    for settings, column in schema.vectors.items():
        for block, records in by_block.items():
            rows = np.zeros((len(records), column.dimensions), dtype=np.float32)
            for index, record in enumerate(records):
                values = changes[record].get(settings)
                if values is None:
                    continue
                scaled = unit_vector(values, column.dimensions)
                if scaled is None:
                    problems.append(
                        f"vector of settings {settings} with {len(values)} numbers, not {column.dimensions}"
                    )
                else:
                    rows[index] = scaled
            _write_rows(connection, schema, column, block, records, rows)
    return problems


def _write_rows(
    connection: sqlite3.Connection, schema: Schema, column: VectorColumn, block: int, records: list[int], rows: Rows
) -> None:
    table = schema.table("vectors")
    found = connection.execute(
        f"SELECT data FROM {table} WHERE kind = ? AND block = ?", (column.number, block)
    ).fetchone()
    if found is None and not rows.any():
        return
    data = (
        np.frombuffer(found[0], dtype=np.float32).reshape(BLOCK, column.dimensions).copy()
        if found
        else np.zeros((BLOCK, column.dimensions), dtype=np.float32)
    )
    places = [record % BLOCK for record in records]
    if found and np.array_equal(data[places], rows):
        return
    data[places] = rows
    connection.execute(
        f"INSERT OR REPLACE INTO {table} (kind, block, data) VALUES (?, ?, ?)", (column.number, block, data.tobytes())
    )


def unit_vector(values: Sequence[float], dimensions: int) -> Rows | None:
    """The vector scaled to length one; None when it has another length than asked for, or no direction."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape != (dimensions,) or not np.isfinite(vector).all():
        return None
    vector = vector / (np.abs(vector).max() or 1.0)  # so that squares of the largest floats stay finite
    length = math.sqrt(float(vector @ vector))
    return (vector / length).astype(np.float32) if length else None


def nearest(
    connection: sqlite3.Connection,
    schema: Schema,
    settings: str,
    values: Sequence[float],
    count: int,
    allowed: Iterable[int] | None = None,
    excluded: int | None = None,
) -> Neighbours:
    """The `count` records whose vectors are nearest; of the `allowed` ones, if they are given.

    Raises:
        QueryError: when the dataset has no such vectors, or the value cannot be compared with them.
    """
    column = schema.vectors.get(settings)
    if column is None:
        raise QueryError(f"The dataset has no vectors of settings {settings} in its search index.")
    query = unit_vector(values, column.dimensions)
    if query is None:
        raise QueryError(
            f"The vector to compare with has {len(values)} numbers: it must have {column.dimensions}, not all zero."
        )
    wanted = None if allowed is None else np.fromiter(allowed, dtype=np.int64)
    records, scores = _all_scores(connection, schema, column, query, wanted)
    keep = np.isfinite(scores) if excluded is None else np.isfinite(scores) & (records != excluded)
    records, scores = records[keep], scores[keep]
    if len(records) > count:
        # All that are as near as the last one stay, so that equals are taken in the order they were added.
        limit = np.partition(scores, len(scores) - count)[len(scores) - count] if count else np.inf
        keep = scores >= limit
        records, scores = records[keep], scores[keep]
    order = np.lexsort((records, -scores))[:count]
    return Neighbours(records[order].tolist(), np.clip((1.0 + scores[order]) / 2.0, 0.0, 1.0).tolist())


def _all_scores(
    connection: sqlite3.Connection, schema: Schema, column: VectorColumn, query: Rows, wanted: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Record numbers and their cosines, NaN where a record has no vector."""
    numbers: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    cosines: list[NDArray[np.float64]] = [np.zeros(0)]
    sql = f"SELECT block, data FROM {schema.table('vectors')} WHERE kind = ?"
    parameters: list[int] = [column.number]
    places: dict[int, NDArray[np.int64]] = {}
    if wanted is not None:
        wanted = np.sort(wanted)
        blocks, starts = np.unique(wanted // BLOCK, return_index=True)
        places = dict(zip(blocks.tolist(), np.split(wanted % BLOCK, starts[1:]), strict=True)) if len(wanted) else {}
        sql += f" AND block IN ({', '.join('?' * len(places))})"
        parameters += list(places)
    for block, data in connection.execute(sql, parameters):
        rows = np.frombuffer(data, dtype=np.float32).reshape(BLOCK, column.dimensions)
        place = places.get(block, np.arange(BLOCK))
        cosine = (rows @ query).astype(np.float64)
        zero = np.flatnonzero(cosine == 0.0)
        cosine[zero[~rows[zero].any(axis=1)]] = np.nan
        numbers.append(block * BLOCK + place)
        cosines.append(cosine[place])
    return np.concatenate(numbers), np.concatenate(cosines)
