"""Filters to SQL conditions on a row `r` of the records' table.

As Elasticsearch decides it:
- a range filter's ends are included; of several values, one that fits is enough.
- a filter on a response holds when one single response has both the user and the value.
- `pending` holds when the user has no response at all to the record; without a user, when nobody has one.
- what cannot be filtered by (answers to text, ranking and span questions) matches no record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .errors import QueryError
from .schema import Column, Schema
from .values import bound_of, date_bounds, terms_of

PENDING = "pending"
TIMES = ("inserted_at", "updated_at")
TEXTS = ("id", "external_id", "status")


@dataclass(frozen=True)
class RecordScope:
    """A property of the record itself: id, external_id, status, inserted_at, updated_at."""

    property: str


@dataclass(frozen=True)
class MetadataScope:
    """A metadata property."""

    property: str


@dataclass(frozen=True)
class SuggestionScope:
    """A suggestion's value, score, agent or type."""

    question: str
    property: str


@dataclass(frozen=True)
class ResponseScope:
    """The answers to a question, or the status of the responses; of one user or of all."""

    question: str | None = None
    property: str | None = None
    user_id: str | None = None


Scope = RecordScope | MetadataScope | SuggestionScope | ResponseScope


@dataclass(frozen=True)
class TermsFilter:
    """One of the values."""

    scope: Scope
    values: tuple[str, ...]


@dataclass(frozen=True)
class RangeFilter:
    """From `ge` to `le`, both included; None leaves an end open."""

    scope: Scope
    ge: float | str | None = None
    le: float | str | None = None


@dataclass(frozen=True)
class AndFilter:
    """All of the filters."""

    filters: tuple["Filter", ...]


Filter = AndFilter | TermsFilter | RangeFilter


@dataclass(frozen=True)
class Condition:
    """An SQL expression and the parameters of its question marks."""

    sql: str
    parameters: tuple[Any, ...] = ()


ALWAYS = Condition("1")
NEVER = Condition("0")


def all_of(conditions: Sequence[Condition]) -> Condition:
    """The condition that holds when all of them do."""
    if not conditions:
        return ALWAYS
    return Condition(" AND ".join(f"({c.sql})" for c in conditions), tuple(p for c in conditions for p in c.parameters))


def any_of(conditions: Sequence[Condition]) -> Condition:
    """The condition that holds when one of them does."""
    if not conditions:
        return NEVER
    return Condition(" OR ".join(f"({c.sql})" for c in conditions), tuple(p for c in conditions for p in c.parameters))


def to_condition(schema: Schema, filter: Filter) -> Condition:
    """The condition under which a record passes the filter.

    Raises:
        QueryError: when a value is not of the property's type, or the filter makes no sense for its scope.
    """
    if isinstance(filter, AndFilter):
        return all_of([to_condition(schema, part) for part in filter.filters])
    scope = filter.scope
    if isinstance(scope, RecordScope):
        return _on_record(filter, scope.property)
    if isinstance(scope, ResponseScope):
        return _on_responses(schema, filter, scope)
    column = column_of(schema, scope)
    if column is None:
        return NEVER
    return _with_values(schema, "record", column, "r", tests_of(filter, column))


def column_of(schema: Schema, scope: MetadataScope | SuggestionScope) -> Column | None:
    """The column of a metadata property or of a part of a suggestion; None when it cannot be filtered by."""
    if isinstance(scope, MetadataScope):
        return schema.metadata.get(scope.property)
    question = schema.questions.get(scope.question)
    if question is None:
        return None
    parts = {"value": question.value, "score": question.score, "agent": question.agent, "type": question.type}
    return parts.get(scope.property)


def tests_of(filter: TermsFilter | RangeFilter, column: Column) -> Condition:
    """The test as it follows a column's name, like `IN (?, ?)`; its sql is empty for a range open at both ends.

    Raises:
        QueryError: when a value is not of the column's type.
    """
    if isinstance(filter, TermsFilter):
        terms = terms_of(filter.values, column.type)
        return Condition(f"IN ({', '.join('?' * len(terms))})", tuple(terms))
    ends = [(sign, end) for sign, end in ((">=", filter.ge), ("<=", filter.le)) if end is not None]
    bounds = tuple(bound_of(end, column.type) for _, end in ends)
    if len(ends) == 2:
        return Condition("BETWEEN ? AND ?", bounds)
    return Condition(f"{ends[0][0]} ?", bounds) if ends else Condition("IS NOT NULL")


def _with_values(
    schema: Schema, owner: Literal["record", "response"], column: Column, row: str, test: Condition
) -> Condition:
    """The test on a column, or on one of the values beside it."""
    several = (
        f"SELECT {owner} FROM {schema.table(owner + '_values')} WHERE number = {column.number} AND value {test.sql}"
    )
    return Condition(f"{row}.{column.name} {test.sql} OR {row}.{owner} IN ({several})", test.parameters * 2)


def _on_record(filter: TermsFilter | RangeFilter, name: str) -> Condition:
    if name in TEXTS:
        test = tests_of(filter, Column(0, "keyword"))
        return Condition(f"r.{name} {test.sql}", test.parameters)
    if name not in TIMES:
        return NEVER
    if isinstance(filter, TermsFilter):
        return any_of([Condition(f"r.{name} BETWEEN ? AND ?", date_bounds(value)) for value in filter.values])
    ends = []
    if filter.ge is not None:
        ends.append(Condition(f"r.{name} >= ?", date_bounds(filter.ge)[:1]))
    if filter.le is not None:
        ends.append(Condition(f"r.{name} <= ?", date_bounds(filter.le)[1:]))
    return all_of(ends)


def _on_responses(schema: Schema, filter: TermsFilter | RangeFilter, scope: ResponseScope) -> Condition:
    if scope.question is not None:
        question = schema.questions.get(scope.question)
        if question is None or question.response is None:
            return NEVER
        test = tests_of(filter, question.response)
        return _responded(schema, scope, _with_values(schema, "response", question.response, "p", test))
    if scope.property != "status" or not isinstance(filter, TermsFilter):
        raise QueryError(
            f"Responses cannot be filtered by {scope.property!r} with this filter: name a question, or give the "
            "statuses as terms."
        )
    statuses = tuple(str(value) for value in filter.values if value != PENDING)
    conditions = []
    if PENDING in filter.values:
        user = Condition("p.user_id = ?", (scope.user_id,)) if scope.user_id else ALWAYS
        anyone = f"SELECT p.record FROM {schema.table('responses')} p WHERE {user.sql}"
        conditions.append(Condition(f"r.record NOT IN ({anyone})", user.parameters))
    if statuses:
        test = Condition(f"p.status IN ({', '.join('?' * len(statuses))})", statuses)
        conditions.append(_responded(schema, scope, test))
    return any_of(conditions)


def _responded(schema: Schema, scope: ResponseScope, test: Condition) -> Condition:
    """That one response `p`, of the scope's user if it names one, passes the test."""
    user = [Condition("p.user_id = ?", (scope.user_id,))] if scope.user_id else []
    both = all_of([*user, test])
    return Condition(
        f"r.record IN (SELECT p.record FROM {schema.table('responses')} p WHERE {both.sql})", both.parameters
    )
