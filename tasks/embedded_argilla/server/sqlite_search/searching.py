"""Pages of record ids, nearest records, and the counts that Argilla shows.

A page is sorted as asked. Without a sort order it comes by score: how well the text fits (BM25), 1 where there is
no text to fit, times a number drawn for user and record where a user is named, so that annotators start at
different records and each keeps their order.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import QueryError
from .filters import ALWAYS, Condition, Filter, all_of, to_condition
from .schema import Column, Schema
from .sorting import Order, to_sorting
from .text_query import Columns, Everything, leaves_of, parse, to_fts5
from .tokens import NO_DOCUMENT
from .values import Stored
from .vectors import nearest
from .writing import SHUFFLES

SCORED = 20_000  # records whose BM25 is computed, at a microsecond or two each
RARE_WORDS = 16  # of a query that finds more, as many are tried for one that is rare enough to score
FAINT = 1e-6  # the score of a match that tells nothing, as FTS5 has it for words in more than half of the records
MAX_TERMS = 2**14


@dataclass(frozen=True)
class TextQuery:
    """What the user typed, and the field to look into; all fields when None."""

    text: str
    field: str | None = None


@dataclass(frozen=True)
class Page:
    """Record ids with their scores (None when sorted), and how many records there are on all pages."""

    items: list[tuple[str, float | None]]
    total: int


@dataclass(frozen=True)
class TermCounts:
    """How many records have each term, most frequent first; `total` is the sum."""

    total: int
    counts: list[tuple[str, int]]


@dataclass(frozen=True)
class Selection:
    """Which records: those that match the text query and pass the filter."""

    query: TextQuery | None = None
    filter: Filter | None = None


@dataclass(frozen=True)
class Similarity:
    """What to be near to: a vector of these settings; at most `count` records, of this score or more."""

    settings: str
    vector: Sequence[float]
    count: int
    excluded_id: str | None = None
    threshold: float | None = None


def search(
    connection: sqlite3.Connection,
    schema: Schema,
    selection: Selection,
    sort: tuple[Order, ...] = (),
    *,
    offset: int = 0,
    limit: int = 100,
    seed: str | None = None,
) -> Page:
    """One page of the selected records; `seed` names the user in whose order they come when no sort order is given.

    Raises:
        QueryError: when query, filter or sort order cannot be answered.
    """
    expression = _expression(schema, selection.query)
    condition = _condition(schema, expression, selection.filter)
    order = _by_value(schema, sort) if sort else _by_score(connection, schema, selection.query, expression, seed)
    # Counting in the same pass halves the time of a query with conditions; without any, the count alone is quicker.
    total = _count(connection, schema, ALWAYS) if condition == ALWAYS else None
    rows = connection.execute(
        f"{order.prelude} SELECT r.id, {order.score} AS score, {'count(*) OVER ()' if total is None else total} "
        f"FROM {schema.table('records')} r {order.joins} "
        f"WHERE {condition.sql} ORDER BY {order.terms} LIMIT ? OFFSET ?",
        (*order.parameters, *condition.parameters, limit, offset),
    ).fetchall()
    if total is None:
        total = rows[0][2] if rows else _count(connection, schema, condition)
    return Page([(row[0], row[1]) for row in rows], total)


def search_similar(
    connection: sqlite3.Connection, schema: Schema, selection: Selection, similarity: Similarity
) -> Page:
    """The selected records nearest to a vector; the total counts those below the threshold, too.

    Raises:
        QueryError: when query, filter or vector cannot be answered.
    """
    condition = _condition(schema, _expression(schema, selection.query), selection.filter)
    records = schema.table("records")
    allowed = None
    if condition != ALWAYS:
        rows = connection.execute(f"SELECT r.record FROM {records} r WHERE {condition.sql}", condition.parameters)
        allowed = [row[0] for row in rows]
    row = connection.execute(f"SELECT record FROM {records} WHERE id = ?", (similarity.excluded_id,)).fetchone()
    excluded = row[0] if row else None
    found = nearest(connection, schema, similarity.settings, similarity.vector, similarity.count, allowed, excluded)
    marks = ", ".join("?" * len(found.records))
    ids = dict(connection.execute(f"SELECT record, id FROM {records} WHERE record IN ({marks})", found.records))
    least = -1.0 if similarity.threshold is None else similarity.threshold
    pairs = zip(found.records, found.scores, strict=True)
    return Page([(ids[record], score) for record, score in pairs if score >= least], len(found.records))


def count_statuses(connection: sqlite3.Connection, schema: Schema) -> dict[str, int]:
    """How many records have each status."""
    return dict(connection.execute(f"SELECT status, count(*) FROM {schema.table('records')} GROUP BY status"))


def count_user_statuses(connection: sqlite3.Connection, schema: Schema, user_id: str) -> dict[str, int]:
    """How many of the user's responses have each status."""
    sql = f"SELECT status, count(*) FROM {schema.table('responses')} WHERE user_id = ? GROUP BY status"
    return dict(connection.execute(sql, (user_id,)))


def count_terms(connection: sqlite3.Connection, schema: Schema, metadata: str) -> TermCounts:
    """How many records have each term of a metadata property.

    Raises:
        QueryError: when the index does not know the property.
    """
    column = _metadata_column(schema, metadata)
    records, several = schema.table("records"), schema.table("record_values")
    counts: Counter[str] = Counter()
    for sql in (
        f"SELECT {column.name}, count(*) FROM {records} WHERE {column.name} IS NOT NULL GROUP BY 1",
        f"SELECT value, count(*) FROM {several} WHERE number = {column.number} GROUP BY value",
    ):
        counts.update(dict(connection.execute(sql)))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return TermCounts(counts.total(), ranked[:MAX_TERMS])


def least_and_greatest(
    connection: sqlite3.Connection, schema: Schema, metadata: str
) -> tuple[Stored | None, Stored | None]:
    """The ends of a numeric metadata property's values; None and None when there are none.

    Raises:
        QueryError: when the index does not know the property.
    """
    column = _metadata_column(schema, metadata)
    values = (
        f"SELECT {column.name} AS value FROM {schema.table('records')} UNION ALL "
        f"SELECT value FROM {schema.table('record_values')} WHERE number = {column.number}"
    )
    least, greatest = connection.execute(f"SELECT min(value), max(value) FROM ({values})").fetchone()
    return least, greatest


@dataclass(frozen=True)
class _Order:
    """The parts of a page's SQL that follow from its order, with the parameters of prelude and joins."""

    score: str
    terms: str
    prelude: str = ""
    joins: str = ""
    parameters: tuple[object, ...] = ()


def _by_value(schema: Schema, sort: tuple[Order, ...]) -> _Order:
    sorting = to_sorting(schema, sort)
    return _Order("NULL", sorting.terms, joins=sorting.joins, parameters=sorting.parameters)


def _by_score(
    connection: sqlite3.Connection, schema: Schema, query: TextQuery | None, expression: str | None, seed: str | None
) -> _Order:
    score, terms, prelude, joins = "1.0", "r.record", "", ""
    parameters: tuple[object, ...] = ()
    if query is not None and expression is not None:
        score = str(FAINT)
        scored = _scored_expression(connection, schema, query, expression)
        if scored is not None:
            table = schema.table("text")
            # Kept apart from the rest, because bm25() works only where FTS5 itself runs the query.
            prelude = (
                f"WITH scored AS MATERIALIZED (SELECT rowid AS record, -bm25({table}) AS score FROM {table} "
                f"WHERE {table} MATCH ?)"
            )
            joins = "LEFT JOIN scored ON scored.record = r.record"
            score, terms = f"coalesce(scored.score, {FAINT})", "score DESC, r.record"
            parameters = (scored,)
    if seed is not None:
        terms = "score DESC, r.record"
        factor, shift = _permutation_of(seed)
        score += f" * ((r.shuffle * {factor} + {shift}) % {SHUFFLES}) / {float(SHUFFLES)}"
    return _Order(score, terms, prelude, joins, parameters)


def _scored_expression(connection: sqlite3.Connection, schema: Schema, query: TextQuery, expression: str) -> str | None:
    """The FTS5 expression whose matches are scored: the query's own, or its rare words when the matches are many.

    None when there is nothing to score by: a query of words to be without, or of very common ones. A word that a
    great part of all records holds hardly tells one from another, and scoring it costs most.
    """
    columns = _columns(schema, query)
    node = parse(query.text)
    leaves = list(dict.fromkeys(to_fts5(leaf, columns) for leaf in leaves_of(node))) if node else []
    if leaves and _matches(connection, schema, expression) <= SCORED:
        return expression
    counted = sorted((_matches(connection, schema, leaf), leaf) for leaf in leaves[:RARE_WORDS])
    rare, matches = [], 0
    for count, leaf in counted:
        matches += count
        if matches > SCORED:
            break
        rare.append(leaf)
    return " OR ".join(rare) or None


def _matches(connection: sqlite3.Connection, schema: Schema, expression: str) -> int:
    table = schema.table("text")
    return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {table} MATCH ?", (expression,)).fetchone()[0])


def _permutation_of(seed: str) -> tuple[int, int]:
    digest = hashlib.blake2b(seed.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8]) % (SHUFFLES - 1) + 1, int.from_bytes(digest[8:]) % SHUFFLES


def _count(connection: sqlite3.Connection, schema: Schema, condition: Condition) -> int:
    sql = f"SELECT count(*) FROM {schema.table('records')} r"
    if condition != ALWAYS:
        sql += f" WHERE {condition.sql}"
    return int(connection.execute(sql, condition.parameters).fetchone()[0])


def _condition(schema: Schema, expression: str | None, filter: Filter | None) -> Condition:
    conditions = [] if filter is None else [to_condition(schema, filter)]
    if expression is not None:
        table = schema.table("text")
        conditions.append(Condition(f"r.record IN (SELECT rowid FROM {table} WHERE {table} MATCH ?)", (expression,)))
    return all_of(conditions)


def _expression(schema: Schema, query: TextQuery | None) -> str | None:
    """The query's FTS5 expression; None when it finds every record."""
    if query is None:
        return None
    node = parse(query.text)
    if isinstance(node, Everything):
        return None
    return f'"{NO_DOCUMENT}"' if node is None else to_fts5(node, _columns(schema, query))


def _columns(schema: Schema, query: TextQuery) -> Columns:
    if query.field is None:
        return Columns(tuple(column.name for column in schema.text), every=True)
    if query.field not in schema.fields:
        raise QueryError(f"Field {query.field!r} is not in the dataset: search in one of {', '.join(schema.fields)}.")
    return Columns(tuple(column.name for column in schema.text if column.field == query.field))


def _metadata_column(schema: Schema, metadata: str) -> Column:
    column = schema.metadata.get(metadata)
    if column is None:
        raise QueryError(f"Metadata property {metadata!r} is not in the dataset's search index.")
    return column
