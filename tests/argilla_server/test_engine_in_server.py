"""argilla-server on the SQLite search engine finds what it finds on Elasticsearch, asked through its HTTP API."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from argilla_server.database import AsyncSessionLocal
from argilla_server.models import Dataset as DatasetModel
from argilla_server.search_engine import SearchEngine
from filters import STATUS, between, metadata, record, response, suggestion, terms


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
