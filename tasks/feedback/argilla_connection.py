"""The way to an Argilla server: address, key and patience.

The SDK makes the client. What is asked goes through the client's own HTTP client rather than the SDK's resources:
those drop fields that are needed here (when a response was last edited), list a whole server to find one name, and
retry nothing but a connection that could not be opened.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tasks.errors import ArgillaError
from tasks.feedback.argilla_errors import NotFoundError, TransientError, check_response, errors_of, shown_address

if TYPE_CHECKING:
    from argilla import Argilla

Result = TypeVar("Result")

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0  # a batch of records on a busy server takes seconds
BACKOFF_S = (0.25, 0.75, 2.0)  # before the second, third and fourth attempt
PATIENCE_S = 60.0  # of waiting within one call; a server that asks for more is left to the flow's retries
MAJOR_VERSION = "2"


@dataclass(frozen=True)
class ArgillaConnection:
    """Where Argilla is, and as whom to speak to it.

    Attributes:
        url: address of the server, as a browser would open it.
        api_key: an owner's, or that of an admin who is a member of the workspace.
        workspace: name of the workspace that holds the datasets.
        key_from: where the key was found, named in an error that is about the key.
    """

    url: str
    api_key: str = field(repr=False)
    workspace: str
    key_from: str = "the variable ARGILLA_API_KEY"

    @property
    def shown_url(self) -> str:
        """The address as it may be shown: without a password."""
        return shown_address(self.url)


def connect(connection: ArgillaConnection, *, timeout_s: float = READ_TIMEOUT_S) -> "Argilla":
    """A client of the server, which was reached and accepted the key.

    Raises:
        UnreachableError: when the server does not answer, or is too busy to.
        ArgillaError: when it does not accept the key, or is not an Argilla 2.
    """
    _check_address(connection)
    import httpx
    from argilla import Argilla

    def make() -> "Argilla":
        with errors_of(connection.url), _root_logger_left_alone():
            return Argilla(
                api_url=connection.url,
                api_key=connection.api_key,
                timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
                retries=0,
                event_hooks={"response": [partial(check_response, connection)]},
            )

    try:
        client = _patiently(make, repeatable=True)
        version = str(call(client, "GET", "/api/v1/version", needs=["version"])["version"])
    except NotFoundError as error:
        raise ArgillaError(
            f"There is no Argilla {MAJOR_VERSION} at {connection.shown_url}: correct human_feedback.argilla, or "
            "upgrade the server."
        ) from error
    if version.split(".", maxsplit=1)[0] != MAJOR_VERSION:
        raise ArgillaError(
            f"Argilla at {connection.shown_url} has version {version[:40]}, and Ratchet speaks to version "
            f"{MAJOR_VERSION}: use such a server."
        )
    return client


def call(
    client: "Argilla",
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    params: Mapping[str, str | int] | None = None,
    needs: Collection[str] = (),
) -> dict[str, Any]:
    """What the server answers, a JSON object that has the keys in `needs`; empty when it answers without one.

    Asks again after a short failure: always when the server did nothing, and else unless it is a POST, which could
    do its work twice.

    Raises:
        UnreachableError: when there is no answer, or none that can be read.
        ArgillaError: when the server refuses; `ForbiddenError`, `NotFoundError`, `ConflictError` say how.
    """

    def ask() -> dict[str, Any]:
        with errors_of(client.api_url):
            response = client.http_client.request(method, path, json=body, params=params)
            answer = response.json() if response.content else {}
            if not isinstance(answer, dict) or not answer.keys() >= set(needs):
                raise ValueError("a JSON object with other keys was expected")
            return answer

    return _patiently(ask, repeatable=method != "POST")


def list_items(client: "Argilla", path: str, params: Mapping[str, str | int] | None = None) -> list[dict[str, Any]]:
    """The items of a list that the server gives in one piece.

    Raises:
        UnreachableError: as `call` does.
        ArgillaError: as `call` does.
    """
    items: list[dict[str, Any]] = call(client, "GET", path, params=params, needs=["items"])["items"]
    return items


def _patiently(ask: Callable[[], Result], repeatable: bool) -> Result:
    waited_s = 0.0
    for backoff_s in BACKOFF_S:
        try:
            return ask()
        except TransientError as error:
            # Jitter, so that clients which failed together do not come back together.
            pause_s = backoff_s * random.uniform(0.5, 1.5) if error.wait_s is None else error.wait_s
            waited_s += pause_s
            if not error.at_once or not (repeatable or error.refused) or waited_s > PATIENCE_S:
                raise
            time.sleep(pause_s)
    return ask()


def _check_address(connection: ArgillaConnection) -> None:
    try:
        parts = urlsplit(connection.url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ArgillaError(
            f"{connection.shown_url!r} is no address of a server: set human_feedback.argilla to http(s)://host."
        )
    key = connection.api_key
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        # Sent as a header it would be quoted in the HTTP client's error.
        raise ArgillaError(
            f"The API key from {connection.key_from} is empty or has characters that no key has: set it to the key "
            "that Argilla shows its user under `My settings`."
        )


@contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    """Undoes what the SDK's first log line does: it gives the root logger a handler that prints to stderr."""
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in before:
                root.removeHandler(handler)
