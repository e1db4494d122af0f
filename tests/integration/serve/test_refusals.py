"""What is refused: the status, OpenAI's error shape, and one sentence with the remedy."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.serve.servers import QUESTION, SLOW, Running, domain, wait_for
from openai import AuthenticationError, BadRequestError, NotFoundError

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.serve.server import serve

ASKED = [{"role": "user", "content": QUESTION}]
MESSAGES: dict[str, Any] = {"messages": ASKED}

# By case the body, the status, the sentence, and the key that is named as wrong.
BODIES: dict[str, tuple[Any, int, str, str | None]] = {
    "not an object": ([1], 400, "The body is a JSON array: send one JSON object.", None),
    "no messages": ({}, 400, "messages: missing; add it.", "messages"),
    "several problems": (
        {"messages": [{"role": "robot", "content": "x"}], "temperature": "hot", "n": 2, "best_of": 3},
        400,
        "messages.0.role: \"robot\" is not accepted; it should be 'system', 'developer', 'user' or 'assistant'; "
        'temperature: "hot" is not accepted; it should be a valid number; n: 2 is not accepted; it should be 1; '
        "best_of: this server does not know it; leave it out.",
        "messages",
    ),
    "an answer last": (
        {"messages": [*ASKED, {"role": "assistant", "content": "Yes."}]},
        400,
        "messages: the last one must be the user's, with a text to answer.",
        None,
    ),
    "a system message late": (
        {"messages": [*ASKED, {"role": "system", "content": "Be brief."}, *ASKED]},
        400,
        "messages: a system message can only be the first one.",
        None,
    ),
    "too many messages": (
        {"messages": ASKED * 51},
        400,
        "messages: 51 are too many; send at most 50, the latest ones.",
        None,
    ),
    "too many tokens wanted, and usage of no stream": (
        {**MESSAGES, "max_tokens": 513, "stream_options": {"include_usage": True}},
        400,
        "max_tokens: 513 is too many; ask for at most 512; stream_options: it needs `stream` to be true; leave it out.",
        None,
    ),
    "too long for the model": (
        {"messages": [{"role": "user", "content": "x" * 2000}]},
        400,
        "messages: they take 2063 tokens, and at most 1024 fit: shorten them.",
        "messages",
    ),
    "another model": (
        {**MESSAGES, "model": "gpt"},
        404,
        "There is no model 'gpt' here: ask for 'demo', or leave `model` out.",
        "model",
    ),
    "too long": (
        {"messages": [{"role": "user", "content": "x" * 262_144}]},
        413,
        "The body is longer than 262144 bytes: send less of the conversation.",
        None,
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_cannot_be_answered(shared: Running, case: str) -> None:
    body, status, sentence, param = BODIES[case]

    refused = shared.post(body)

    error = refused.json()["error"]
    assert (refused.status_code, error["message"], error["param"]) == (status, sentence, param)
    assert error["type"] == ("not_found_error" if status == 404 else "invalid_request_error")


@pytest.mark.parametrize("stream", [False, True])
def test_a_stream_that_cannot_begin_has_a_status_of_its_own(shared: Running, stream: bool) -> None:
    with pytest.raises(BadRequestError, match="at most 1024 fit") as caught:
        shared.openai.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "x" * 2000}], stream=stream
        )
    assert caught.value.code == "context_length_exceeded"


def test_a_body_that_is_not_json(shared: Running) -> None:
    def send(content: bytes, kind: str = "application/json") -> Any:
        return shared.http.post(f"{shared.url}/chat/completions", content=content, headers={"Content-Type": kind})

    broken = send(b'{"messages": oops}')
    assert broken.status_code == 400
    expected = "The body is not valid JSON (Expecting value: line 1 column 14 (char 13)): send one JSON object."
    assert broken.json()["error"]["message"] == expected
    deep = send(b'{"messages": ' + b"[" * 100_000)
    assert (deep.status_code, "nested too deeply" in deep.text) == (400, True)
    form = send(b"{}", "text/plain")
    assert form.status_code == 415
    assert form.json()["error"]["message"].startswith("The body's type is not application/json")
    assert send(b'{"messages": [{"role": "user", "content": "\\ud800"}]}').status_code == 400


def test_a_length_that_is_not_told_is_counted(shared: Running) -> None:
    def endless() -> Any:
        for _ in range(300):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    assert shared.http.post(f"{shared.url}/chat/completions", content=endless(), headers=headers).status_code == 413


def test_an_unknown_path_and_a_wrong_method(shared: Running) -> None:
    assert shared.post({}, "/completions").json()["error"]["message"] == (
        "There is no POST /v1/completions here: see /v1/models for what there is."
    )
    assert shared.http.get(f"{shared.url}/chat/completions").status_code == 405
    with pytest.raises(NotFoundError):
        shared.openai.embeddings.create(model="demo", input="x")


def test_a_request_to_another_name_is_not_answered_without_keys(shared: Running) -> None:
    refused = shared.post(MESSAGES, headers={"Host": "attacker.example"})
    assert refused.status_code == 403
    assert "answers to 127.0.0.1 and localhost only" in refused.json()["error"]["message"]


def test_feedback_that_cannot_be_kept(shared: Running) -> None:
    wrong = shared.post({"id": "chatcmpl-1", "thumb": "sideways"}, "/feedback")
    assert wrong.status_code == 400
    message = wrong.json()["error"]["message"]
    assert 'id: "chatcmpl-1" is not accepted' in message
    assert "thumb: \"sideways\" is not accepted; it should be 'up' or 'down'" in message
    unknown = shared.post({"id": f"chatcmpl-{'0' * 32}", "thumb": "up"}, "/feedback")
    assert unknown.status_code == 404
    assert "There is no traced answer" in unknown.json()["error"]["message"]
    assert shared.http.get(f"{shared.url}/canary").status_code == 404


def test_a_request_that_drips_is_hung_up_on(
    start: Callable[..., Running], tiny_model: Path, tmp_path: Path, first_champion: None
) -> None:
    server = start(domain(tmp_path, tiny_model, read_timeout_s=0.3))
    address = ("127.0.0.1", int(server.url.split(":")[2].removesuffix("/v1")))

    with socket.create_connection(address) as silent, socket.create_connection(address) as dripping:
        began = time.monotonic()
        dripping.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert silent.recv(100) == b""
        while time.monotonic() - began < 10:
            try:
                dripping.sendall(b"x")
            except OSError:
                break
            time.sleep(0.05)
        assert time.monotonic() - began < 10
    with socket.create_connection(address) as slow_body:
        slow_body.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert slow_body.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert server.ask()


def test_a_full_queue_a_timeout_and_a_client_that_goes_away(
    start: Callable[..., Running], tiny_model: Path, tmp_path: Path, first_champion: None
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    server = start(domain(tmp_path, tiny_model, max_waiting=2, batch_size=1, request_timeout_s=0.4))
    with ThreadPoolExecutor(8) as pool:
        answered = [each.result() for each in [pool.submit(server.post, {**MESSAGES, **SLOW}) for _ in range(8)]]
    refused = next(each for each in answered if each.status_code == 503)
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["error"]["message"] == "2 requests are waiting already: ask again in a moment."
    late = next(each for each in answered if each.status_code == 504)
    assert late.json()["error"]["type"] == "server_error"
    assert "There was no answer within 0.4 s" in late.json()["error"]["message"]
    # What nobody waits for any more is not decoded to its end.
    assert server.ask(max_tokens=1)
    with pytest.raises(httpx.ReadTimeout):
        server.post({**MESSAGES, **SLOW}, timeout=0.1)
    wait_for(lambda: server.status()["counts"].get("client_gone") == 1)
    began = time.monotonic()
    assert server.ask(max_tokens=1)
    assert time.monotonic() - began < 0.35


def test_only_who_has_a_key_is_answered(
    start: Callable[..., Running],
    tiny_model: Path,
    tmp_path: Path,
    first_champion: None,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SERVE_KEYS", "first-secret-key,second-secret-key")
    config = domain(tmp_path, tiny_model, api_key_variable="SERVE_KEYS")
    server = start(config, key="second-secret-key")

    answered = server.ask()
    assert server.openai.models.list().data
    missing = server.http.post(f"{server.url}/chat/completions", json=MESSAGES, headers={"Authorization": ""})
    assert (missing.status_code, missing.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert missing.json()["error"]["code"] == "invalid_api_key"
    with pytest.raises(AuthenticationError, match=r"The API key is not one of this server's"):
        server.openai.with_options(api_key="second-secret-kez").models.list()
    # Keys let other names in, and problems are for those who have one.
    assert server.post(MESSAGES, headers={"Host": "llm.example.org"}).status_code == 200
    wait_for(lambda: server.status()["counts"].get("traced") == 2)
    assert server.status()["problems"] == {}
    root = server.url.removesuffix("/v1")
    assert server.http.get(f"{root}/ready", headers={"Authorization": ""}).json()["problems"] == 0
    said = capfd.readouterr()
    written = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert answered["id"].removeprefix("chatcmpl-").encode() in written
    for key in ("first-secret-key", "second-secret-key"):
        assert key.encode() not in written and key not in said.out + said.err


def refused_to_start(config: Config, home: Home, host: str = "127.0.0.1", port: int = 0) -> str:
    with pytest.raises(RatchetError) as caught:
        serve(config, home, host, port, lambda started: pytest.fail(f"it started: {started}"))
    return str(caught.value)


def test_what_cannot_be_started_says_why(
    config: Config, home: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused_to_start(config, home, "0.0.0.0") == (
        "--host 0.0.0.0: without API keys only this machine may ask; name them with serve.api_key_variable or "
        "serve.api_key_secret, or use --host 127.0.0.1."
    )
    monkeypatch.delenv("SERVE_KEYS", raising=False)
    assert refused_to_start(domain(tmp_path, tiny_model, api_key_variable="SERVE_KEYS"), home) == (
        "serve: the variable SERVE_KEYS holds no API key: set it to one or several, separated by commas without spaces."
    )
    assert refused_to_start(config, home) == ("demo has no champion yet: run `ratchet round`, which begins with one.")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused_to_start(config, home, port=port) == (
            f"--host 127.0.0.1 --port {port}: cannot listen there (Address already in use): end what uses the port, or "
            "name another."
        )
    users = config.end_users.model_copy(update={"mlflow_experiment": "demo"})
    assert "name another for what is served, such as demo-serve" in refused_to_start(
        config.model_copy(update={"end_users": users}), home
    )
