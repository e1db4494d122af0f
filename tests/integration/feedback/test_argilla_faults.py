"""What happens when Argilla is away, busy or broken: a retry, or one clear sentence, never with the key."""

import pickle
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from integration.feedback.scripted_argilla import (
    DATASET_ID,
    Reply,
    ScriptedArgilla,
    connection_to,
    healthy,
    pull,
    push,
    sentence_of,
)

from tasks.errors import UnreachableError
from tasks.feedback import argilla_store
from tasks.feedback.argilla_connection import connect

BUSY = Reply(503, b"<h1>Service unavailable</h1>", {"content-type": "text/html"})
RECORDS = f"/datasets/{DATASET_ID}/records"
BULK = f"{RECORDS}/bulk"


def test_a_healthy_server_is_pushed_to_and_pulled_from(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    assert push(argilla, client).added == 2
    assert [item["metadata"]["priority"] for item in argilla.sent[-1]["items"]] == [1, 2]
    assert pull(argilla, client).responses == ()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("act", [push, pull])
def test_a_server_that_went_down_is_unreachable(argilla: ScriptedArgilla, act: Callable[..., Any]) -> None:
    client = connect(connection_to(argilla))
    argilla.stop()
    with pytest.raises(UnreachableError) as caught:
        act(argilla, client)
    assert "does not answer ([Errno 111] Connection refused): start it" in sentence_of(caught.value)


@pytest.mark.usefixtures("hurried")
def test_a_server_that_is_not_there_is_unreachable(argilla: ScriptedArgilla) -> None:
    argilla.stop()
    with pytest.raises(UnreachableError) as caught:
        connect(connection_to(argilla))
    assert "`ratchet argilla up`" in sentence_of(caught.value)


PASSING: dict[str, Reply] = {
    "500": Reply.of({"detail": {"code": "argilla.api.errors::GenericServerError", "params": {}}}, 500),
    "502": Reply(502, b"<html>Bad gateway</html>", {"content-type": "text/html"}),
    "503": BUSY,
    "429": Reply.of({"detail": "Too many"}, 429),
    "a truncated body": Reply(200, b'{"items": []}', missing_bytes=5),
    "malformed JSON": Reply(200, b'{"items": ['),
    "a list": Reply.of([]),
    "an empty object of nothing": Reply(200, b"null"),
}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize(("act", "method", "path"), [(push, "PUT", BULK), (pull, "GET", RECORDS)])
def test_a_short_failure_passes_unnoticed(
    argilla: ScriptedArgilla, act: Callable[..., Any], method: str, path: str, reply: Reply
) -> None:
    client = connect(connection_to(argilla))
    argilla.script(method, path, reply, reply, reply)
    act(argilla, client)
    assert argilla.count(method, path) == 4


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize(("act", "method", "path"), [(push, "PUT", BULK), (pull, "GET", RECORDS)])
def test_a_lasting_failure_is_unreachable_after_four_attempts(
    argilla: ScriptedArgilla, act: Callable[..., Any], method: str, path: str, reply: Reply
) -> None:
    client = connect(connection_to(argilla))
    argilla.script(method, path, *[reply] * 9)
    with pytest.raises(UnreachableError) as caught:
        act(argilla, client)
    sentence_of(caught.value)
    assert argilla.count(method, path) == 4


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING.keys())
def test_connecting_is_patient_in_the_same_way(argilla: ScriptedArgilla, reply: Reply) -> None:
    argilla.script("GET", "/me", reply, reply, reply)
    connect(connection_to(argilla))
    argilla.script("GET", "/me", *[reply] * 4)
    with pytest.raises(UnreachableError) as caught:
        connect(connection_to(argilla))
    sentence_of(caught.value)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("path", ["/questions", "/records", "/users", "/version", f"/datasets/{DATASET_ID}"])
def test_an_answer_without_what_was_asked_for_is_no_answer(argilla: ScriptedArgilla, path: str) -> None:
    client = connect(connection_to(argilla))
    argilla.script("GET", path, *[Reply.of({"status": "ok"})] * 9)
    with pytest.raises(UnreachableError, match="cannot be read as its own: check") as caught:
        (connect(connection_to(argilla)) if path == "/version" else pull(argilla, client))
    sentence_of(caught.value)


@pytest.mark.usefixtures("hurried")
def test_a_request_that_could_do_its_work_twice_is_not_repeated(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    argilla.script("GET", "/me/workspaces", Reply.of({"items": []}))
    argilla.script("POST", "/workspaces", PASSING["500"])
    with pytest.raises(UnreachableError):
        push(argilla, client)
    assert argilla.count("POST", "/workspaces") == 1


def test_retry_after_is_respected(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    argilla.script("PUT", BULK, Reply.of({}, 429, **{"retry-after": "1"}))
    started = time.monotonic()
    assert push(argilla, client).added == 2
    assert time.monotonic() - started >= 1.0
    assert argilla.count("PUT", BULK) == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_that_asks_for_an_hour_is_left_to_the_flow(argilla: ScriptedArgilla, form: str) -> None:
    client = connect(connection_to(argilla))
    text = "3600" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    argilla.script("PUT", BULK, Reply.of({}, 429, **{"retry-after": text}))
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="HTTP 429"):
        push(argilla, client)
    assert time.monotonic() - started < 5.0


@pytest.mark.usefixtures("hurried")
def test_a_retry_after_that_cannot_be_read_is_left_aside(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    argilla.script("PUT", BULK, Reply.of({}, 429, **{"retry-after": "soon"}))
    assert push(argilla, client).added == 2


@pytest.mark.parametrize(("act", "method", "path"), [(push, "PUT", BULK), (pull, "GET", RECORDS)])
def test_a_server_that_hangs_is_unreachable_and_not_asked_again(
    argilla: ScriptedArgilla, act: Callable[..., Any], method: str, path: str
) -> None:
    client = connect(connection_to(argilla), timeout_s=0.5)
    argilla.script(method, path, Reply(hang_s=30.0))
    with pytest.raises(UnreachableError) as caught:
        act(argilla, client)
    assert "does not answer (timed out)" in sentence_of(caught.value)
    assert argilla.count(method, path) == 1


@pytest.mark.usefixtures("hurried")
def test_an_unreachable_error_survives_a_process_boundary(argilla: ScriptedArgilla) -> None:
    argilla.stop()
    with pytest.raises(UnreachableError) as caught:
        connect(connection_to(argilla))
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def record(place: int) -> dict[str, Any]:
    return {"id": f"record {place}", "external_id": f"request {place}", "responses": []}


def test_records_that_moved_up_while_they_were_read_are_read_again(
    argilla: ScriptedArgilla, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(argilla_store, "PAGE_RECORDS", 2)
    client = connect(connection_to(argilla))
    # Record 1 is deleted after the first page: record 3 moves from the second page to the first.
    pages = [[record(1), record(2)], [record(4)], [record(2), record(3)], [record(4)]]
    totals = [4, 3, 3, 3]
    argilla.script(
        "GET", RECORDS, *(Reply.of({"items": page, "total": n}) for page, n in zip(pages, totals, strict=True))
    )
    assert pull(argilla, client).present_records == {"request 2", "request 3", "request 4"}


def test_records_that_never_hold_still_are_unreachable(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    argilla.script("GET", RECORDS, *[Reply.of({"items": [record(1)], "total": 2})] * 9)
    with pytest.raises(UnreachableError, match="change while they are read: wait") as caught:
        pull(argilla, client)
    sentence_of(caught.value)


def test_another_process_that_makes_the_dataset_first_is_no_error(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    argilla.script("GET", "/me/workspaces", Reply.of({"items": []}))
    argilla.script("POST", "/workspaces", Reply.of({"detail": "not unique"}, 409))
    argilla.script("GET", "/me/datasets", Reply.of({"items": []}))
    argilla.script("POST", "/api/v1/datasets", Reply.of({"detail": "exists"}, 409))
    assert push(argilla, client).id == DATASET_ID


def test_a_dataset_that_another_process_published_is_no_error(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    draft = healthy("/api/v1/me/datasets")["items"][0] | {"status": "draft"}
    argilla.script("GET", "/me/datasets", Reply.of({"items": [draft]}))
    argilla.script("PUT", "/publish", Reply.of({"detail": "Dataset has already been published"}, 422))
    assert push(argilla, client).added == 2
