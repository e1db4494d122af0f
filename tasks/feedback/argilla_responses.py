"""Answering in Argilla by program, as a user of its own: for the oracle, and for tests that stand in for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.errors import ArgillaError
from tasks.feedback.argilla_connection import ArgillaConnection, call, list_items
from tasks.feedback.argilla_people import create_annotator
from tasks.feedback.argilla_store import read_records
from tasks.progress import track

if TYPE_CHECKING:
    from argilla import Argilla

# Per request; more are refused.
_BATCH = 100


@dataclass(frozen=True)
class Annotator:
    """A user who answers."""

    id: str
    username: str
    api_key: str = field(repr=False)


def ensure_annotator(owner: "Argilla", connection: ArgillaConnection, username: str) -> Annotator:
    """The annotator of that name, made and added to the connection's workspace when need be.

    Args:
        owner: a client with an owner's key.

    Raises:
        ArgillaError: when the key is not an owner's.
        UnreachableError: when the server does not answer.
    """
    create_annotator(owner, connection, username)
    found = next(user for user in list_items(owner, "/api/v1/users") if user["username"] == username)
    return Annotator(str(found["id"]), username, str(found["api_key"]))


def submit_responses(
    owner: "Argilla", annotator: "Argilla", user_id: str, dataset_id: str, answers: Mapping[str, Mapping[str, str]]
) -> int:
    """Submits the answers to records that this user has not answered yet, and returns how many there were.

    Args:
        owner: a client that may list the dataset.
        annotator: a client with the annotator's own key.
        answers: by the record's external id, what is said to each question by its name.

    Raises:
        ArgillaError: when an answer is not one that the dataset takes.
        UnreachableError: when the server does not answer.
    """
    items = [
        {
            "record_id": record["id"],
            "status": "submitted",
            "values": {name: {"value": value} for name, value in answers[record["external_id"]].items()},
        }
        for record in read_records(owner, dataset_id, lambda record: record, include="responses")
        if record["external_id"] in answers and user_id not in {each["user_id"] for each in record["responses"]}
    ]
    if not items:
        return 0
    with track("labels: answers", len(items)) as advance:
        for start in range(0, len(items), _BATCH):
            batch = items[start : start + _BATCH]
            done = call(annotator, "POST", "/api/v1/me/responses/bulk", body={"items": batch}, needs=["items"])["items"]
            refused = [each["error"]["detail"] for each in done if each.get("error")]
            if refused:
                raise ArgillaError(
                    f"Argilla refused {len(refused)} of {len(batch)} answers ({refused[0]}): check that the dataset "
                    "is as it was made."
                )
            advance(len(batch))
    return len(items)
