"""A dataset's tables and columns.

Each dataset has its own tables, whose names end with its number. One narrow row per record holds every value that
is filtered or sorted by, each in a column: a scan of 100,000 such rows is quicker than lookups in an index per
property, and no filter is slow. Where a property has several values, its column is NULL and they are in the table
beside it.

    records_1          one row per record: c1, c2, ... and id, status, times
    record_values_1    the values of properties that have several
    responses_1        one row per response; c.. are its answers
    response_values_1  the values of answers that have several
    text_1             FTS5: one column per searchable field, and one with a token that every record has
    vectors_1          blocks of vectors, see `vectors`
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from .documents import DatasetDefinition, MetadataDefinition, ValueType, VectorDefinition
from .errors import SearchIndexError, missing_index
from .tokens import FTS5_TOKENIZER


@dataclass(frozen=True)
class Column:
    """A column of values of one type."""

    number: int
    type: ValueType

    @property
    def name(self) -> str:
        return f"c{self.number}"


@dataclass(frozen=True)
class TextColumn:
    """A searchable field's column in the full-text table."""

    name: str
    field: str
    type: str


@dataclass(frozen=True)
class QuestionColumns:
    """The columns of a question: `value` and `response` are None where the type of its answers cannot be filtered."""

    id: str
    value: Column | None
    score: Column
    agent: Column
    type: Column
    response: Column | None

    @property
    def of_suggestion(self) -> tuple[Column, ...]:
        """All that a suggestion fills."""
        return (*((self.value,) if self.value else ()), self.score, self.agent, self.type)


@dataclass(frozen=True)
class VectorColumn:
    """The vectors of one kind: their number in the table of blocks, and how many numbers each has."""

    number: int
    dimensions: int


@dataclass(frozen=True)
class Schema:
    """Where a dataset's values are. Questions and metadata go by name, vectors by the id of their settings."""

    number: int
    columns: int
    text: tuple[TextColumn, ...]
    fields: tuple[str, ...]
    metadata: dict[str, Column]
    questions: dict[str, QuestionColumns]
    vectors: dict[str, VectorColumn]

    def table(self, name: str) -> str:
        """The dataset's own table of this name."""
        return f"{name}_{self.number}"


_TABLES = ("records", "record_values", "responses", "response_values", "text", "vectors")


def create_index(connection: sqlite3.Connection, dataset: DatasetDefinition) -> None:
    """Makes the tables of a dataset.

    Raises:
        SearchIndexError: when the dataset has an index already.
    """
    if connection.execute("SELECT 1 FROM datasets WHERE id = ?", (dataset.id,)).fetchone():
        raise SearchIndexError(f"Dataset {dataset.id} has a search index already: delete it before you create another.")
    number = connection.execute("INSERT INTO datasets (id, schema) VALUES (?, '{}')", (dataset.id,)).lastrowid
    assert number is not None
    schema = _schema_of(dataset, number)
    responses = [question.response for question in schema.questions.values() if question.response]
    suggestions = [column for question in schema.questions.values() for column in question.of_suggestion]
    _create_tables(connection, schema, [*schema.metadata.values(), *suggestions], responses)
    _save(connection, schema)


def delete_index(connection: sqlite3.Connection, dataset_id: str) -> None:
    """Removes a dataset's tables; does nothing when it has none."""
    row = connection.execute("SELECT number FROM datasets WHERE id = ?", (dataset_id,)).fetchone()
    if row is None:
        return
    for table in _TABLES:
        connection.execute(f"DROP TABLE {table}_{row[0]}")
    connection.execute("DELETE FROM datasets WHERE number = ?", row)


def load_schema(connection: sqlite3.Connection, dataset_id: str) -> Schema:
    """The schema of a dataset.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    row = connection.execute("SELECT schema FROM datasets WHERE id = ?", (dataset_id,)).fetchone()
    if row is None:
        raise missing_index(dataset_id)
    return _schema_from(row[0])


def configure_metadata(connection: sqlite3.Connection, dataset_id: str, definition: MetadataDefinition) -> None:
    """Gives a metadata property its column; records indexed before keep it empty until they are indexed again.

    A property that was deleted and created anew with another type starts with an empty column.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    schema = load_schema(connection, dataset_id)
    known = schema.metadata.get(definition.name)
    if known and known.type == definition.value_type:
        return
    column = Column(schema.columns, definition.value_type)
    connection.execute(f"ALTER TABLE {schema.table('records')} ADD COLUMN {column.name}")
    _save(
        connection,
        replace(schema, columns=schema.columns + 1, metadata={**schema.metadata, definition.name: column}),
    )


def configure_vectors(connection: sqlite3.Connection, dataset_id: str, definition: VectorDefinition) -> None:
    """Makes room for vectors of one more kind.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    schema = load_schema(connection, dataset_id)
    if definition.id not in schema.vectors:
        column = VectorColumn(len(schema.vectors), definition.dimensions)
        _save(connection, replace(schema, vectors={**schema.vectors, definition.id: column}))


def _schema_of(dataset: DatasetDefinition, number: int) -> Schema:
    count = 0

    def column(value_type: ValueType) -> Column:
        nonlocal count
        count += 1
        return Column(count - 1, value_type)

    searchable = [field for field in dataset.fields if field.type != "image"]
    return Schema(
        number=number,
        text=tuple(TextColumn(f"f{index}", field.name, field.type) for index, field in enumerate(searchable)),
        fields=tuple(field.name for field in dataset.fields),
        metadata={definition.name: column(definition.value_type) for definition in dataset.metadata},
        questions={
            question.name: QuestionColumns(
                id=question.id,
                value=column(question.value_type) if question.value_type else None,
                score=column("float"),
                agent=column("keyword"),
                type=column("keyword"),
                response=column(question.value_type) if question.value_type else None,
            )
            for question in dataset.questions
        },
        vectors={vector.id: VectorColumn(index, vector.dimensions) for index, vector in enumerate(dataset.vectors)},
        columns=count,
    )


def _create_tables(
    connection: sqlite3.Connection, schema: Schema, record_columns: Iterable[Column], response_columns: Iterable[Column]
) -> None:
    number = schema.number
    of_records = "".join(f", {column.name}" for column in record_columns)
    of_responses = "".join(f", {column.name}" for column in response_columns)
    text = "".join(f"{column.name}, " for column in schema.text)
    for statement in (
        f"CREATE TABLE records_{number} (record INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, external_id TEXT, "
        "status TEXT NOT NULL, inserted_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, shuffle INTEGER NOT NULL, "
        f"text_hash BLOB NOT NULL{of_records})",
        f"CREATE INDEX records_by_status_{number} ON records_{number} (status)",
        f"CREATE TABLE responses_{number} (response INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, "
        f"record INTEGER NOT NULL, user_id TEXT NOT NULL, status TEXT NOT NULL{of_responses})",
        f"CREATE INDEX responses_by_user_{number} ON responses_{number} (user_id, status, record)",
        f"CREATE INDEX responses_by_record_{number} ON responses_{number} (record)",
        _values_table("record", number),
        f"CREATE INDEX record_values_by_value_{number} ON record_values_{number} (number, value)",
        _values_table("response", number),
        f"CREATE INDEX response_values_by_value_{number} ON response_values_{number} (number, value)",
        # Short prefixes stand for thousands of words: without an index of them a search takes half a second.
        f"CREATE VIRTUAL TABLE text_{number} USING fts5({text}everything, tokenize=\"{FTS5_TOKENIZER}\", prefix='2 3')",
        f"CREATE TABLE vectors_{number} (kind INTEGER NOT NULL, block INTEGER NOT NULL, data BLOB NOT NULL, "
        "PRIMARY KEY (kind, block))",
    ):
        connection.execute(statement)


def _values_table(owner: str, number: int) -> str:
    return (
        f"CREATE TABLE {owner}_values_{number} ({owner} INTEGER NOT NULL, number INTEGER NOT NULL, value, "
        f"PRIMARY KEY ({owner}, number, value)) WITHOUT ROWID"
    )


def _save(connection: sqlite3.Connection, schema: Schema) -> None:
    text = json.dumps(asdict(schema), ensure_ascii=False)
    connection.execute("UPDATE datasets SET schema = ? WHERE number = ?", (text, schema.number))


def _schema_from(text: str) -> Schema:
    read = json.loads(text)

    def column(value: dict[str, object] | None) -> Column | None:
        return Column(**value) if value else None  # type: ignore[arg-type]

    return Schema(
        number=read["number"],
        columns=read["columns"],
        text=tuple(TextColumn(**value) for value in read["text"]),
        fields=tuple(read["fields"]),
        metadata={name: Column(**value) for name, value in read["metadata"].items()},
        questions={
            name: QuestionColumns(
                id=value["id"],
                value=column(value["value"]),
                score=Column(**value["score"]),
                agent=Column(**value["agent"]),
                type=Column(**value["type"]),
                response=column(value["response"]),
            )
            for name, value in read["questions"].items()
        },
        vectors={name: VectorColumn(**value) for name, value in read["vectors"].items()},
    )
