"""What is indexed: a dataset's definition and its records, free of Argilla's models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

# How a value is compared: as exact text, as a 64-bit integer, or as a number with decimals.
ValueType = Literal["keyword", "integer", "float"]


@dataclass(frozen=True)
class FieldDefinition:
    """A field of the dataset. Its type is text, chat, custom or image; images hold nothing to search."""

    name: str
    type: str


@dataclass(frozen=True)
class QuestionDefinition:
    """A question; `value_type` is None for those whose answers cannot be filtered (text, ranking, span)."""

    id: str
    name: str
    value_type: ValueType | None


@dataclass(frozen=True)
class MetadataDefinition:
    """A metadata property."""

    name: str
    value_type: ValueType


@dataclass(frozen=True)
class VectorDefinition:
    """Vectors of one kind: the id of their settings, and how many numbers each has."""

    id: str
    dimensions: int


@dataclass(frozen=True)
class DatasetDefinition:
    """All that an index must know of its dataset before the first record comes."""

    id: str
    fields: tuple[FieldDefinition, ...] = ()
    questions: tuple[QuestionDefinition, ...] = ()
    metadata: tuple[MetadataDefinition, ...] = ()
    vectors: tuple[VectorDefinition, ...] = ()


@dataclass(frozen=True)
class ResponseDocument:
    """One user's response; `values` holds the answers by question name."""

    id: str
    user_id: str
    status: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SuggestionDocument:
    """A suggestion for one question; `score` is a number, or a list of them, one for each value."""

    question_id: str
    value: Any = None
    score: Any = None
    agent: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class RecordDocument:
    """A record as it is indexed. `vectors` holds them by the id of their settings; times without zone are UTC."""

    id: str
    status: str
    inserted_at: datetime
    updated_at: datetime
    external_id: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    responses: tuple[ResponseDocument, ...] = ()
    suggestions: tuple[SuggestionDocument, ...] = ()
    vectors: Mapping[str, list[float]] = field(default_factory=dict)
