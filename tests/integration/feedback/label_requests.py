"""Label requests as a round would make them, and people who answer them through Argilla's own API."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tasks.feedback.argilla_connection import call
from tasks.feedback.argilla_settings import default_guidelines
from tasks.feedback.argilla_store import PulledResponses
from tasks.feedback.labels import LabelRequest, Suggestion
from tasks.records import Message

NAME = "python-round-3"
GUIDELINES = default_guidelines("python")


def make_request(place: int, **changes: Any) -> LabelRequest:
    """The request of that place, which is its priority, too; `changes` replace fields."""
    fields: dict[str, Any] = {
        "id": _sha256(f"request {place}"),
        "round": 3,
        "question_id": f"question-{place}",
        "prompt": (Message(role="user", content=f"What does function {place} do?"),),
        "candidate_a": _sha256(f"a {place}"),
        "candidate_b": _sha256(f"b {place}"),
        "answer_a": f"It returns the value number {place}.",
        "answer_b": f"It prints the value number {place}.",
        "arms": ("rag_ft", "base"),
        "why": "unsure",
        "priority": place,
        "suggestion": Suggestion(agent="judge:reference", preference="tie", score=0.375),
        "judge_confidence": 0.375,
    }
    return LabelRequest(**(fields | changes))


def make_requests(count: int, **changes: Any) -> list[LabelRequest]:
    """`count` requests, the last priority first."""
    return [make_request(place, **changes) for place in range(count, 0, -1)]


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in to Argilla, and uses the endpoints that its labelling page uses."""

    client: httpx.Client
    id: str

    def records(self, dataset_id: str, sort: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The records as the labelling page gets them."""
        answer = self.client.post(
            f"/api/v1/me/datasets/{dataset_id}/records/search",
            params={"include": ["responses", "suggestions"], "limit": 1000},
            json={"query": {}} | ({"sort": [sort]} if sort else {}),
        )
        return [item["record"] for item in answer.raise_for_status().json()["items"]]

    def record(self, dataset_id: str, request: LabelRequest) -> dict[str, Any]:
        """The record of a request."""
        [found] = [each for each in self.records(dataset_id) if each["external_id"] == request.id]
        return found

    def answer(self, record: Mapping[str, Any], status: str = "submitted", **values: str) -> dict[str, Any]:
        """Answers the record, in place of an earlier answer; returns the response."""
        item = {"record_id": record["id"], "status": status}
        if values:
            item["values"] = {name: {"value": value} for name, value in values.items()}
        answer = self.client.post("/api/v1/me/responses/bulk", json={"items": [item]}).raise_for_status()
        [result] = answer.json()["items"]
        assert result["error"] is None, result
        return dict(result["item"])

    def clear(self, response: Mapping[str, Any]) -> None:
        """Deletes the response."""
        self.client.delete(f"/api/v1/responses/{response['id']}").raise_for_status()


def sign_in(url: str, username: str, password: str) -> Person:
    """The person of that name; the caller closes their client."""
    form = {"username": username, "password": password}
    token = httpx.post(f"{url}/api/v1/token", data=form).raise_for_status().json()["access_token"]
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60.0)
    return Person(client, client.get("/api/v1/me").raise_for_status().json()["id"])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def external_ids(client: Any, dataset_id: str) -> list[str]:
    """The external ids of the dataset's records (1,000 at most), in their order."""
    page = call(client, "GET", f"/api/v1/datasets/{dataset_id}/records", params={"limit": 1000})
    return [record["external_id"] for record in page["items"]]


def only(pulled: PulledResponses) -> Any:
    """The only response there is."""
    [response] = pulled.responses
    return response
