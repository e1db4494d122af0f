"""A dataset of four records, and an index that holds it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.embedded_argilla.server.sqlite_search import schema as schemas
from tasks.embedded_argilla.server.sqlite_search import searching, writing
from tasks.embedded_argilla.server.sqlite_search.database import Database
from tasks.embedded_argilla.server.sqlite_search.documents import (
    DatasetDefinition,
    FieldDefinition,
    MetadataDefinition,
    QuestionDefinition,
    RecordDocument,
    ResponseDocument,
    SuggestionDocument,
    VectorDefinition,
)
from tasks.embedded_argilla.server.sqlite_search.filters import (
    Filter,
    MetadataScope,
    ResponseScope,
    TermsFilter,
)
from tasks.embedded_argilla.server.sqlite_search.searching import Page, Selection, Similarity, TextQuery

DATASET = DatasetDefinition(
    id="d",
    fields=(FieldDefinition("chat", "chat"), FieldDefinition("answer", "text"), FieldDefinition("image", "image")),
    questions=(
        QuestionDefinition("q1", "label", "keyword"),
        QuestionDefinition("q2", "rating", "integer"),
        QuestionDefinition("q3", "topics", "keyword"),
        QuestionDefinition("q4", "comment", None),
    ),
    metadata=(
        MetadataDefinition("language", "keyword"),
        MetadataDefinition("round", "integer"),
        MetadataDefinition("margin", "float"),
    ),
    vectors=(VectorDefinition("v", 2),),
)


START = datetime(2024, 5, 1, tzinfo=UTC)


def chat(text: str) -> list[dict[str, str]]:
    """One user's message."""
    return [{"role": "user", "content": text}]


def response(id: str, user: str, status: str = "submitted", **values: Any) -> ResponseDocument:
    """A response."""
    return ResponseDocument(id, user, status, values)


def record(id: str, day: int, **parts: Any) -> RecordDocument:
    """A record that was added so many days after START."""
    time = START + timedelta(days=day)
    return RecordDocument(**{"id": id, "status": "pending", "inserted_at": time, "updated_at": time, **parts})


RECORDS = (
    record(
        "a",
        0,
        external_id="x1",
        fields={"chat": chat("red apple"), "answer": "sweet", "image": "http://x/apple.png"},
        metadata={"language": "en", "round": 1, "margin": 0.5},
        responses=(response("ra1", "ann", label="A", rating=4, topics=["x", "y"], comment="fine"),),
        suggestions=(
            SuggestionDocument("q1", "A", 0.9, "judge", "model"),
            SuggestionDocument("q3", ["x", "z"], [0.3, 0.8], "bob", "human"),
            SuggestionDocument("q4", "text", 0.1, "judge", "model"),
        ),
        vectors={"v": [1, 0]},
    ),
    record(
        "b",
        1,
        status="completed",
        external_id="x2",
        fields={"chat": chat("green apple"), "answer": "sour"},
        metadata={"language": ["de", "fr"], "round": 2, "margin": -1.5},
        responses=(
            response("rb1", "ann", "draft", label="B", rating=1),
            response("rb2", "bob", label="A", rating=5, topics=["z"]),
        ),
        suggestions=(SuggestionDocument("q1", "B", 0.2, "judge", "model"), SuggestionDocument("q2", 3, 0.5)),
        vectors={"v": [1, 1]},
    ),
    record(
        "c",
        2,
        external_id="x10",
        fields={"chat": chat("東京 pie"), "answer": "user of apples"},
        metadata={"language": "ja", "round": 10},
        responses=(response("rc1", "bob", "discarded"),),
        vectors={"v": [0, 1]},
    ),
    record("d", 3, fields={"answer": "nothing"}, metadata={"unknown": 1}),
)


@dataclass(frozen=True)
class Index:
    """An index in a file, with its one dataset."""

    database: Database

    def search(self, filter: Filter | None = None, query: TextQuery | None = None, **how: Any) -> Page:
        with self.database.read() as connection:
            schema = schemas.load_schema(connection, "d")
            return searching.search(connection, schema, Selection(query, filter), **how)

    def ids(self, filter: Filter | None = None, query: TextQuery | None = None, **how: Any) -> list[str]:
        page = self.search(filter, query, **how)
        assert page.total == len(page.items)
        return [item[0] for item in page.items]

    def similar(self, *about: Any, selection: Selection | None = None, **more: Any) -> Page:
        with self.database.read() as connection:
            schema = schemas.load_schema(connection, "d")
            near = Similarity("v", *about, **more)
            return searching.search_similar(connection, schema, selection or Selection(), near)

    def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        with self.database.read() as connection:
            return question(connection, schemas.load_schema(connection, "d"), *arguments)

    def add(self, *documents: RecordDocument) -> None:
        writing.index_records(self.database, "d", documents)


LANGUAGE, ROUND, MARGIN = MetadataScope("language"), MetadataScope("round"), MetadataScope("margin")


def status(*values: str, user: str | None = None) -> Filter:
    """A filter on the status of responses."""
    return TermsFilter(ResponseScope(None, "status", user), values)
