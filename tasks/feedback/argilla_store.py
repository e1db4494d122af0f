"""The requests in Argilla: putting them before people, and fetching what those people said.

Works with any Argilla 2 server. Nothing is remembered here: what is in Argilla is asked of Argilla, so that a push
may be killed and repeated.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.errors import ArgillaError, UnreachableError
from tasks.feedback.argilla_connection import ArgillaConnection, call, connect, list_items
from tasks.feedback.argilla_datasets import (
    DatasetGoneError,
    check_schema,
    ensure_dataset,
    ensure_workspace,
    find_dataset,
    read_schema,
)
from tasks.feedback.argilla_errors import ForbiddenError
from tasks.feedback.argilla_settings import default_guidelines, fields_of, record_of
from tasks.feedback.labels import LabelRequest, LabelResponse
from tasks.files import canonical_json, sha256_of
from tasks.progress import track

if TYPE_CHECKING:
    from argilla import Argilla

__all__ = [
    "ArgillaConnection",
    "DatasetGoneError",
    "PulledResponses",
    "PushedDataset",
    "connect",
    "dataset_activity",
    "default_guidelines",
    "pull_responses",
    "push_requests",
]

Item = TypeVar("Item")

BATCH_RECORDS = 100  # per request; the server takes 500
BATCH_BYTES = 900_000  # a proxy in front of Argilla often takes 1 MB
PAGE_RECORDS = 250  # per request; the server gives 1,000
READS = 3  # of a dataset from which records vanish while it is read


@dataclass(frozen=True)
class PushedDataset:
    """A dataset that holds its requests.

    Attributes:
        id: Argilla's uuid.
        url: the labelling page, which asks in the order of priority.
        added: records that were not there before.
    """

    id: str
    url: str
    added: int


@dataclass(frozen=True)
class PulledResponses:
    """What people have said in a dataset, and what tells a response that was cleared from one that has vanished.

    Attributes:
        responses: in the order of the records; `request_id` is empty where the record has no external id, and
            `values` has the bare value by question name.
        present_records: external ids of all records, answered or not.
        present_users: ids of the users there are: with an owner's key all of them, with an admin's the members of
            the dataset's workspace. A deleted user's responses vanish with them.
    """

    responses: tuple[LabelResponse, ...]
    present_records: frozenset[str]
    present_users: frozenset[str]


def push_requests(
    client: "Argilla",
    connection: ArgillaConnection,
    name: str,
    requests: Sequence[LabelRequest],
    *,
    audit: bool,
    guidelines: str,
) -> PushedDataset:
    """Puts the requests before people, in a dataset of that name in the connection's workspace.

    Each record is answered by one person, on the audit slice by two, who see no suggestion. What is there already is
    not sent again.

    Raises:
        UnreachableError: when the server does not answer; run again, the push goes on where it stopped.
        ArgillaError: when the server refuses, or a dataset of that name is not as it was made, or shows a record
            otherwise than it is asked here.
    """
    if call(client, "GET", "/api/v1/me").get("role") == "annotator":
        # Argilla shows annotators a part of the dataset, which would then look like a damaged one.
        raise ArgillaError(
            f"The API key from {connection.key_from} is an annotator's: use the key of an owner, or of an admin who is "
            f"a member of workspace {connection.workspace!r}."
        )
    workspace_id = ensure_workspace(client, connection)
    dataset_id = ensure_dataset(
        client,
        workspace_id,
        name,
        guidelines=guidelines,
        with_contexts=any(request.contexts for request in requests),
        min_submitted=2 if audit else 1,
    )
    questions = {each["name"]: str(each["id"]) for each in read_schema(client, dataset_id).questions}
    there = _shown_records(client, dataset_id)
    _check_unchanged(name, requests, there)
    missing = [request for request in requests if request.id not in there]
    # In this order, for Argilla lists records as they came.
    missing.sort(key=lambda request: (request.priority, request.id))
    with track(f"labels: records to {name}", len(missing)) as advance:
        for batch in _batches(missing, lambda request: record_of(request, questions, audit)):
            call(client, "PUT", f"/api/v1/datasets/{dataset_id}/records/bulk", body={"items": batch})
            advance(len(batch))
    return PushedDataset(id=dataset_id, url=labelling_url(connection, dataset_id), added=len(missing))


def pull_responses(client: "Argilla", dataset_id: str) -> PulledResponses:
    """Every response in the dataset, in the order of its records; drafts and discarded ones are among them.

    Raises:
        DatasetGoneError: when somebody deleted the dataset.
        ArgillaError: when somebody changed what it asks, or the server refuses.
        UnreachableError: when the server does not answer.
    """
    dataset = find_dataset(client, dataset_id)
    if dataset is None:
        raise DatasetGoneError(
            f"The dataset {dataset_id} is no longer in Argilla, for somebody deleted it: what was pulled from it "
            "before stays in the feedback log."
        )
    found = read_records(
        client,
        dataset_id,
        lambda record: (record.get("external_id") or "", record["responses"]),
        include="responses",
    )
    check_schema(client, dataset)
    # After the records: a user deleted in between is missing here, while their responses are still among those.
    usernames = _usernames(client, dataset["workspace_id"])
    return PulledResponses(
        responses=tuple(
            _response_of(dataset_id, request_id, response, usernames)
            for request_id, responses in found
            for response in responses
        ),
        present_records=frozenset(request_id for request_id, _ in found if request_id),
        present_users=frozenset(usernames),
    )


def read_records(
    client: "Argilla", dataset_id: str, keep: Callable[[dict[str, Any]], Item], include: str = ""
) -> list[Item]:
    """What `keep` makes of each record, in the order in which the records came; one page is in memory at a time.

    Raises:
        UnreachableError: when the server does not answer, or records vanish while they are read.
        ArgillaError: when it refuses.
    """
    for _ in range(READS):
        kept: dict[str, Item] = {}
        totals: set[int] = set()
        offset = 0
        while not totals or offset < max(totals):
            params: dict[str, str | int] = {"offset": offset, "limit": PAGE_RECORDS}
            page = call(
                client,
                "GET",
                f"/api/v1/datasets/{dataset_id}/records",
                params=params | ({"include": include} if include else {}),
                needs=["items", "total"],
            )
            kept.update((record["id"], keep(record)) for record in page["items"])
            totals.add(page["total"])
            offset += PAGE_RECORDS
        # Where a record was deleted meanwhile, the ones behind it moved up, one of them past the page's edge.
        if totals == {len(kept)}:
            return list(kept.values())
    raise UnreachableError(
        f"The records of dataset {dataset_id} in Argilla change while they are read: wait until nobody deletes any, "
        "and run the command again."
    )


def dataset_activity(client: "Argilla", dataset_id: str) -> datetime | None:
    """When a person last answered, edited or cleared something there, by the server's clock; None: it was deleted.

    Responses that were imported with records, and those that vanished with their user or record, do not show.

    Raises:
        ArgillaError: when the server refuses.
        UnreachableError: when it does not answer.
    """
    dataset = find_dataset(client, dataset_id)
    return None if dataset is None else _utc(dataset["last_activity_at"])


def labelling_url(connection: ArgillaConnection, dataset_id: str) -> str:
    """The labelling page; without its order a server with Elasticsearch shuffles the records for each person."""
    url = re.sub(r"//[^/]*@", "//", connection.url).rstrip("/")  # without a password that is ours alone
    return f"{url}/dataset/{dataset_id}/annotation-mode?sort=metadata.priority.asc"


def _shown_records(client: "Argilla", dataset_id: str) -> dict[str, str]:
    """What the dataset shows: by external id, the hash of the record's fields."""
    records = read_records(client, dataset_id, lambda record: (record.get("external_id"), sha256_of(record["fields"])))
    return {name: shown for name, shown in records if name is not None}


def _check_unchanged(name: str, requests: Sequence[LabelRequest], there: Mapping[str, str]) -> None:
    known = [request for request in requests if request.id in there]
    # The answers may have changed places since: a choice of A would then be counted for the wrong one.
    changed = [request for request in known if sha256_of(fields_of(request)) != there[request.id]]
    if changed:
        raise ArgillaError(
            f"The dataset {name!r} in Argilla shows {len(changed)} records otherwise than they are asked now, the "
            f"first for question {changed[0].question_id!r}: delete the dataset, or restore the home that pushed it."
        )


def _batches(requests: Iterable[LabelRequest], make: Callable[[LabelRequest], Item]) -> Iterator[list[Item]]:
    """The requests' records in their order, in batches of at most so many records and bytes; at least one in each."""
    batch: list[Item] = []
    size = 0
    for record in map(make, requests):
        grown = len(canonical_json(record).encode("utf-8"))
        if batch and (len(batch) == BATCH_RECORDS or size + grown > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += grown
    if batch:
        yield batch


def _usernames(client: "Argilla", workspace_id: str) -> dict[str, str]:
    """Usernames by id, as far as the key's user may see them."""
    try:
        users = list_items(client, "/api/v1/users")
    except ForbiddenError:
        users = list_items(client, f"/api/v1/workspaces/{workspace_id}/users")
    return {str(user["id"]): str(user["username"]) for user in users}


def _response_of(
    dataset_id: str, request_id: str, response: Mapping[str, Any], usernames: Mapping[str, str]
) -> LabelResponse:
    return LabelResponse(
        dataset_id=dataset_id,
        request_id=request_id,
        user_id=response["user_id"],
        username=usernames.get(response["user_id"]),
        status=response["status"],
        values={name: answer["value"] for name, answer in (response["values"] or {}).items()},
        updated_at=_utc(response["updated_at"]),
    )


def _utc(text: str) -> datetime:
    """The server's time; it writes UTC without saying so."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
