"""Who may do what in a real Argilla: owners, admins and annotators; and the calls that Argilla makes to us."""

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from integration.feedback.label_requests import GUIDELINES, NAME, Person, make_request, make_requests, only, sign_in

from tasks.errors import ArgillaError
from tasks.feedback.argilla_connection import ArgillaConnection, call, connect
from tasks.feedback.argilla_people import create_annotator, find_user
from tasks.feedback.argilla_store import PushedDataset, pull_responses, push_requests
from tasks.feedback.argilla_webhooks import delete_webhook, ensure_webhook


def test_an_admin_of_the_workspace_can_do_the_same_as_an_owner(
    client: Any, connection: ArgillaConnection, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    pushed = push(make_requests(2))
    ann = make_person()
    ann.answer(ann.record(pushed.id, make_request(1)), preference="a")
    admin = make_person()
    made = call(client, "PATCH", f"/api/v1/users/{admin.id}", body={"role": "admin"})
    as_admin = replace(connection, api_key=made["api_key"])
    pulled = pull_responses(connect(as_admin), pushed.id)
    assert only(pulled).username is not None
    assert pulled.present_users == {ann.id, admin.id}
    more = push_requests(connect(as_admin), as_admin, NAME, make_requests(4), audit=False, guidelines=GUIDELINES)
    assert (more.id, more.added) == (pushed.id, 2)
    elsewhere = replace(as_admin, workspace="nowhere")
    with pytest.raises(ArgillaError, match=r"shows no workspace 'nowhere' .* let an owner make it"):
        push_requests(connect(elsewhere), elsewhere, NAME, make_requests(1), audit=False, guidelines=GUIDELINES)


def test_an_annotators_key_is_refused_with_what_is_needed(
    connection: ArgillaConnection, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    pushed = push(make_requests(2))
    key = make_person().client.get("/api/v1/me").json()["api_key"]
    as_annotator = connect(replace(connection, api_key=key))
    with pytest.raises(ArgillaError, match="use the key of an owner, or of an admin"):
        pull_responses(as_annotator, pushed.id)
    with pytest.raises(ArgillaError, match=f"is an annotator's: use the key .* workspace '{connection.workspace}'"):
        push_requests(as_annotator, connection, NAME, make_requests(2), audit=False, guidelines=GUIDELINES)
    with pytest.raises(ArgillaError, match="is not an owner's: let one make 'ben'"):
        create_annotator(as_annotator, connection, "ben")


def test_a_key_that_is_none_of_the_servers_is_refused(connection: ArgillaConnection) -> None:
    with pytest.raises(ArgillaError, match="does not accept the API key from the variable ARGILLA_API_KEY") as caught:
        connect(replace(connection, api_key="no-such-key-8852"))
    assert "no-such-key-8852" not in str(caught.value)


def test_an_annotator_who_exists_keeps_their_password(client: Any, connection: ArgillaConnection) -> None:
    username = f"ann-{uuid.uuid4().hex[:12]}"
    password = create_annotator(client, connection, username)
    assert password is not None and len(password) >= 16
    elsewhere = replace(connection, workspace=f"{connection.workspace}-too")
    assert create_annotator(client, elsewhere, username) is None
    assert create_annotator(client, elsewhere, username) is None
    person = sign_in(connection.url, username, password)
    with closing(person.client):
        me = person.client.get("/api/v1/me").json()
        workspaces = person.client.get("/api/v1/me/workspaces").json()["items"]
    assert me["role"] == "annotator"
    assert find_user(client, username) == me["id"]
    assert find_user(client, f"{username}-nobody") is None
    assert {each["name"] for each in workspaces} == {connection.workspace, elsewhere.workspace}


def test_a_webhook_is_made_once_and_kept(client: Any) -> None:
    url = f"http://127.0.0.1:9/{uuid.uuid4().hex}"

    def there() -> list[Any]:
        return [each for each in call(client, "GET", "/api/v1/webhooks")["items"] if each["url"] == url]

    try:
        secret = ensure_webhook(client, url, ["response.created"])
        assert len(secret) >= 32
        assert ensure_webhook(client, url, ["response.created"]) == secret
        [webhook] = there()
        call(client, "PATCH", f"/api/v1/webhooks/{webhook['id']}", body={"enabled": False})
        assert ensure_webhook(client, url, {"response.updated", "response.created"}) == secret
        [webhook] = there()
        assert (sorted(webhook["events"]), webhook["enabled"]) == (["response.created", "response.updated"], True)
    finally:
        assert delete_webhook(client, url) == 1
    assert there() == []
    assert delete_webhook(client, url) == 0
