"""Pushing to and pulling from a real Argilla: what comes back, and what survives a kill."""

import html
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from integration.feedback.label_requests import (
    GUIDELINES,
    NAME,
    Person,
    external_ids,
    make_request,
    make_requests,
    only,
)

from tasks.errors import ArgillaError
from tasks.feedback import argilla_store
from tasks.feedback.argilla_connection import ArgillaConnection, call
from tasks.feedback.argilla_datasets import DatasetGoneError
from tasks.feedback.argilla_store import PushedDataset, dataset_activity, pull_responses, push_requests
from tasks.records import Message


def test_what_people_submit_comes_back(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    requests = make_requests(3, contexts=("A passage.", "Another one."))
    pushed = push(requests)
    ann, ben = make_person(), make_person()
    before = datetime.now(UTC)
    said = [
        (ann, requests[0], {"preference": "a", "reason": "it is right"}),
        (ann, requests[1], {"preference": "both_good"}),
        (ben, requests[1], {"preference": "both_bad", "correction": "It returns nothing.\n\nNothing at all."}),
    ]
    for person, request, values in said:
        person.answer(person.record(pushed.id, request), **values)
    pulled = pull_responses(client, pushed.id)
    assert {(each.user_id, each.request_id): each.values for each in pulled.responses} == {
        (person.id, request.id): values for person, request, values in said
    }
    assert {each.username[:4] for each in pulled.responses if each.username} == {"ann-"}
    assert {(each.dataset_id, each.status) for each in pulled.responses} == {(pushed.id, "submitted")}
    for each in pulled.responses:
        assert each.updated_at.utcoffset() == timedelta(0)
        assert abs(each.updated_at - before) < timedelta(minutes=1)
    assert pulled.present_records == {request.id for request in requests}
    assert {ann.id, ben.id} <= pulled.present_users


TEXTS = {
    "emoji and right-to-left": "שלום 👩‍👩‍👧‍👦 مرحبا 🏳️‍🌈 na\u0303o",
    "50 kB": "long answer, " * 4000,
    "markup": "<b>bold</b><script>alert(1)</script><img src=x onerror=alert(1)> if a < b && c > d: &lt; &amp;",
    "markdown": "# Title\n\n**bold** [link](https://example.org) ```code``` | a | b |",
    "control characters": "a\tb\r\nc\x00d\x1be",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_text_is_shown_and_comes_back_as_it_is(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person], text: str
) -> None:
    prompt = (Message(role="system", content=""), Message(role="user", content=text))
    request = make_request(1, answer_a=text, answer_b=f"{text}!", prompt=prompt, contexts=(text,))
    pushed = push([request])
    ann = make_person()
    fields = ann.record(pushed.id, request)["fields"]
    # The page puts these into its document as they are.
    shown = [fields["answer_a"], fields["context"], "".join(message["content"] for message in fields["prompt"])]
    assert not any("<" in each for each in shown)
    readable = text.replace("\x00", "\ufffd")
    assert [html.unescape(each) for each in shown] == [readable, f"[1] {readable}", readable]
    said = text.replace("\x00", "")
    ann.answer(ann.record(pushed.id, request), preference="a", correction=said)
    [response] = pull_responses(client, pushed.id).responses
    assert response.values == {"preference": "a", "correction": said}
    assert push([request]).added == 0


def test_a_repeated_push_changes_nothing(client: Any, push: Callable[..., PushedDataset]) -> None:
    requests = make_requests(5)
    first = push(requests)

    def state() -> Any:
        dataset = call(client, "GET", f"/api/v1/datasets/{first.id}")
        return dataset, call(client, "GET", f"/api/v1/datasets/{first.id}/records", params={"include": "suggestions"})

    before = state()
    assert (first.added, push(requests)) == (5, replace(first, added=0))
    assert state() == before


PUSH_SLOWLY = """
import sys
from integration.feedback.label_requests import make_requests
from tasks.feedback import argilla_store
from tasks.feedback.argilla_connection import ArgillaConnection, connect

argilla_store.BATCH_RECORDS = 10
connection = ArgillaConnection(*sys.argv[1:4])
argilla_store.push_requests(
    connect(connection), connection, sys.argv[4], make_requests(200), audit=False, guidelines="Choose."
)
"""


def test_a_killed_push_goes_on_where_it_stopped(
    client: Any, connection: ArgillaConnection, push: Callable[..., PushedDataset]
) -> None:
    arguments = [connection.url, connection.api_key, connection.workspace, NAME]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, "-c", PUSH_SLOWLY, *arguments], env=environment)
    try:
        dataset_id = wait_for(lambda: find_dataset_id(client, NAME, connection.workspace))
        wait_for(lambda: len(external_ids(client, dataset_id)) >= 20)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    there = wait_until_still(lambda: len(external_ids(client, dataset_id)))
    assert 20 <= there < 200
    requests = make_requests(200)
    assert push(requests).added == 200 - there
    assert sorted(external_ids(client, dataset_id)) == sorted(request.id for request in requests)


@pytest.mark.parametrize("made", [0, 1, 3])
def test_a_dataset_that_was_half_made_is_completed(
    client: Any, connection: ArgillaConnection, push: Callable[..., PushedDataset], made: int
) -> None:
    workspace = call(client, "POST", "/api/v1/workspaces", body={"name": connection.workspace})
    half = call(client, "POST", "/api/v1/datasets", body={"name": NAME, "workspace_id": workspace["id"]})
    for name in ("prompt", "answer_a", "answer_b")[:made]:
        kind = "chat" if name == "prompt" else "text"
        title = {"prompt": "Conversation", "answer_a": "Answer A", "answer_b": "Answer B"}[name]
        body = {"name": name, "title": title, "required": True, "settings": {"type": kind, "use_markdown": False}}
        call(client, "POST", f"/api/v1/datasets/{half['id']}/fields", body=body)
    pushed = push(make_requests(2))
    assert (pushed.id, pushed.added) == (half["id"], 2)


def test_the_same_name_in_two_workspaces_is_two_datasets(
    client: Any, connection: ArgillaConnection, push: Callable[..., PushedDataset]
) -> None:
    mine = push(make_requests(2))
    elsewhere = replace(connection, workspace=f"{connection.workspace}-too")
    theirs = push_requests(client, elsewhere, NAME, make_requests(3), audit=False, guidelines=GUIDELINES)
    assert (mine.id != theirs.id, mine.added, theirs.added) == (True, 2, 3)
    assert (len(external_ids(client, mine.id)), len(external_ids(client, theirs.id))) == (2, 3)


def test_answers_that_changed_places_are_refused(push: Callable[..., PushedDataset]) -> None:
    push([make_request(1), make_request(2)])
    swapped = make_request(2, answer_a=make_request(2).answer_b, answer_b=make_request(2).answer_a)
    with pytest.raises(ArgillaError, match=r"shows 1 records otherwise .* question 'question-2': delete the dataset"):
        push([make_request(1), swapped])


def test_a_deleted_dataset_is_gone(client: Any, push: Callable[..., PushedDataset]) -> None:
    pushed = push(make_requests(2))
    assert dataset_activity(client, pushed.id) is not None
    call(client, "DELETE", f"/api/v1/datasets/{pushed.id}")
    assert dataset_activity(client, pushed.id) is None
    with pytest.raises(DatasetGoneError, match=f"The dataset {pushed.id} is no longer in Argilla"):
        pull_responses(client, pushed.id)


def test_edits_show_with_their_time(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    request = make_request(1)
    pushed = push([request])
    ann = make_person()
    record = ann.record(pushed.id, request)
    seen, activities = [], [dataset_activity(client, pushed.id)]
    steps: list[tuple[str, dict[str, str]]] = [
        ("draft", {"preference": "a"}),
        ("submitted", {"preference": "a"}),
        ("submitted", {"preference": "b"}),
        ("discarded", {}),
    ]
    for status, values in steps:
        answered = ann.answer(record, status, **values)
        seen.append(only(pull_responses(client, pushed.id)))
        activities.append(dataset_activity(client, pushed.id))
    assert [(each.status, each.values) for each in seen] == steps
    ann.clear(answered)
    activities.append(dataset_activity(client, pushed.id))
    # Every step is later than the one before, and looking is no activity.
    assert all(earlier < later for earlier, later in itertools.pairwise(activities))
    assert [each.updated_at for each in seen] == sorted({each.updated_at for each in seen})
    pull_responses(client, pushed.id)
    assert dataset_activity(client, pushed.id) == activities[-1]


def test_a_cleared_response_and_a_deleted_user_can_be_told_apart(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    request = make_request(1)
    pushed = push([request])
    ann, ben = make_person(), make_person()
    cleared = ann.answer(ann.record(pushed.id, request), preference="a")
    ben.answer(ben.record(pushed.id, request), preference="b")
    ann.clear(cleared)
    call(client, "DELETE", f"/api/v1/users/{ben.id}")
    pulled = pull_responses(client, pushed.id)
    assert pulled.responses == ()
    assert ann.id in pulled.present_users and ben.id not in pulled.present_users
    assert pulled.present_records == {request.id}


def test_records_of_others_are_passed_through(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    pushed = push([make_request(1)])
    fields = {"prompt": [{"role": "user", "content": "?"}], "answer_a": "x", "answer_b": "y"}
    items = [{"fields": fields}, {"fields": fields, "external_id": "theirs"}]
    call(client, "POST", f"/api/v1/datasets/{pushed.id}/records/bulk", body={"items": items})
    ann = make_person()
    for record in ann.records(pushed.id):
        ann.answer(record, preference="a")
    pulled = pull_responses(client, pushed.id)
    assert sorted(each.request_id for each in pulled.responses) == sorted(["", "theirs", make_request(1).id])
    assert pulled.present_records == {"theirs", make_request(1).id}


def test_many_pages_are_read_in_the_order_of_the_records(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = make_requests(25)
    pushed = push(requests)
    ann = make_person()
    for record in ann.records(pushed.id):
        ann.answer(record, preference="a")
    monkeypatch.setattr(argilla_store, "PAGE_RECORDS", 7)
    pulled = pull_responses(client, pushed.id)
    assert [each.request_id for each in pulled.responses] == [request.id for request in reversed(requests)]


def find_dataset_id(client: Any, name: str, workspace: str) -> str | None:
    workspaces = call(client, "GET", "/api/v1/me/workspaces")["items"]
    ids = {each["id"] for each in workspaces if each["name"] == workspace}
    datasets = call(client, "GET", "/api/v1/me/datasets", params={"name": name})["items"]
    return next((each["id"] for each in datasets if each["workspace_id"] in ids), None)


def wait_for(look: Callable[[], Any]) -> Any:
    """What `look` gives once that is true; fails after a minute."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come true within a minute")


def wait_until_still(look: Callable[[], int]) -> int:
    """What `look` gives when it gives the same three times in a row: the last request of a killed client is done."""
    seen = [look()]
    wait_for(lambda: seen.append(look()) or (len(seen) > 3 and len(set(seen[-3:])) == 1))
    return seen[-1]
