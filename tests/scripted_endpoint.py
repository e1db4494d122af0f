"""A real HTTP server on loopback that answers chat completions from a script, and records what it was asked."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "sk-s3cret-0123456789"

Messages = list[dict[str, str]]
Judge = Callable[[Messages], str]
Fault = Callable[["Handler"], None]


def data_of(messages: Messages) -> dict[str, Any]:
    """The JSON object between the fences of the user message."""
    begin, body, end = messages[-1]["content"].split("\n")
    assert begin.removeprefix("BEGIN ") == end.removeprefix("END ")
    data: dict[str, Any] = json.loads(body)
    return data


def prefer_right(messages: Messages) -> str:
    """Prefers the answer that says RIGHT, and gives it 5 points and others 2."""
    data = data_of(messages)
    if "answer" in data:
        return json.dumps({"reason": "as the rubric says", "score": 5 if "RIGHT" in data["answer"] else 2})
    first, second = ("RIGHT" in data["answers"][place] for place in ("first", "second"))
    preference = "tie" if first == second else "first" if first else "second"
    return json.dumps({"reason": "as the rubric says", "preference": preference})


def always_first(messages: Messages) -> str:
    """Sees nothing but the place."""
    return json.dumps({"reason": "it stands first", "preference": "first"})


@dataclass
class Asked:
    """One request."""

    body: dict[str, Any]
    headers: dict[str, str]
    at_s: float

    @property
    def messages(self) -> Messages:
        messages: Messages = self.body["messages"]
        return messages


@dataclass
class ScriptedEndpoint:
    """What the server does, and what it was asked.

    Attributes:
        judge: what the model says.
        faults: what happens instead, call by call; None, or the end of the list: the model's reply.
        usage: tokens it reports for each call; None: it reports none.
    """

    judge: Judge = prefer_right
    faults: Sequence[Fault | None] = ()
    usage: tuple[int, int] | None = (100, 20)
    delay_s: float = 0.0
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, asked: Asked) -> Fault | None:
        with self._lock:
            self.asked.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            number = len(self.asked) - 1
            return self.faults[number] if number < len(self.faults) else None

    def end(self) -> None:
        with self._lock:
            self._at_once -= 1


class Handler(BaseHTTPRequestHandler):
    """Serves one ScriptedEndpoint, its server's `endpoint`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        endpoint: ScriptedEndpoint = self.server.endpoint  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked = Asked(body, {name.lower(): value for name, value in self.headers.items()}, time.monotonic())
        fault = endpoint.begin(self.asked)
        try:
            if endpoint.delay_s:
                endpoint.closing.wait(endpoint.delay_s)
            (fault or reply())(self)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up on us
        finally:
            endpoint.end()

    def send(self, status: int, data: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def reply(content: str | None = None, refusal: str | None = None, finish_reason: str = "stop", **more: Any) -> Fault:
    """A chat completion: of what the model says, or of `content`."""

    def send(handler: Handler) -> None:
        endpoint: ScriptedEndpoint = handler.server.endpoint  # type: ignore[attr-defined]
        said = content if content is not None or refusal is not None else endpoint.judge(handler.asked.messages)
        message = {"role": "assistant", "content": said, "refusal": refusal}
        body: dict[str, Any] = {
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            "model": handler.asked.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        }
        if endpoint.usage is not None:
            prompt, completion = endpoint.usage
            body["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            }
        handler.send(200, json.dumps({**body, **more}).encode())

    return send


def status(code: int, message: str = "no", error_code: str | None = None, **headers: str) -> Fault:
    """An error as OpenAI sends it."""
    error = {"error": {"message": message, "type": "error", "code": error_code, "param": None}}
    return lambda handler: handler.send(code, json.dumps(error).encode(), **headers)


def raw(data: bytes) -> Fault:
    """A body of 200 that is no chat completion."""
    return lambda handler: handler.send(200, data)


def cut_in_body(handler: Handler) -> None:
    """Half of a body, and the connection is closed."""
    handler.send(200, b'{"id": "c", "choices": [{"in', length=1000)
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """The connection is closed without a word."""
    handler.close_connection = True
    handler.connection.close()


def hang(handler: Handler) -> None:
    """Nothing at all until the server ends."""
    handler.server.endpoint.closing.wait(30)  # type: ignore[attr-defined]
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """A byte now and then: no read times out, and the reply is never whole."""
    handler.send(200, b"", length=100_000)
    while not handler.server.endpoint.closing.wait(0.02):  # type: ignore[attr-defined]
        handler.wfile.write(b" ")
        handler.wfile.flush()


@contextmanager
def serve(endpoint: ScriptedEndpoint, certificate: Path | None = None) -> Iterator[ScriptedEndpoint]:
    """Serves the endpoint while the block runs; with a certificate (its key in the same file) over TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.endpoint = endpoint  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    scheme = "http"
    if certificate is not None:
        scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    endpoint.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
