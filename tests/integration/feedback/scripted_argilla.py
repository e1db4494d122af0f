"""An Argilla that does what a test tells it to: a real HTTP server on loopback, healthy until it is given a script."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from integration.feedback.label_requests import make_requests

from tasks.errors import RatchetError
from tasks.feedback.argilla_connection import ArgillaConnection
from tasks.feedback.argilla_settings import dataset_schema
from tasks.feedback.argilla_store import PulledResponses, PushedDataset, pull_responses, push_requests

WORKSPACE_ID = "11111111-1111-1111-1111-111111111111"
DATASET_ID = "22222222-2222-2222-2222-222222222222"
USER_ID = "33333333-3333-3333-3333-333333333333"
KEY = "wholly-secret-key-7741"
NOW = "2026-11-22T12:00:00"


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Attributes:
        missing_bytes: how many bytes of the promised body are not sent before the connection closes.
        hang_s: seconds before it answers, unless the server is stopped before.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    missing_bytes: int = 0
    hang_s: float = 0.0

    @staticmethod
    def of(value: Any, status: int = 200, **headers: str) -> "Reply":
        """The reply with `value` as JSON."""
        return Reply(status, json.dumps(value).encode(), headers)


class ScriptedArgilla:
    """The server: `script` replies are given first, then those of a healthy Argilla with one empty dataset.

    Attributes:
        url: where it listens.
        seen: method and path of every request, in order.
        sent: the JSON bodies that came with them.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.sent: list[Any] = []
        self._scripts: list[tuple[str, str, list[Reply]]] = []
        self._stopping = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                server._handle(self, body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, format: str, *args: Any) -> None:
                """Keeps quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def script(self, method: str, path: str, *replies: Reply) -> None:
        """Gives the replies, in turn, to the next requests of the method whose path ends like that."""
        self._scripts.append((method, path, list(replies)))

    def count(self, method: str, path: str) -> int:
        """How many requests of the method had a path that ends like that."""
        return sum(seen == method and where.endswith(path) for seen, where in self.seen)

    def stop(self) -> None:
        """Closes the port; requests that hang are let go. A second call does nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path = urlsplit(handler.path).path
        self.seen.append((handler.command, path))
        self.sent.append(json.loads(body) if body else None)
        reply = self._next_reply(handler.command, path)
        if reply.hang_s:
            self._stopping.wait(reply.hang_s)
        headers = {"content-type": "application/json"} | reply.headers
        handler.send_response(reply.status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(reply.body)))
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.wfile.write(reply.body[: len(reply.body) - reply.missing_bytes])
        handler.close_connection = True

    def _next_reply(self, method: str, path: str) -> Reply:
        for wanted_method, wanted_path, replies in self._scripts:
            if replies and method == wanted_method and path.endswith(wanted_path):
                return replies.pop(0)
        return Reply.of(healthy(path))


def healthy(path: str) -> Any:
    """What an Argilla 2.8 with one published, empty dataset answers, as far as anybody here asks."""
    schema = dataset_schema(with_contexts=False)
    dataset = {
        "id": DATASET_ID,
        "name": "python-round-3",
        "workspace_id": WORKSPACE_ID,
        "status": "ready",
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "last_activity_at": NOW,
    }
    user = {
        "id": USER_ID,
        "username": "ann",
        "first_name": "Ann",
        "role": "owner",
        "api_key": "the key of Ann",
        "inserted_at": NOW,
        "updated_at": NOW,
    }
    answers: dict[str, Any] = {
        "/api/v1/me": user,
        "/api/v1/version": {"version": "2.8.0"},
        "/api/v1/users": {"items": [user]},
        "/api/v1/me/workspaces": {"items": [{"id": WORKSPACE_ID, "name": "ratchet"}]},
        "/api/v1/me/datasets": {"items": [dataset]},
        f"/api/v1/datasets/{DATASET_ID}": dataset,
        f"/api/v1/datasets/{DATASET_ID}/fields": {"items": schema.fields},
        f"/api/v1/datasets/{DATASET_ID}/questions": {
            "items": [question | {"id": f"id of {question['name']}"} for question in schema.questions]
        },
        f"/api/v1/me/datasets/{DATASET_ID}/metadata-properties": {"items": schema.metadata},
        f"/api/v1/datasets/{DATASET_ID}/records": {"items": [], "total": 0},
    }
    return answers.get(path, {})


@contextmanager
def scripted_argilla() -> Iterator[ScriptedArgilla]:
    """A server that is stopped when the block ends."""
    server = ScriptedArgilla()
    try:
        yield server
    finally:
        server.stop()


def connection_to(server: ScriptedArgilla, **changes: str) -> ArgillaConnection:
    """The way to the server; `changes` replace fields."""
    return ArgillaConnection(**({"url": server.url, "api_key": KEY, "workspace": "ratchet"} | changes))


def push(server: ScriptedArgilla, client: Any) -> PushedDataset:
    """Pushes two requests."""
    requests = make_requests(2)
    return push_requests(client, connection_to(server), "python-round-3", requests, audit=False, guidelines="Choose.")


def pull(_server: ScriptedArgilla, client: Any) -> PulledResponses:
    """Pulls what was said."""
    return pull_responses(client, DATASET_ID)


def sentence_of(error: RatchetError) -> str:
    """The error's only sentence, after seeing that it is one, says what to do, and keeps the key to itself."""
    [text] = error.problems
    assert KEY not in text
    assert "\n" not in text and text.endswith(".")
    assert ": " in text  # what is wrong: what to do
    return text
