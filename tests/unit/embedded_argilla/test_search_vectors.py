"""Nearest records are exactly those that comparing every vector gives."""

import math
import sqlite3
from collections.abc import Iterator

import numpy as np
import pytest

from tasks.embedded_argilla.server.sqlite_search.errors import QueryError
from tasks.embedded_argilla.server.sqlite_search.schema import Schema, VectorColumn
from tasks.embedded_argilla.server.sqlite_search.vectors import BLOCK, nearest, unit_vector, write_vectors

SCHEMA = Schema(1, 0, (), (), {}, {}, {"s": VectorColumn(0, 3), "t": VectorColumn(1, 2)})


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE vectors_1 (kind INTEGER, block INTEGER, data BLOB, PRIMARY KEY (kind, block))")
    yield connection
    connection.close()


def test_the_nearest_are_those_of_a_plain_comparison(connection: sqlite3.Connection) -> None:
    rng = np.random.default_rng(0)
    vectors = {record: rng.standard_normal(3).tolist() for record in range(1, 3 * BLOCK)}
    write_vectors(connection, SCHEMA, {record: {"s": vector} for record, vector in vectors.items()})
    query = rng.standard_normal(3)
    cosines = {r: float(np.dot(v, query) / np.linalg.norm(v) / np.linalg.norm(query)) for r, v in vectors.items()}
    ranked = sorted(vectors, key=lambda record: -cosines[record])
    found = nearest(connection, SCHEMA, "s", query.tolist(), 10)
    assert found.records == ranked[:10]
    assert found.scores == pytest.approx([(1 + cosines[record]) / 2 for record in ranked[:10]], abs=1e-6)
    allowed = [record for record in vectors if record % 7 == 0]
    assert (
        nearest(connection, SCHEMA, "s", query.tolist(), 10, allowed, excluded=ranked[0]).records
        == [record for record in ranked[1:] if record % 7 == 0][:10]
    )


def test_of_equals_the_first_added_come_first_and_no_more_than_asked_for(connection: sqlite3.Connection) -> None:
    write_vectors(connection, SCHEMA, {record: {"s": [record, 0.0, 0.0]} for record in (9, 2, 600, 5)})
    found = nearest(connection, SCHEMA, "s", [2.0, 0.0, 0.0], 3)
    assert found.records == [2, 5, 9]
    assert found.scores == [1.0, 1.0, 1.0]


def test_scores_go_from_opposite_0_over_orthogonal_a_half_to_same_1(connection: sqlite3.Connection) -> None:
    write_vectors(connection, SCHEMA, {1: {"s": [-1, 0, 0]}, 2: {"s": [0, 5, 0]}, 3: {"s": [7, 0, 0]}})
    found = nearest(connection, SCHEMA, "s", [1.0, 0.0, 0.0], 3)
    assert list(zip(found.records, found.scores, strict=True)) == [(3, 1.0), (2, 0.5), (1, 0.0)]


def test_a_record_without_this_vector_is_never_near(connection: sqlite3.Connection) -> None:
    write_vectors(connection, SCHEMA, {1: {"s": [1, 0, 0]}, 2: {"t": [1, 0]}, 3: {}})
    assert nearest(connection, SCHEMA, "s", [-1.0, 0.0, 0.0], 10).records == [1]
    assert nearest(connection, SCHEMA, "t", [1.0, 0.0], 10, allowed=[1, 3]).records == []
    assert nearest(connection, SCHEMA, "t", [1.0, 0.0], 10, allowed=[]).records == []


def test_a_vector_that_is_written_again_or_not_given_replaces_the_old_one(connection: sqlite3.Connection) -> None:
    write_vectors(connection, SCHEMA, {1: {"s": [1, 0, 0]}, 2: {"s": [0, 1, 0]}})
    write_vectors(connection, SCHEMA, {1: {"s": [0, 0, 1]}, 2: {}})
    found = nearest(connection, SCHEMA, "s", [0.0, 0.0, 1.0], 10)
    assert (found.records, found.scores) == ([1], [1.0])


def test_vectors_that_cannot_be_compared_are_reported_and_left_out(connection: sqlite3.Connection) -> None:
    problems = write_vectors(
        connection, SCHEMA, {1: {"s": [0, 0, 0]}, 2: {"s": [1, 2]}, 3: {"u": [1]}, 4: {"s": [1, math.inf, 0]}}
    )
    assert len(problems) == 4
    assert "vector of unknown settings u" in problems
    assert nearest(connection, SCHEMA, "s", [1.0, 0.0, 0.0], 10).records == []


@pytest.mark.parametrize(
    ("settings", "vector", "sentence"),
    [
        ("u", [1.0], "The dataset has no vectors of settings u in its search index."),
        ("s", [1.0], "The vector to compare with has 1 numbers: it must have 3, not all zero."),
        ("s", [0.0] * 3, "The vector to compare with has 3 numbers: it must have 3, not all zero."),
    ],
)
def test_a_vector_that_cannot_be_asked_for_is_refused_in_a_sentence(
    connection: sqlite3.Connection, settings: str, vector: list[float], sentence: str
) -> None:
    with pytest.raises(QueryError) as refused:
        nearest(connection, SCHEMA, settings, vector, 10)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e300])
def test_the_largest_and_smallest_vectors_have_length_one(size: float) -> None:
    scaled = unit_vector([size, size], 2)
    assert scaled is not None
    assert scaled.tolist() == pytest.approx([math.sqrt(0.5)] * 2)
