"""Documents into the tables, and the changes of one record that Argilla makes as people work.

Records are written in transactions of CHUNK, so that another process never waits long, and what takes most time,
cutting text into tokens, is done before each begins.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .database import Database
from .documents import RecordDocument, ResponseDocument, SuggestionDocument
from .errors import missing_record
from .schema import Column, QuestionColumns, Schema, load_schema
from .tokens import EVERY_DOCUMENT, indexed_text
from .values import Stored, microseconds_of, stored_values
from .vectors import write_vectors

CHUNK = 200
SHUFFLES = 2**31 - 1  # a prime, so that multiples of a shuffle number are a permutation

_LOGGER = logging.getLogger(__name__)

Texts = list[str]  # the tokens of each searchable field, joined by spaces


def index_records(database: Database, dataset_id: str, documents: Sequence[RecordDocument]) -> None:
    """Indexes the records; one that is there already is replaced as a whole, and keeps its place in the order.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    with database.read() as connection:
        schema = load_schema(connection, dataset_id)
    for start in range(0, len(documents), CHUNK):
        chunk = documents[start : start + CHUNK]
        texts = [[indexed_text(document.fields.get(c.field), c.type) for c in schema.text] for document in chunk]
        with database.write() as connection:
            schema = load_schema(connection, dataset_id)
            records = [_write_record(connection, schema, *pair) for pair in zip(chunk, texts, strict=True)]
            vectors = {record: document.vectors for record, document in zip(records, chunk, strict=True)}
            for problem in write_vectors(connection, schema, vectors):
                _LOGGER.warning("Dataset %s: %s is not indexed; similarity will not find it", dataset_id, problem)


def delete_records(database: Database, dataset_id: str, record_ids: Sequence[str]) -> None:
    """Removes records; those that are not there are passed over.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    with database.write() as connection:
        schema = load_schema(connection, dataset_id)
        found = [record for record_id in record_ids if (record := _find(connection, schema, record_id)) is not None]
        for record in found:
            _clear(connection, schema, record)
            connection.execute(f"DELETE FROM {schema.table('text')} WHERE rowid = ?", (record,))
            connection.execute(f"DELETE FROM {schema.table('records')} WHERE record = ?", (record,))
        write_vectors(connection, schema, {record: {} for record in found})


def set_status(database: Database, dataset_id: str, record_id: str, status: str) -> None:
    """Sets a record's status.

    Raises:
        IndexMissingError: when the dataset has no index, or the record is not in it.
    """
    with database.write() as connection:
        schema = load_schema(connection, dataset_id)
        record = _find_or_raise(connection, schema, record_id, dataset_id)
        connection.execute(f"UPDATE {schema.table('records')} SET status = ? WHERE record = ?", (status, record))


def put_response(database: Database, dataset_id: str, record_id: str, response: ResponseDocument) -> None:
    """Adds a response to a record, in place of an earlier one with its id.

    Raises:
        IndexMissingError: when the dataset has no index, or the record is not in it.
    """
    with database.write() as connection:
        schema = load_schema(connection, dataset_id)
        record = _find_or_raise(connection, schema, record_id, dataset_id)
        _remove_response(connection, schema, response.id)
        _write_response(connection, schema, record, response)


def remove_response(database: Database, dataset_id: str, response_id: str) -> None:
    """Removes a response; does nothing when it is not there.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    with database.write() as connection:
        _remove_response(connection, load_schema(connection, dataset_id), response_id)


def put_suggestion(database: Database, dataset_id: str, record_id: str, suggestion: SuggestionDocument) -> None:
    """Sets a record's suggestion for its question, in place of an earlier one.

    Raises:
        IndexMissingError: when the dataset has no index, or the record is not in it.
    """
    with database.write() as connection:
        schema = load_schema(connection, dataset_id)
        record = _find_or_raise(connection, schema, record_id, dataset_id)
        values = _suggestion_values(schema, suggestion)
        _update_columns(connection, schema, record, values)


def remove_suggestion(database: Database, dataset_id: str, record_id: str, question_id: str) -> None:
    """Removes a record's suggestion for a question; does nothing when there is none.

    Raises:
        IndexMissingError: when the dataset has no index.
    """
    put_nothing = SuggestionDocument(question_id=question_id)
    with database.write() as connection:
        schema = load_schema(connection, dataset_id)
        record = _find(connection, schema, record_id)
        if record is not None:
            _update_columns(connection, schema, record, _suggestion_values(schema, put_nothing))


def _write_record(connection: sqlite3.Connection, schema: Schema, document: RecordDocument, texts: Texts) -> int:
    values = _record_values(schema, document)
    single = {column.name: found[0] for column, found in values.items() if len(found) == 1}
    row = {
        "id": document.id,
        "external_id": document.external_id,
        "status": document.status,
        "inserted_at": microseconds_of(document.inserted_at),
        "updated_at": microseconds_of(document.updated_at),
        "shuffle": _shuffle_of(document.id),
        "text_hash": hashlib.blake2b("\n".join(texts).encode(), digest_size=12).digest(),
        **{column.name: single.get(column.name) for column in values},
    }
    table = schema.table("records")
    known = connection.execute(f"SELECT record, text_hash FROM {table} WHERE id = ?", (document.id,)).fetchone()
    if known is None:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        cursor = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
        record = int(cursor.lastrowid or 0)
    else:
        record = int(known[0])
        _clear(connection, schema, record)
        changes = ", ".join(f"{name} = ?" for name in row)
        connection.execute(f"UPDATE {table} SET {changes} WHERE record = ?", (*row.values(), record))
    if known is None or known[1] != row["text_hash"]:
        _write_text(connection, schema, record, texts, replace=known is not None)
    _write_several(connection, schema, "record", record, values)
    for response in document.responses:
        _write_response(connection, schema, record, response)
    return record


def _write_text(connection: sqlite3.Connection, schema: Schema, record: int, texts: Texts, *, replace: bool) -> None:
    table = schema.table("text")
    if replace:
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (record,))
    names = "".join(f"{column.name}, " for column in schema.text)
    marks = "?, " * len(schema.text)
    connection.execute(
        f"INSERT INTO {table} (rowid, {names}everything) VALUES (?, {marks}?)", (record, *texts, EVERY_DOCUMENT)
    )


def _write_response(connection: sqlite3.Connection, schema: Schema, record: int, response: ResponseDocument) -> None:
    values = {
        question.response: _stored(response.values.get(name), question.response, f"Response {response.id}, {name}")
        for name, question in schema.questions.items()
        if question.response
    }
    row: dict[str, Stored | None] = {
        "id": response.id,
        "record": record,
        "user_id": response.user_id,
        "status": response.status,
        **{column.name: found[0] if len(found) == 1 else None for column, found in values.items()},
    }
    cursor = connection.execute(
        f"INSERT INTO {schema.table('responses')} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        tuple(row.values()),
    )
    _write_several(connection, schema, "response", int(cursor.lastrowid or 0), values)


def _remove_response(connection: sqlite3.Connection, schema: Schema, response_id: str) -> None:
    responses = schema.table("responses")
    found = connection.execute(f"DELETE FROM {responses} WHERE id = ? RETURNING response", (response_id,)).fetchall()
    connection.executemany(f"DELETE FROM {schema.table('response_values')} WHERE response = ?", found)


def _clear(connection: sqlite3.Connection, schema: Schema, record: int) -> None:
    """Removes what a record has beside its own row: several values, and responses."""
    responses = schema.table("responses")
    for sql in (
        f"DELETE FROM {schema.table('record_values')} WHERE record = ?",
        f"DELETE FROM {schema.table('response_values')} "
        f"WHERE response IN (SELECT response FROM {responses} WHERE record = ?)",
        f"DELETE FROM {responses} WHERE record = ?",
    ):
        connection.execute(sql, (record,))


def _update_columns(
    connection: sqlite3.Connection, schema: Schema, record: int, values: Mapping[Column, list[Stored]]
) -> None:
    if not values:
        return
    changes = ", ".join(f"{column.name} = ?" for column in values)
    single = [found[0] if len(found) == 1 else None for found in values.values()]
    connection.execute(f"UPDATE {schema.table('records')} SET {changes} WHERE record = ?", (*single, record))
    connection.executemany(
        f"DELETE FROM {schema.table('record_values')} WHERE record = ? AND number = ?",
        [(record, column.number) for column in values],
    )
    _write_several(connection, schema, "record", record, values)


def _write_several(
    connection: sqlite3.Connection,
    schema: Schema,
    owner: Literal["record", "response"],
    number: int,
    values: Mapping[Column, list[Stored]],
) -> None:
    rows = [(number, column.number, value) for column, found in values.items() if len(found) > 1 for value in found]
    if rows:
        table = schema.table(f"{owner}_values")
        connection.executemany(f"INSERT INTO {table} ({owner}, number, value) VALUES (?, ?, ?)", rows)


def _record_values(schema: Schema, document: RecordDocument) -> dict[Column, list[Stored]]:
    """All that a record's row holds in columns, without responses."""
    values: dict[Column, list[Stored]] = {
        column: _stored(document.metadata.get(name), column, f"Record {document.id}, metadata {name}")
        for name, column in schema.metadata.items()
    }
    for question in schema.questions.values():
        values.update(_parts(question, SuggestionDocument(question_id=question.id)))
    for suggestion in document.suggestions:
        values.update(_suggestion_values(schema, suggestion))
    return values


def _suggestion_values(schema: Schema, suggestion: SuggestionDocument) -> dict[Column, list[Stored]]:
    for question in schema.questions.values():
        if question.id == suggestion.question_id:
            return _parts(question, suggestion)
    _LOGGER.warning("Suggestion for question %s, which the index does not know, is not indexed", suggestion.question_id)
    return {}


def _parts(question: QuestionColumns, suggestion: SuggestionDocument) -> dict[Column, list[Stored]]:
    where = f"Suggestion for question {question.id}"
    parts = {
        question.score: suggestion.score,
        question.agent: suggestion.agent,
        question.type: suggestion.type,
    }
    if question.value:
        parts[question.value] = suggestion.value
    return {column: _stored(value, column, where) for column, value in parts.items()}


def _stored(value: Any, column: Column, where: str) -> list[Stored]:
    return [] if value is None else stored_values(value, column.type, where)


def _shuffle_of(record_id: str) -> int:
    """A number that looks drawn at random, and is the same whenever the record is indexed."""
    return int.from_bytes(hashlib.blake2b(record_id.encode(), digest_size=8).digest()) % SHUFFLES


def _find(connection: sqlite3.Connection, schema: Schema, record_id: str) -> int | None:
    row = connection.execute(f"SELECT record FROM {schema.table('records')} WHERE id = ?", (record_id,)).fetchone()
    return int(row[0]) if row else None


def _find_or_raise(connection: sqlite3.Connection, schema: Schema, record_id: str, dataset_id: str) -> int:
    record = _find(connection, schema, record_id)
    if record is None:
        raise missing_record(record_id, dataset_id)
    return record
