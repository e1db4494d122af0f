"""The real Argilla server searches, filters, sorts and counts for its own SDK on the SQLite search engine."""

import uuid
from collections.abc import Iterator
from typing import Any

import argilla as rg
import httpx
import pytest


@pytest.fixture(scope="module")
def client(embedded_argilla: Any) -> rg.Argilla:
    return rg.Argilla(api_url=embedded_argilla.url, api_key=embedded_argilla.api_key, timeout=120)


@pytest.fixture(scope="module")
def dataset(client: rg.Argilla) -> Iterator[rg.Dataset]:
    """A published dataset of 600 records: two requests, and more than one page."""
    workspace = rg.Workspace(name=f"search-{uuid.uuid4().hex[:8]}", client=client).create()
    settings = rg.Settings(
        fields=[
            rg.ChatField(name="chat", required=False),
            rg.TextField(name="answer_a"),
            rg.TextField(name="answer_b", required=False),
        ],
        questions=[
            rg.LabelQuestion(name="preferred", labels=["A", "B"]),
            rg.RatingQuestion(name="rating", values=[1, 2, 3, 4, 5], required=False),
        ],
        metadata=[
            rg.TermsMetadataProperty(name="language"),
            rg.IntegerMetadataProperty(name="number"),
            rg.FloatMetadataProperty(name="margin"),
        ],
        vectors=[rg.VectorField(name="question", dimensions=4)],
        distribution=rg.TaskDistribution(min_submitted=1),
    )
    made = rg.Dataset(name="search", workspace=workspace, settings=settings, client=client)
    made.create()
    made.records.log([record(number, str(client.me.id)) for number in range(600)])
    yield made
    made.delete()
    workspace.delete()


def record(number: int, user_id: str) -> rg.Record:
    """Every third record is answered, every one has a suggestion."""
    even = number % 2 == 0
    return rg.Record(
        id=f"r{number}",
        fields={
            "chat": [
                {
                    "role": "user",
                    "content": f"Question {number}: 東京の天気は?" if even else f"Question {number}: weather?",
                }
            ],
            "answer_a": f"Sunny, word{number}" if even else "Rainy 🌧️",
            "answer_b": "हिन्दी में उत्तर" if number % 5 == 0 else "plain",
        },
        metadata={"language": "ja" if even else "en", "number": number, "margin": number / 600},
        suggestions=[rg.Suggestion("preferred", "A" if even else "B", score=number / 600, agent="judge")],
        responses=[rg.Response("preferred", "A", user_id=user_id, status="submitted")] if number % 3 == 0 else [],
        vectors={"question": [1.0, number / 100, 0.0, 0.0]},
    )


def found(dataset: rg.Dataset, query: rg.Query, limit: int | None = None) -> list[str]:
    """The ids of the records that a query finds, in order; one for similar records answers pairs with a score."""
    answers: list[Any] = list(dataset.records(query=query, limit=limit))
    return [str((answer[0] if isinstance(answer, tuple) else answer).id) for answer in answers]


def ids(*numbers: int) -> list[str]:
    return [f"r{number}" for number in numbers]


def test_text_in_any_script_is_found(dataset: rg.Dataset) -> None:
    assert found(dataset, rg.Query(query="word40")) == ids(40)
    assert len(found(dataset, rg.Query(query="東京"))) == 300
    assert len(found(dataset, rg.Query(query="京東"))) == 0
    assert len(found(dataset, rg.Query(query="उत्तर"))) == 120
    assert len(found(dataset, rg.Query(query="🌧️ -हिन्दी"))) == 240
    assert sorted(found(dataset, rg.Query(query="word10*"))) == sorted(ids(10, 100, 102, 104, 106, 108))
    assert found(dataset, rg.Query(query='("unbalanced ( | -')) == []


def test_filters_of_every_kind_join(dataset: rg.Dataset) -> None:
    filter = rg.Filter(
        [
            ("metadata.language", "==", "ja"),
            ("metadata.number", "<=", 60),
            ("response.status", "==", "pending"),
            ("status", "==", "pending"),
            ("preferred.suggestion", "==", "A"),
            ("preferred.score", ">=", 0.05),
        ]
    )
    expected = [number for number in range(30, 61) if number % 2 == 0 and number % 3]
    assert sorted(found(dataset, rg.Query(filter=filter))) == sorted(ids(*expected))


def test_answers_are_filtered_by(dataset: rg.Dataset) -> None:
    answered = rg.Query(filter=rg.Filter([("preferred.response", "==", "A"), ("metadata.number", "<=", 9)]))
    assert sorted(found(dataset, answered)) == ids(0, 3, 6, 9)


def test_records_come_sorted_page_by_page(dataset: rg.Dataset, embedded_argilla: Any) -> None:
    # As the browser asks: the SDK has no sort order.
    scope = {"entity": "metadata", "metadata_property": "margin"}
    answers = []
    for offset in range(0, 650, 50):
        response = httpx.post(
            f"{embedded_argilla.url}/api/v1/me/datasets/{dataset.id}/records/search",
            params={"offset": offset, "limit": 50},
            headers={"X-Argilla-Api-Key": embedded_argilla.api_key},
            json={"sort": [{"scope": scope, "order": "desc"}]},
        )
        assert response.status_code == 200, response.text
        assert response.json()["total"] == 600
        answers += [item["record"]["external_id"] for item in response.json()["items"]]
    assert answers == ids(*range(599, -1, -1))


def test_similar_records_are_the_nearest(dataset: rg.Dataset) -> None:
    near = rg.Query(similar=rg.Similar(name="question", value=[1.0, 2.0, 0.0, 0.0]))
    assert set(found(dataset, near, limit=3)) == set(ids(200, 201, 199))
    both = rg.Query(similar=near.similar, filter=rg.Filter([("metadata.language", "==", "en")]))
    assert set(found(dataset, both, limit=2)) == set(ids(201, 199))


def test_progress_counts_what_is_answered(dataset: rg.Dataset) -> None:
    progress = dataset.progress()
    assert (progress["total"], progress["completed"], progress["pending"]) == (600, 200, 400)


def test_an_updated_and_a_deleted_record_are_found_as_they_are_now(dataset: rg.Dataset) -> None:
    dataset.records.log([rg.Record(id="new", fields={"answer_a": "before"}, metadata={"number": 9000})])
    dataset.records.log([rg.Record(id="new", fields={"answer_a": "afterwards"}, metadata={"number": 9001})])
    assert found(dataset, rg.Query(query="before")) == []
    assert found(dataset, rg.Query(query="afterwards", filter=rg.Filter([("metadata.number", "==", 9001)]))) == ["new"]
    dataset.records.delete(list(dataset.records(query=rg.Query(query="afterwards"))))
    assert found(dataset, rg.Query(query="afterwards")) == []
    assert dataset.progress()["total"] == 600
