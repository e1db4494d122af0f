"""argilla-server on the SQLite search engine does what it does on Elasticsearch, asked through its HTTP API."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from argilla_server.cli.search_engine.reindex import _reindex
from argilla_server.database import AsyncSessionLocal
from argilla_server.errors.future import NotFoundError
from argilla_server.models import Dataset as DatasetModel
from argilla_server.models import Record
from argilla_server.search_engine import SearchEngine


def terms(scope: dict[str, Any], *values: str) -> dict[str, Any]:
    """A terms filter."""
    return {"type": "terms", "scope": scope, "values": list(values)}


def between(scope: dict[str, Any], ge: Any = None, le: Any = None) -> dict[str, Any]:
    """A range filter."""
    return {"type": "range", "scope": scope, "ge": ge, "le": le}


def metadata(name: str) -> dict[str, Any]:
    return {"entity": "metadata", "metadata_property": name}


def response(question: str | None = None, property: str | None = None) -> dict[str, Any]:
    return {"entity": "response", "question": question, "property": property}


def suggestion(question: str, property: str = "value") -> dict[str, Any]:
    return {"entity": "suggestion", "question": question, "property": property}


def record(property: str) -> dict[str, Any]:
    return {"entity": "record", "property": property}


STATUS = response(property="status")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (terms(metadata("language"), "en", "fr"), ["x1", "x2"]),
        (between(metadata("round"), 2, 10), ["x2", "x3"]),
        (between(metadata("margin"), le=0), ["x2"]),
        (terms(record("status"), "completed"), ["x1", "x2"]),
        (terms(record("external_id"), "x3"), ["x3"]),
        (between(record("inserted_at"), "2020-01-01"), ["x1", "x2", "x3", "x4"]),
        (between(record("inserted_at"), le="2020-01-01"), []),
        (terms(STATUS, "submitted"), ["x1", "x2"]),
        (terms(STATUS, "pending"), ["x4"]),
        (terms(STATUS, "discarded", "pending"), ["x3", "x4"]),
        (terms(response("label"), "B"), ["x2"]),
        (terms(response("topics"), "C", "B"), ["x1", "x2"]),
        (between(response("rating"), 4, 4), ["x1"]),
        (terms(response("comment"), "fine"), []),
        (terms(response("ranking"), "A"), []),
        (terms(suggestion("label"), "A"), ["x1"]),
        (terms(suggestion("topics"), "C"), ["x1"]),
        (between(suggestion("topics", "score"), 0.7), ["x1"]),
        (terms(suggestion("rating", "agent"), "judge"), ["x2"]),
        (terms(suggestion("topics", "type"), "human"), ["x1"]),
        (between(suggestion("rating"), 3, 3), ["x2"]),
        (terms(suggestion("comment"), "a text"), []),
    ],
)
def test_filters(unchanged_dataset: Any, filter: dict[str, Any], found: list[str]) -> None:
    assert unchanged_dataset.filtered(filter) == found


@pytest.mark.parametrize(
    ("account", "filter", "found"),
    [
        ("ann", terms(STATUS, "pending"), ["x3", "x4"]),
        ("bob", terms(STATUS, "pending"), ["x1", "x4"]),
        ("ann", terms(STATUS, "submitted"), ["x1"]),
        ("ann", terms(STATUS, "draft", "pending"), ["x2", "x3", "x4"]),
        ("bob", terms(STATUS, "discarded"), ["x3"]),
        ("ann", terms(response("label"), "A"), ["x1"]),
        ("bob", between(response("rating"), 1), ["x2"]),
    ],
)
def test_an_annotator_filters_by_their_own_responses(
    unchanged_dataset: Any, account: str, filter: dict[str, Any], found: list[str]
) -> None:
    assert unchanged_dataset.filtered(filter, account=account) == found


@pytest.mark.parametrize(
    ("text", "field", "found"),
    [
        ("apple", None, ["x1", "x2"]),
        ("apple -sour", None, ["x1"]),
        ("fruit (red | nothing)", None, ["x1"]),
        ('"sweet fruit"', None, ["x1"]),
        ("swe*", None, ["x1"]),
        ("apple", "answer", []),
        ("assistant", None, ["x1"]),
        ("user", "chat", ["x1", "x2"]),
        ("user", "answer", ["x4"]),
        ("mango", "custom", ["x1"]),
        ("kiwi", None, []),
        ("東京", None, ["x1"]),
        ("हिन्दी", None, ["x3"]),
        ("हिन", None, []),
        ("👍", None, ["x3"]),
        ("מים", "answer", ["x3"]),
        ('"(+| -~*', None, []),
    ],
)
def test_text_queries(unchanged_dataset: Any, text: str, field: str | None, found: list[str]) -> None:
    body = {"query": {"text": {"q": text, "field": field}}}
    assert sorted(unchanged_dataset.found(body)) == found
    assert sorted(unchanged_dataset.found(body, "ann")) == found


def test_sort_orders(unchanged_dataset: Any) -> None:
    def by(scope: dict[str, Any], order: str, account: str | None = None) -> list[str]:
        return unchanged_dataset.found(
            {"sort": [{"scope": scope, "order": order}, {"scope": record("external_id"), "order": "asc"}]}, account
        )

    assert by(metadata("round"), "asc") == ["x1", "x2", "x3", "x4"]
    assert by(metadata("round"), "desc") == ["x3", "x2", "x1", "x4"]
    assert by(record("external_id"), "desc") == ["x4", "x3", "x2", "x1"]
    assert by(record("inserted_at"), "desc") == ["x4", "x3", "x2", "x1"]
    assert by(response("rating"), "asc") == ["x2", "x1", "x3", "x4"]
    assert by(response("rating"), "desc", "bob") == ["x2", "x1", "x3", "x4"]
    assert by(suggestion("label", "score"), "desc") == ["x1", "x2", "x3", "x4"]
    page = unchanged_dataset.page({"sort": [{"scope": record("id"), "order": "asc"}]}, offset=1, limit=2)
    ids = sorted(item["record"]["id"] for item in unchanged_dataset.page()["items"])
    assert [item["record"]["id"] for item in page["items"]] == ids[1:3]
    assert (page["total"], page["items"][0]["query_score"]) == (4, None)


def test_an_annotators_order_is_their_own_and_stays(make_dataset: Callable[..., Any]) -> None:
    dataset = make_dataset()
    dataset.add(*({"external_id": f"n{number}", "fields": {"answer": "same"}} for number in range(100)))
    ann, bob = (dataset.found({}, account, limit=100) for account in ("ann", "bob"))
    assert sorted(ann) == sorted(bob)
    assert ann != bob
    assert dataset.found({}, "ann", limit=30) + dataset.found({}, "ann", limit=100, offset=30) == ann
    assert dataset.found(limit=100) == [f"n{number}" for number in range(100)]


def test_similarity(unchanged_dataset: Any) -> None:
    def near(**query: Any) -> list[tuple[str, float]]:
        filters = query.pop("filters", None)
        text = query.pop("text", None)
        body = {"query": {"vector": {"name": "v", **query}, "text": text}, "filters": filters}
        page = unchanged_dataset.page({key: value for key, value in body.items() if value})
        return [(item["record"]["external_id"], round(item["query_score"], 4)) for item in page["items"]]

    assert near(value=[1.0, 0.0]) == [("x1", 1.0), ("x2", 0.8536), ("x3", 0.5)]
    assert near(value=[1.0, 0.0], order="least_similar") == [("x3", 0.5), ("x2", 0.1464), ("x1", 0.0)]
    first = unchanged_dataset.page({"filters": {"and": [terms(record("external_id"), "x1")]}})["items"][0]["record"][
        "id"
    ]
    assert near(record_id=first) == [("x2", 0.8536), ("x3", 0.5)]
    assert near(record_id=first, filters={"and": [terms(metadata("language"), "ja")]}) == [("x3", 0.5)]
    assert near(value=[1.0, 0.0], text={"q": "apple"}) == [("x1", 1.0), ("x2", 0.8536)]
    page = unchanged_dataset.page({"query": {"vector": {"name": "v", "value": [1.0, 0.0]}}}, limit=1, offset=1)
    assert [item["record"]["external_id"] for item in page["items"]] == ["x2"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"filters": {"and": [terms(metadata("round"), "many")]}}, "'many' is not a number"),
        ({"filters": {"and": [between(record("inserted_at"), "soon")]}}, "'soon' is not a date"),
        ({"sort": [{"scope": response("comment"), "order": "asc"}]}, "Records cannot be sorted by"),
        ({"query": {"vector": {"name": "v", "value": [1.0]}}}, "has 1 numbers: it must have 2"),
        ({"query": {"text": {"q": "(" * 40 + "a" + ")" * 40}}}, "nests operators more than 30 deep"),
    ],
)
def test_what_cannot_be_answered_is_422_with_a_sentence(
    unchanged_dataset: Any, body: dict[str, Any], sentence: str
) -> None:
    status, text = unchanged_dataset.server.refused("POST", f"/datasets/{unchanged_dataset.id}/records/search", body)
    assert status == 422
    assert sentence in text


def test_responses_move_records_between_pending_and_done_and_progress_follows(dataset: Any) -> None:
    server = dataset.server
    record_id = dataset.page({"filters": {"and": [terms(record("external_id"), "x4")]}})["items"][0]["record"]["id"]
    assert metrics(dataset, "ann") == {"total": 4, "submitted": 1, "discarded": 0, "draft": 1, "pending": 2}
    assert metrics(dataset, "bob") == {"total": 4, "submitted": 1, "discarded": 1, "draft": 0, "pending": 2}
    assert progress(dataset) == {"total": 4, "completed": 2, "pending": 2}

    answer = {"values": {"label": {"value": "B"}}, "status": "draft"}
    made = server.call("POST", f"/records/{record_id}/responses", answer, "ann")
    assert dataset.filtered(terms(STATUS, "draft"), account="ann") == ["x2", "x4"]
    assert progress(dataset) == {"total": 4, "completed": 2, "pending": 2}

    server.call("PUT", f"/responses/{made['id']}", {**answer, "status": "submitted"}, "ann")
    assert dataset.filtered(terms(STATUS, "submitted"), account="ann") == ["x1", "x4"]
    assert dataset.filtered(terms(record("status"), "completed")) == ["x1", "x2", "x4"]
    assert progress(dataset) == {"total": 4, "completed": 3, "pending": 1}

    unanswered = {"status": "discarded", "record_id": record_id}
    bulk = server.call("POST", "/me/responses/bulk", {"items": [unanswered]}, "bob")
    assert bulk["items"][0]["error"] is None
    assert dataset.filtered(terms(STATUS, "discarded"), account="bob") == ["x3", "x4"]

    server.call("DELETE", f"/responses/{made['id']}", account="ann")
    assert dataset.filtered(terms(STATUS, "pending"), account="ann") == ["x3", "x4"]
    assert progress(dataset) == {"total": 4, "completed": 2, "pending": 2}


def metrics(dataset: Any, account: str) -> dict[str, int]:
    """An annotator's own counts."""
    counts: dict[str, int] = dataset.server.call("GET", f"/me/datasets/{dataset.id}/metrics", account=account)[
        "responses"
    ]
    return counts


def progress(dataset: Any) -> dict[str, int]:
    """The dataset's counts."""
    found = dataset.server.call("GET", f"/datasets/{dataset.id}/progress")
    return {name: found[name] for name in ("total", "completed", "pending")}


def test_suggestions_come_change_and_go(dataset: Any) -> None:
    server = dataset.server
    record_id = dataset.page({"filters": {"and": [terms(record("external_id"), "x4")]}})["items"][0]["record"]["id"]
    body = {"question_id": dataset.questions["topics"], "value": ["A", "C"], "score": [0.5, 0.6], "agent": "gpt"}
    made = server.call("PUT", f"/records/{record_id}/suggestions", body)
    assert dataset.filtered(terms(suggestion("topics"), "C")) == ["x1", "x4"]
    server.call("PUT", f"/records/{record_id}/suggestions", {**body, "value": ["B"], "score": [0.1]})
    assert dataset.filtered(terms(suggestion("topics"), "C")) == ["x1"]
    assert dataset.filtered(terms(suggestion("topics", "agent"), "gpt")) == ["x4"]
    server.call("DELETE", f"/suggestions/{made['id']}")
    assert dataset.filtered(terms(suggestion("topics"), "B")) == ["x1"]
    again = server.call("PUT", f"/records/{record_id}/suggestions", body)
    server.call("DELETE", f"/records/{record_id}/suggestions", ids=again["id"])
    assert dataset.filtered(terms(suggestion("topics", "agent"), "gpt")) == []


def test_a_record_changes_and_goes(dataset: Any) -> None:
    server = dataset.server
    record_id = dataset.page({"filters": {"and": [terms(record("external_id"), "x1")]}})["items"][0]["record"]["id"]
    changed = {
        "metadata": {"round": 7},
        "suggestions": [{"question_id": dataset.questions["label"], "value": "C"}],
        "vectors": {"v": [0.0, 2.0]},
    }
    server.call("PATCH", f"/records/{record_id}", changed)
    assert dataset.filtered(between(metadata("round"), 7, 7)) == ["x1"]
    assert dataset.filtered(terms(metadata("language"), "en")) == []
    assert dataset.filtered(terms(suggestion("label"), "C")) == ["x1"]
    assert dataset.filtered(terms(suggestion("topics"), "C")) == []
    assert dataset.filtered(terms(STATUS, "submitted"), account="ann") == ["x1"]
    near = {"query": {"vector": {"name": "v", "value": [0.0, 1.0]}}}
    assert dataset.found(near) == ["x1", "x3", "x2"]

    upsert = {"id": record_id, "fields": {"answer": "brand new", "chat": [{"role": "user", "content": "pear"}]}}
    server.call("PUT", f"/datasets/{dataset.id}/records/bulk", {"items": [upsert]})
    assert dataset.found({"query": {"text": {"q": "brand pear"}}}) == ["x1"]
    assert dataset.found({"query": {"text": {"q": "red"}}}) == []
    assert dataset.found() == ["x1", "x2", "x3", "x4"]

    server.call("DELETE", f"/records/{record_id}")
    ids = [item["record"]["id"] for item in dataset.page()["items"]]
    assert dataset.found() == ["x2", "x3", "x4"]
    server.call("DELETE", f"/datasets/{dataset.id}/records", ids=",".join(ids[:2]))
    assert dataset.found() == ["x4"]
    assert progress(dataset)["total"] == 1


def test_settings_added_to_a_published_dataset_are_searched_by(dataset: Any) -> None:
    server = dataset.server
    body = {"name": "late", "title": "late", "settings": {"type": "integer"}, "visible_for_annotators": True}
    late = server.call("POST", f"/datasets/{dataset.id}/metadata-properties", body)
    settings = {"name": "w", "title": "w", "dimensions": 3}
    server.call("POST", f"/datasets/{dataset.id}/vectors-settings", settings)
    dataset.add({"external_id": "x5", "fields": {"answer": "y"}, "metadata": {"late": 3}, "vectors": {"w": [1, 2, 3]}})
    assert dataset.filtered(between(metadata("late"), 3)) == ["x5"]
    assert dataset.found({"query": {"vector": {"name": "w", "value": [1.0, 2.0, 3.0]}}}) == ["x5"]
    found = server.call("GET", f"/metadata-properties/{late['id']}/metrics")
    assert found == {"type": "integer", "min": 3, "max": 3}


def test_metadata_metrics(unchanged_dataset: Any) -> None:
    def of(name: str) -> Any:
        return unchanged_dataset.server.call("GET", f"/metadata-properties/{unchanged_dataset.metadata[name]}/metrics")

    assert of("language") == {
        "type": "terms",
        "total": 4,
        "values": [{"term": term, "count": 1} for term in ("de", "en", "fr", "ja")],
    }
    assert of("round") == {"type": "integer", "min": 1, "max": 10}
    assert of("margin") == {"type": "float", "min": -1.5, "max": 0.5}


def test_reindexing_gives_the_same_index(dataset: Any) -> None:
    def answers() -> list[Any]:
        return [
            dataset.page(),
            dataset.page({}, "ann"),
            dataset.page({"query": {"text": {"q": "apple | हिन्दी"}}}),
            dataset.page({"query": {"vector": {"name": "v", "value": [0.5, 0.1]}}}),
            dataset.filtered(terms(STATUS, "pending"), account="ann"),
            dataset.filtered(terms(suggestion("topics"), "C")),
            metrics(dataset, "bob"),
        ]

    before = answers()
    server = dataset.server

    async def lose() -> None:
        async with AsyncSessionLocal() as db, SearchEngine.get_by_name("sqlite") as engine:
            await engine.delete_index(await DatasetModel.get_or_raise(db, UUID(dataset.id)))

    server.run(lose())
    status, text = server.refused("POST", f"/datasets/{dataset.id}/records/search", {})
    assert status == 404
    assert "has no search index: publish the dataset, or rebuild the index with" in text
    server.run(_reindex(UUID(dataset.id)))
    assert answers() == before


def test_a_dataset_that_is_deleted_takes_its_index_along(dataset: Any, make_dataset: Callable[..., Any]) -> None:
    server = dataset.server
    server.call("DELETE", f"/datasets/{dataset.id}")
    draft = make_dataset(publish=False)
    assert progress(draft) == {"total": 0, "completed": 0, "pending": 0}
    assert metrics(draft, "ann")["total"] == 0
    server.call("DELETE", f"/datasets/{draft.id}")

    async def ask() -> None:
        async with SearchEngine.get_by_name("sqlite") as engine:
            await engine.search(DatasetModel(id=UUID(dataset.id)))

    with pytest.raises(NotFoundError):
        server.run(ask())


def test_the_engine_answers_ping_and_the_status_page_shows_it(server: Any) -> None:
    async def ping() -> bool:
        async with SearchEngine.get_by_name("sqlite") as engine:
            return bool(await engine.ping())

    assert server.run(ping()) is True
    assert server.call("GET", "/status")["search_engine"]["name"] == "sqlite"


def test_parts_of_a_record_that_argilla_never_updates_alone_are_refused(server: Any) -> None:
    async def update() -> None:
        async with SearchEngine.get_by_name("sqlite") as engine:
            await engine.partial_record_update(Record(), external_id="x")

    with pytest.raises(NotImplementedError, match="Only a record's status can be updated by itself, not external_id"):
        server.run(update())


def test_a_threshold_leaves_out_the_distant_and_either_value_or_record_is_needed(unchanged_dataset: Any) -> None:
    async def ask(**query: Any) -> Any:
        async with AsyncSessionLocal() as db, SearchEngine.get_by_name("sqlite") as engine:
            found = await DatasetModel.get_or_raise(db, UUID(unchanged_dataset.id))
            settings = (await found.awaitable_attrs.vectors_settings)[0]
            return await engine.similarity_search(found, settings, **query)

    page = unchanged_dataset.server.run(ask(value=[1.0, 0.0], threshold=0.6))
    assert [round(item.score, 4) for item in page.items] == [1.0, 0.8536]
    assert page.total == 3
    with pytest.raises(ValueError, match="Must provide either vector value or record"):
        unchanged_dataset.server.run(ask())


def test_users_who_answer_at_once_are_all_counted(dataset: Any) -> None:
    server = dataset.server
    dataset.add(*({"external_id": f"n{number}", "fields": {"answer": "same"}} for number in range(20)))
    ids = [item["record"]["id"] for item in dataset.page({"query": {"text": {"q": "same"}}})["items"]]
    body = {"values": {"label": {"value": "A"}}, "status": "draft"}

    async def answer(account: str) -> list[int]:
        sent = [await server.send("POST", f"/records/{id}/responses", account, json=body) for id in ids]
        return [response.status_code for response in sent]

    async def both() -> list[list[int]]:
        return list(await asyncio.gather(answer("ann"), answer("bob")))

    assert server.run(both()) == [[201] * 20, [201] * 20]
    assert metrics(dataset, "ann")["draft"] == 21
    assert metrics(dataset, "bob")["draft"] == 20


def test_the_event_loop_goes_on_while_records_are_indexed(dataset: Any) -> None:
    texts = [" ".join(f"word{(number * 7 + index) % 5000}" for index in range(400)) for number in range(2000)]
    gaps = []

    async def beat(stop: asyncio.Event) -> None:
        while not stop.is_set():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - before)

    async def index() -> None:
        from sqlite_search import writing
        from sqlite_search.documents import RecordDocument

        async with AsyncSessionLocal() as db, SearchEngine.get_by_name("sqlite") as engine:
            found = await DatasetModel.get_or_raise(db, UUID(dataset.id))
            moment = found.inserted_at
            documents = [
                RecordDocument(f"i{number}", "pending", moment, moment, fields={"answer": text})
                for number, text in enumerate(texts)
            ]
            stop = asyncio.Event()
            beating = asyncio.create_task(beat(stop))
            await engine._run(writing.index_records, str(dataset.id), documents)
            stop.set()
            await beating

    dataset.server.run(index())
    assert len(gaps) > 20
    assert sorted(gaps)[len(gaps) // 2] < 0.1
