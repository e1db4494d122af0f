"""Accounts for the people who answer."""

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from tasks.errors import ArgillaError
from tasks.feedback.argilla_connection import ArgillaConnection, call, list_items
from tasks.feedback.argilla_datasets import ensure_workspace
from tasks.feedback.argilla_errors import ConflictError, ForbiddenError

if TYPE_CHECKING:
    from argilla import Argilla


def create_annotator(client: "Argilla", connection: ArgillaConnection, username: str) -> str | None:
    """The password of a new annotator; None when there is a user of that name, who keeps password and role.

    Either is a member of the connection's workspace afterwards.

    Raises:
        ArgillaError: when the key is not an owner's, or Argilla takes no such name.
        UnreachableError: when the server does not answer.
    """
    workspace_id = ensure_workspace(client, connection)
    password = secrets.token_urlsafe(12)
    user_id: str | None
    body = {"username": username, "first_name": username, "role": "annotator", "password": password}
    try:
        user_id, made = str(call(client, "POST", "/api/v1/users", body=body, needs=["id"])["id"]), password
    except ConflictError:
        user_id, made = find_user(client, username), None
    except ForbiddenError as error:
        raise ArgillaError(
            f"Annotators are made by an owner, and the key from {connection.key_from} is not an owner's: let one make "
            f"{username!r} and add them to workspace {connection.workspace!r}, or use an owner's key."
        ) from error
    with suppress(ConflictError):  # a member already
        call(client, "POST", f"/api/v1/workspaces/{workspace_id}/users", body={"user_id": user_id})
    return made


def find_user(client: "Argilla", username: str) -> str | None:
    """The id of the user of that name; None when there is none.

    Raises:
        ArgillaError: when the key may not list users.
        UnreachableError: when the server does not answer.
    """
    users = list_items(client, "/api/v1/users")
    return next((str(user["id"]) for user in users if user["username"] == username), None)
