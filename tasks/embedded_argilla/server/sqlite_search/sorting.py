"""Sort orders to SQL: records without a value come last in both directions, as in Elasticsearch.

Of several values the smallest counts when they ascend, the largest when they descend; of several users' ratings,
their mean. Records that are equal keep the order in which they were added.
"""

from dataclasses import dataclass
from typing import Any

from .errors import QueryError
from .filters import TEXTS, TIMES, MetadataScope, RecordScope, ResponseScope, Scope, SuggestionScope, column_of
from .schema import Column, Schema


@dataclass(frozen=True)
class Order:
    """What to sort by, and whether the largest come first."""

    scope: Scope
    descending: bool = False


@dataclass(frozen=True)
class Sorting:
    """The joins and the ORDER BY terms of a query on the records' table `r`, with the parameters of the joins."""

    joins: str
    terms: str
    parameters: tuple[Any, ...]


def to_sorting(schema: Schema, orders: tuple[Order, ...]) -> Sorting:
    """The SQL of the sort orders, the most important first.

    Raises:
        QueryError: when it cannot be sorted by one of them.
    """
    joins: list[str] = []
    terms: list[str] = []
    parameters: list[Any] = []
    for index, order in enumerate(orders):
        if isinstance(order.scope, ResponseScope):
            sql, values = _of_responses(schema, order.scope, order.descending)
            joins.append(f"LEFT JOIN ({sql}) AS s{index} ON s{index}.record = r.record")
            parameters += values
            term = f"s{index}.value"
        else:
            term = _of_record(schema, order.scope, order.descending)
        terms.append(f"{term} {'DESC' if order.descending else 'ASC'} NULLS LAST")
    return Sorting(" ".join(joins), ", ".join([*terms, "r.record"]), tuple(parameters))


def _of_record(schema: Schema, scope: RecordScope | MetadataScope | SuggestionScope, descending: bool) -> str:
    if isinstance(scope, RecordScope):
        if scope.property not in (*TEXTS, *TIMES):
            raise _unsortable(scope)
        return f"r.{scope.property}"
    column = column_of(schema, scope)
    if column is None:
        raise _unsortable(scope)
    pick = "max" if descending else "min"
    several = (
        f"SELECT {pick}(value) FROM {schema.table('record_values')} v "
        f"WHERE v.record = r.record AND v.number = {column.number}"
    )
    return f"coalesce(r.{column.name}, ({several}))"


def _of_responses(schema: Schema, scope: ResponseScope, descending: bool) -> tuple[str, list[str]]:
    pick = "max" if descending else "min"
    user, parameters = ("p.user_id = ?", [scope.user_id]) if scope.user_id else ("1", [])
    responses = schema.table("responses")
    if scope.question is None:
        if scope.property != "status":
            raise _unsortable(scope)
        return (
            f"SELECT p.record, {pick}(p.status) AS value FROM {responses} p WHERE {user} GROUP BY p.record",
            parameters,
        )
    question = schema.questions.get(scope.question)
    column: Column | None = question.response if question else None
    if column is None:
        raise _unsortable(scope)
    if column.type != "keyword":
        pick = "avg"
    values = (
        f"SELECT p.record, p.{column.name} AS value FROM {responses} p WHERE {user} UNION ALL "
        f"SELECT p.record, v.value FROM {responses} p JOIN {schema.table('response_values')} v "
        f"ON v.response = p.response AND v.number = {column.number} WHERE {user}"
    )
    return f"SELECT record, {pick}(value) AS value FROM ({values}) GROUP BY record", parameters * 2


def _unsortable(scope: Scope) -> QueryError:
    return QueryError(
        f"Records cannot be sorted by {scope}: sort by a property of the record, metadata, a rating or a label."
    )
