"""A workspace in a real Argilla and people who are signed in to it; an Argilla that fails as it is told to."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from integration.feedback.label_requests import GUIDELINES, NAME, Person, sign_in
from integration.feedback.scripted_argilla import ScriptedArgilla, scripted_argilla

from tasks.feedback import argilla_connection
from tasks.feedback.argilla_connection import ArgillaConnection, connect
from tasks.feedback.argilla_people import create_annotator
from tasks.feedback.argilla_store import PushedDataset, push_requests
from tasks.feedback.labels import LabelRequest


@pytest.fixture
def connection(embedded_argilla: Any) -> ArgillaConnection:
    """The server, with a workspace of the test's own that is not there yet."""
    return ArgillaConnection(embedded_argilla.url, embedded_argilla.api_key, f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def client(connection: ArgillaConnection) -> Any:
    """A client of the real Argilla, with its owner's key."""
    return connect(connection)


@pytest.fixture
def make_person(client: Any, connection: ArgillaConnection) -> Iterator[Callable[[], Person]]:
    """Signs in new annotators of the workspace."""
    with ExitStack() as stack:

        def make() -> Person:
            username = f"ann-{uuid.uuid4().hex[:12]}"
            person = sign_in(connection.url, username, create_annotator(client, connection, username) or "")
            stack.callback(person.client.close)
            return person

        yield make


@pytest.fixture
def push(client: Any, connection: ArgillaConnection) -> Callable[..., PushedDataset]:
    """Pushes requests to the test's workspace: `push(requests, audit=False, name=...)`."""

    def push(requests: list[LabelRequest], audit: bool = False, name: str = NAME) -> PushedDataset:
        return push_requests(client, connection, name, requests, audit=audit, guidelines=GUIDELINES)

    return push


@pytest.fixture
def argilla() -> Iterator[ScriptedArgilla]:
    """A scripted Argilla; healthy so far."""
    with scripted_argilla() as server:
        yield server


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits hardly at all between attempts."""
    monkeypatch.setattr(argilla_connection, "BACKOFF_S", (0.01, 0.01, 0.01))
