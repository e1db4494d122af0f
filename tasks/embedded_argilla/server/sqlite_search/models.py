"""Argilla's models to documents, and its filters and sort orders to ours.

Only columns and relationships that Argilla has loaded before it calls the engine are read: a relationship loaded
here, outside of its session's greenlet, would raise.
"""

from typing import Any

import argilla_server.search_engine as argilla
from argilla_server.models import (
    Dataset,
    Field,
    MetadataProperty,
    Question,
    Record,
    Response,
    Suggestion,
    VectorSettings,
)

from . import filters
from .documents import (
    DatasetDefinition,
    FieldDefinition,
    MetadataDefinition,
    QuestionDefinition,
    RecordDocument,
    ResponseDocument,
    SuggestionDocument,
    ValueType,
    VectorDefinition,
)
from .errors import QueryError
from .searching import TextQuery
from .sorting import Order

# Answers to other questions (text, ranking, span) are not filtered by, as in Elasticsearch's engine.
_ANSWERS: dict[str, ValueType] = {
    "rating": "integer",
    "label_selection": "keyword",
    "multi_label_selection": "keyword",
}
_METADATA: dict[str, ValueType] = {"terms": "keyword", "integer": "integer", "float": "float"}


def dataset_definition(dataset: Dataset) -> DatasetDefinition:
    """The dataset as its index must know it."""
    return DatasetDefinition(
        id=str(dataset.id),
        fields=tuple(_field_definition(field) for field in dataset.fields),
        questions=tuple(_question_definition(question) for question in dataset.questions),
        metadata=tuple(metadata_definition(metadata_property) for metadata_property in dataset.metadata_properties),
        vectors=tuple(vector_definition(vector_settings) for vector_settings in dataset.vectors_settings),
    )


def metadata_definition(metadata_property: MetadataProperty) -> MetadataDefinition:
    """A metadata property's name and type."""
    return MetadataDefinition(metadata_property.name, _METADATA[str(metadata_property.type)])


def vector_definition(vector_settings: VectorSettings) -> VectorDefinition:
    """The id and dimensions of vector settings."""
    return VectorDefinition(str(vector_settings.id), vector_settings.dimensions)


def record_document(record: Record) -> RecordDocument:
    """The record with its responses, suggestions and vectors."""
    return RecordDocument(
        id=str(record.id),
        status=str(record.status),
        inserted_at=record.inserted_at,
        updated_at=record.updated_at,
        external_id=record.external_id,
        fields={name: _plain(value) for name, value in (record.fields or {}).items()},
        metadata=dict(record.metadata_ or {}),
        responses=tuple(response_document(response) for response in record.responses),
        suggestions=tuple(suggestion_document(suggestion) for suggestion in record.suggestions),
        vectors={str(vector.vector_settings_id): vector.value for vector in record.vectors},
    )


def response_document(response: Response) -> ResponseDocument:
    """The response; one that was discarded unanswered has no values."""
    return ResponseDocument(
        id=str(response.id),
        user_id=str(response.user_id),
        status=str(response.status),
        values={name: value.get("value") for name, value in (response.values or {}).items()},
    )


def suggestion_document(suggestion: Suggestion) -> SuggestionDocument:
    """The suggestion."""
    return SuggestionDocument(
        question_id=str(suggestion.question_id),
        value=suggestion.value,
        score=suggestion.score,
        agent=suggestion.agent,
        type=None if suggestion.type is None else str(suggestion.type),
    )


def query_of(query: argilla.TextQuery | str | None) -> TextQuery | None:
    """The text query."""
    if query is None or isinstance(query, str):
        return None if query is None else TextQuery(query)
    return TextQuery(query.q, query.field)


def filter_of(filter: argilla.Filter) -> filters.Filter:
    """The filter.

    Raises:
        QueryError: for a kind of filter this engine does not know.
    """
    if isinstance(filter, argilla.AndFilter):
        return filters.AndFilter(tuple(filter_of(part) for part in filter.filters))
    if isinstance(filter, argilla.TermsFilter):
        return filters.TermsFilter(_scope_of(filter.scope), tuple(filter.values))
    if isinstance(filter, argilla.RangeFilter):
        return filters.RangeFilter(_scope_of(filter.scope), filter.ge, filter.le)
    raise QueryError(f"The search engine knows no filter {filter!r}.")


def order_of(order: argilla.Order) -> Order:
    """The sort order."""
    return Order(_scope_of(order.scope), descending=str(order.order) == "desc")


def _scope_of(scope: argilla.FilterScope) -> filters.Scope:
    if isinstance(scope, argilla.MetadataFilterScope):
        return filters.MetadataScope(scope.metadata_property)
    if isinstance(scope, argilla.SuggestionFilterScope):
        return filters.SuggestionScope(scope.question, scope.property)
    if isinstance(scope, argilla.ResponseFilterScope):
        user_id = str(scope.user.id) if scope.user else None
        return filters.ResponseScope(scope.question, scope.property, user_id)
    if isinstance(scope, argilla.RecordFilterScope):
        return filters.RecordScope(str(scope.property))
    raise QueryError(f"The search engine knows no scope {scope!r}.")


def _field_definition(field: Field) -> FieldDefinition:
    return FieldDefinition(field.name, str(field.type))


def _question_definition(question: Question) -> QuestionDefinition:
    return QuestionDefinition(str(question.id), question.name, _ANSWERS.get(str(question.type)))


def _plain(value: Any) -> Any:
    """A chat's messages as dicts: an update of a record holds them as models until it is read back."""
    if isinstance(value, list):
        return [item.model_dump() if hasattr(item, "model_dump") else item for item in value]
    return value
