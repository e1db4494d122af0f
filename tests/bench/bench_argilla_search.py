"""Figures of the embedded Argilla's search engine: how fast records are indexed, and how long each kind of query takes.

The data set is what an annotation project may grow to: RECORDS records of a chat field and two answers, six metadata
properties, two suggestions, responses of two users to a fifth of them, and one vector of 384 numbers each. Every
query runs ROUNDS times on the engine's own connections; `first` is the first run after the index was opened.

    python tests/bench/bench_argilla_search.py [RECORDS]
"""

import json
import random
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

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
    AndFilter,
    MetadataScope,
    RangeFilter,
    ResponseScope,
    SuggestionScope,
    TermsFilter,
)
from tasks.embedded_argilla.server.sqlite_search.schema import create_index, load_schema
from tasks.embedded_argilla.server.sqlite_search.searching import Selection, Similarity, TextQuery
from tasks.embedded_argilla.server.sqlite_search.sorting import Order

RECORDS = 100_000
BATCH = 1000  # Argilla's own
ROUNDS = 20
DIMENSIONS = 384
VOCABULARY = 30_000
USERS = ("user-1", "user-2")
STATUSES = ("submitted", "draft", "discarded")

DATASET = DatasetDefinition(
    id="bench",
    fields=(FieldDefinition("chat", "chat"), FieldDefinition("a", "text"), FieldDefinition("b", "text")),
    questions=(
        QuestionDefinition("q1", "preferred", "keyword"),
        QuestionDefinition("q2", "rating", "integer"),
        QuestionDefinition("q3", "topics", "keyword"),
        QuestionDefinition("q4", "comment", None),
    ),
    metadata=(
        MetadataDefinition("language", "keyword"),
        MetadataDefinition("source", "keyword"),
        MetadataDefinition("round", "integer"),
        MetadataDefinition("tokens", "integer"),
        MetadataDefinition("margin", "float"),
        MetadataDefinition("tags", "keyword"),
    ),
    vectors=(VectorDefinition("v", DIMENSIONS),),
)


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as name:
        path = Path(name) / "search.sqlite"
        figures: dict[str, Any] = {"records": records, "indexing": measure_indexing(path, records)}
        figures["queries_ms"] = {name: measure_query(path, query) for name, query in queries().items()}
        figures["single_changes_ms"] = measure_changes(path)
        figures["peak_resident_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures["indexing"], indent=2))
    for kind, times in {**figures["queries_ms"], **figures["single_changes_ms"]}.items():
        print(f"{kind:55} first {times['first']:7.1f}  p50 {times['p50']:7.1f}  max {times['max']:7.1f} ms")
    print(f"peak resident {figures['peak_resident_mb']:.0f} MB")
    print(json.dumps(figures))


def measure_indexing(path: Path, records: int) -> dict[str, float]:
    """Records per second, size of the index, and the longest that one batch took."""
    database = Database(path)
    with database.write() as connection:
        create_index(connection, DATASET)
    times = []
    for documents in batches(records):
        started = time.perf_counter()
        writing.index_records(database, DATASET.id, documents)
        times.append(time.perf_counter() - started)
    database.close()
    return {
        "records_per_s": records / sum(times),
        "seconds": sum(times),
        "longest_batch_s": max(times),
        "index_mb": path.stat().st_size / 1e6,
    }


def batches(records: int) -> Iterator[list[RecordDocument]]:
    """The records, a batch at a time; the same ones in every run."""
    rng = random.Random(0)
    weights = list(np.cumsum(1.0 / np.arange(1, VOCABULARY + 1)))
    words = [f"w{index}" for index in range(VOCABULARY)]
    vectors = np.random.default_rng(0)
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def text(count: int) -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=count)) + "."

    def record(index: int) -> RecordDocument:
        time = start + timedelta(seconds=index)
        return RecordDocument(
            id=str(uuid.UUID(int=rng.getrandbits(128))),
            status=rng.choice(("pending", "completed")),
            inserted_at=time,
            updated_at=time,
            external_id=f"record-{index}",
            fields={
                "chat": [{"role": role, "content": text(25)} for role in ("system", "user")],
                "a": text(60),
                "b": text(60),
            },
            metadata={
                "language": rng.choice(("en", "de", "fr", "es", "ja")),
                "source": rng.choice(("web", "book", "forum")),
                "round": rng.randrange(20),
                "tokens": rng.randrange(2000),
                "margin": rng.random(),
                "tags": rng.sample(("a", "b", "c", "d"), k=rng.randrange(1, 3)),
            },
            responses=tuple(response(user) for user in USERS) if rng.random() < 0.2 else (),
            suggestions=(
                SuggestionDocument("q1", rng.choice("AB"), rng.random(), "judge", "model"),
                SuggestionDocument("q2", rng.randrange(1, 6), rng.random(), "judge", "model"),
            ),
            vectors={"v": vectors.standard_normal(DIMENSIONS).tolist()},
        )

    def response(user: str) -> ResponseDocument:
        values = {"preferred": rng.choice("AB"), "rating": rng.randrange(1, 6), "topics": rng.sample("xyz", k=2)}
        return ResponseDocument(str(uuid.UUID(int=rng.getrandbits(128))), user, rng.choice(STATUSES), values)

    for first in range(0, records, BATCH):
        yield [record(index) for index in range(first, min(first + BATCH, records))]


def queries() -> dict[str, Callable[..., Any]]:
    """What is measured: a name, and a call that takes a connection and a schema."""
    pending = TermsFilter(ResponseScope(None, "status", USERS[0]), ("pending",))
    mine = TermsFilter(ResponseScope(None, "status", USERS[0]), ("submitted", "draft"))
    narrow = AndFilter(
        (
            TermsFilter(MetadataScope("language"), ("en", "de")),
            RangeFilter(MetadataScope("tokens"), 500, 1500),
            pending,
        )
    )
    wide = AndFilter(
        (
            TermsFilter(MetadataScope("tags"), ("a", "b", "c")),
            RangeFilter(SuggestionScope("rating", "value"), 1, 5),
            TermsFilter(SuggestionScope("preferred", "agent"), ("judge",)),
            pending,
        )
    )
    by_margin = (Order(MetadataScope("margin"), descending=True),)
    by_rating = (Order(ResponseScope("rating", None, USERS[0])), Order(MetadataScope("tags")))
    vector = np.random.default_rng(1).standard_normal(DIMENSIONS).tolist()

    def page(selection: Selection, sort: tuple[Order, ...] = (), **how: Any) -> Callable[..., Any]:
        return lambda connection, schema: searching.search(connection, schema, selection, sort, limit=50, **how)

    def similar(selection: Selection) -> Callable[..., Any]:
        near = Similarity("v", vector, 50)
        return lambda connection, schema: searching.search_similar(connection, schema, selection, near)

    return {
        "page: first, no filter": page(Selection()),
        "page: first, an annotator's order": page(Selection(), seed=USERS[0]),
        "page: terms + range + pending, by metadata": page(Selection(filter=narrow), by_margin),
        "page: same, offset 10,000": page(Selection(filter=narrow), by_margin, offset=10_000),
        "page: four filters that most records pass, by metadata": page(Selection(filter=wide), by_margin),
        "page: by a user's rating, then by tags": page(Selection(), by_rating),
        "page: a user's submitted or draft, an annotator's order": page(Selection(filter=mine), seed=USERS[0]),
        "text: a word of 3% of records": page(Selection(TextQuery("w500"))),
        "text: two words": page(Selection(TextQuery("w50 w70"))),
        "text: a word of all records": page(Selection(TextQuery("w0"))),
        "text: common | rare": page(Selection(TextQuery("w1 | w900"))),
        "text: phrase": page(Selection(TextQuery('"w3 w5"'))),
        "text: prefix": page(Selection(TextQuery("w5*"))),
        "text: without": page(Selection(TextQuery("w10 -w20 (w30 | w40)"))),
        "text: in one field, an annotator's order": page(Selection(TextQuery("w20", "chat")), seed=USERS[0]),
        "text: two words, filters, by metadata": page(Selection(TextQuery("w5 w9"), narrow), by_margin),
        "progress: dataset": searching.count_statuses,
        "progress: user": lambda connection, schema: searching.count_user_statuses(connection, schema, USERS[0]),
        "metrics: terms": lambda connection, schema: searching.count_terms(connection, schema, "tags"),
        "metrics: float": lambda connection, schema: searching.least_and_greatest(connection, schema, "margin"),
        "similarity": similar(Selection()),
        "similarity: filtered": similar(Selection(filter=narrow)),
    }


def measure_query(path: Path, query: Callable[..., Any]) -> dict[str, float]:
    """Milliseconds of the first run, and the median and the longest of the others."""
    database = Database(path)
    times = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        with database.read() as connection:
            query(connection, load_schema(connection, DATASET.id))
        times.append((time.perf_counter() - started) * 1000)
    database.close()
    return {"first": times[0], "p50": statistics.median(times[1:]), "max": max(times[1:])}


def measure_changes(path: Path) -> dict[str, dict[str, float]]:
    """The same figures for what happens when a user answers or a record is indexed again."""
    database = Database(path)
    documents = next(batches(ROUNDS + 1))
    changes: dict[str, Callable[[RecordDocument], None]] = {
        "change: response": lambda document: writing.put_response(
            database,
            DATASET.id,
            document.id,
            ResponseDocument(f"new-{document.id}", "user-3", "submitted", {"rating": 3}),
        ),
        "change: status": lambda document: writing.set_status(database, DATASET.id, document.id, "completed"),
        "change: suggestion": lambda document: writing.put_suggestion(
            database, DATASET.id, document.id, SuggestionDocument("q2", 4, 0.5)
        ),
        "change: a record indexed again": lambda document: writing.index_records(database, DATASET.id, [document]),
    }
    figures = {}
    for name, change in changes.items():
        times = []
        for document in documents:
            started = time.perf_counter()
            change(document)
            times.append((time.perf_counter() - started) * 1000)
        figures[name] = {"first": times[0], "p50": statistics.median(times[1:]), "max": max(times[1:])}
    database.close()
    return figures


if __name__ == "__main__":
    main()
