"""What changes through argilla-server's HTTP API is searched by at once, and what goes is gone."""

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
from filters import STATUS, between, metadata, record, suggestion, terms


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
