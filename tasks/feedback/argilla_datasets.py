"""Workspaces and datasets: making them, finding them again, and seeing that nobody changed what is asked."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tasks.errors import ArgillaError
from tasks.feedback.argilla_connection import ArgillaConnection, call, list_items
from tasks.feedback.argilla_errors import ConflictError, ForbiddenError, NotFoundError
from tasks.feedback.argilla_settings import Schema, check_guidelines, dataset_schema, differences

if TYPE_CHECKING:
    from argilla import Argilla


_DATASET_KEYS = ("id", "name", "status", "workspace_id", "last_activity_at")


class DatasetGoneError(ArgillaError):
    """Somebody deleted the dataset in Argilla."""


def ensure_workspace(client: "Argilla", connection: ArgillaConnection) -> str:
    """The id of the connection's workspace, which is made when it is missing.

    Raises:
        ArgillaError: when it is missing and the user may not make it.
        UnreachableError: when the server does not answer.
    """
    found = _find_workspace(client, connection.workspace)
    if found is None:
        try:
            return str(
                call(client, "POST", "/api/v1/workspaces", body={"name": connection.workspace}, needs=["id"])["id"]
            )
        except ConflictError:
            found = _find_workspace(client, connection.workspace)  # another process was faster
        except ForbiddenError:
            found = None
    if found is None:
        raise ArgillaError(
            f"Argilla at {connection.shown_url} shows no workspace {connection.workspace!r} to the user whose key is "
            f"in {connection.key_from}, who may not make it: let an owner make it and add the user, or use an "
            "owner's key."
        )
    return found


def ensure_dataset(
    client: "Argilla", workspace_id: str, name: str, *, guidelines: str, with_contexts: bool, min_submitted: int
) -> str:
    """The id of the published dataset of that name in the workspace; one that is missing or half made is made.

    Args:
        min_submitted: answers by different people after which a record is complete.

    Raises:
        ArgillaError: when there is such a dataset and it is not the one that would be made.
        UnreachableError: when the server does not answer.
    """
    schema = dataset_schema(with_contexts)
    dataset = _find_dataset(client, workspace_id, name)
    if dataset is None:
        with suppress(ConflictError):  # another process was faster
            call(
                client,
                "POST",
                "/api/v1/datasets",
                body={
                    "name": name,
                    "workspace_id": workspace_id,
                    "guidelines": check_guidelines(guidelines),
                    "allow_extra_metadata": False,
                    "distribution": {"strategy": "overlap", "min_submitted": min_submitted},
                },
            )
        dataset = _find_dataset(client, workspace_id, name)
    if dataset is None:
        raise ArgillaError(f"Argilla has no dataset {name!r} after it was made: run the command again.")
    if dataset["status"] == "draft":
        _complete(client, str(dataset["id"]), schema)
    wrong = differences(schema, read_schema(client, str(dataset["id"])))
    if dataset["distribution"]["min_submitted"] < min_submitted:
        wrong.append(f"it is complete after {dataset['distribution']['min_submitted']} answers, not {min_submitted}")
    if wrong:
        raise ArgillaError(
            f"The dataset {name!r} in Argilla is not as it was made ({'; '.join(wrong)}): undo that in its settings, "
            "or rename the dataset and run the command again."
        )
    if dataset["status"] == "draft":
        _publish(client, str(dataset["id"]))
    return str(dataset["id"])


def find_dataset(client: "Argilla", dataset_id: str) -> dict[str, Any] | None:
    """The dataset as Argilla describes it; None when it was deleted.

    Raises:
        ArgillaError: when the user may not see it.
        UnreachableError: when the server does not answer.
    """
    try:
        return call(client, "GET", f"/api/v1/datasets/{dataset_id}", needs=_DATASET_KEYS)
    except NotFoundError as error:
        if dataset_id not in error.detail:
            raise  # not the dataset, but the address was not found
        return None


def check_schema(client: "Argilla", dataset: Mapping[str, Any]) -> None:
    """Returns when the dataset asks what it was made to ask.

    Raises:
        ArgillaError: when somebody changed it, naming what.
        UnreachableError: when the server does not answer.
    """
    found = read_schema(client, str(dataset["id"]))
    with_contexts = any(field["name"] == "context" for field in found.fields)
    if wrong := differences(dataset_schema(with_contexts), found):
        raise ArgillaError(
            f"The dataset {dataset['name']!r} in Argilla no longer asks what it was made to ask ({'; '.join(wrong)}): "
            "undo that in its settings, for nobody can tell which answers were given before."
        )


def read_schema(client: "Argilla", dataset_id: str) -> Schema:
    """Fields, questions and metadata properties that the dataset has now.

    Raises:
        ArgillaError: when the server refuses.
        UnreachableError: when it does not answer.
    """
    root = f"/api/v1/datasets/{dataset_id}"
    return Schema(
        fields=list_items(client, f"{root}/fields"),
        questions=list_items(client, f"{root}/questions"),
        metadata=list_items(client, f"/api/v1/me/datasets/{dataset_id}/metadata-properties"),
    )


def _find_workspace(client: "Argilla", name: str) -> str | None:
    workspaces = list_items(client, "/api/v1/me/workspaces")
    return next((str(each["id"]) for each in workspaces if each["name"] == name), None)


def _find_dataset(client: "Argilla", workspace_id: str, name: str) -> dict[str, Any] | None:
    params: dict[str, str | int] = {"workspace_id": workspace_id, "name": name}
    datasets = list_items(client, "/api/v1/me/datasets", params)
    # Compared here, too: an older server ignores parameters that it does not know.
    return next((each for each in datasets if (each["name"], each["workspace_id"]) == (name, workspace_id)), None)


def _complete(client: "Argilla", dataset_id: str, schema: Schema) -> None:
    """Makes what a dataset that is not published yet lacks: everything, or what a killed push did not come to."""
    found = read_schema(client, dataset_id)
    root = f"/api/v1/datasets/{dataset_id}"
    parts: tuple[tuple[str, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], ...] = (
        ("fields", schema.fields, found.fields),
        ("questions", schema.questions, found.questions),
        ("metadata-properties", schema.metadata, found.metadata),
    )
    for kind, wanted, there in parts:
        names = {item["name"] for item in there}
        for item in wanted:
            if item["name"] not in names:
                with suppress(ConflictError):  # another process was faster
                    call(client, "POST", f"{root}/{kind}", body=item)


def _publish(client: "Argilla", dataset_id: str) -> None:
    try:
        call(client, "PUT", f"/api/v1/datasets/{dataset_id}/publish")
    except ArgillaError:
        # Published by another process, or by an attempt whose answer was lost.
        dataset = find_dataset(client, dataset_id)
        if dataset is None or dataset["status"] != "ready":
            raise
