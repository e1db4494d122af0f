"""What Argilla, or what stands in its place, refuses: told at once, in one sentence that holds no key."""

from collections.abc import Callable
from typing import Any

import pytest
from integration.feedback.scripted_argilla import (
    DATASET_ID,
    KEY,
    Reply,
    ScriptedArgilla,
    connection_to,
    pull,
    push,
    sentence_of,
)

from tasks.errors import ArgillaError, UnreachableError
from tasks.feedback import argilla_store
from tasks.feedback.argilla_connection import ArgillaConnection, connect

LOGIN_PAGE = Reply(200, b"<html>Please sign in</html>", {"content-type": "text/html; charset=utf-8"})
REFUSALS: dict[str, tuple[Reply, str]] = {
    "401": (
        Reply.of({"detail": {"code": "argilla.api.errors::UnauthorizedError", "params": {"detail": KEY}}}, 401),
        "does not accept the API key from the variable ARGILLA_API_KEY",
    ),
    "403": (
        Reply.of({"detail": {"code": "argilla.api.errors::ForbiddenOperationError", "params": {}}}, 403),
        "use the key of an owner, or of an admin who is a member of workspace 'ratchet'",
    ),
    "404": (Reply.of({"detail": f"Nothing for {KEY}"}, 404), "(HTTP 404: Nothing for ***)"),
    "404 of something else": (
        Reply(404, b"<html>nginx</html>", {"content-type": "text/html"}),
        "answered GET /api/v1/datasets/22222222-2222-2222-2222-222222222222/questions with text/html (HTTP 404)",
    ),
    "409": (Reply.of({"detail": "It is there"}, 409), "(HTTP 409: It is there)"),
    "413": (Reply.of({"detail": "Too much"}, 413), "(HTTP 413: Too much)"),
    "422 in words": (Reply.of({"detail": f"Bad {KEY}\nand worse"}, 422), "(HTTP 422: Bad *** and worse)"),
    "422 in pieces": (
        Reply.of(
            {
                "detail": {
                    "code": "argilla.api.errors::ValidationError",
                    "params": {"errors": [{"loc": ["body", "items", 0], "msg": "Too long", "input": "Mr. Smith"}]},
                }
            },
            422,
        ),
        "(HTTP 422: body.items.0: Too long)",
    ),
    "a login page": (LOGIN_PAGE, "with text/html; charset=utf-8 (HTTP 200), which Argilla does not"),
    "a redirect to a login": (
        Reply(302, b"", {"location": "https://sso.example.org/login?token=abc&next=x"}),
        "sends us to https://sso.example.org/login: set human_feedback.argilla",
    ),
}


@pytest.mark.parametrize(("reply", "text"), REFUSALS.values(), ids=REFUSALS.keys())
@pytest.mark.parametrize("act", [push, pull])
def test_a_refusal_is_told_at_once(argilla: ScriptedArgilla, act: Callable[..., Any], reply: Reply, text: str) -> None:
    client = connect(connection_to(argilla))
    argilla.script("GET", "/questions", reply)
    with pytest.raises(ArgillaError) as caught:
        act(argilla, client)
    assert text in sentence_of(caught.value)
    assert "Mr. Smith" not in str(caught.value)
    assert argilla.count("GET", "/questions") == 1


@pytest.mark.parametrize("name", ["401", "a login page", "a redirect to a login"])
def test_a_refusal_is_told_when_connecting(argilla: ScriptedArgilla, name: str) -> None:
    reply, text = REFUSALS[name]
    argilla.script("GET", "/me", reply)
    with pytest.raises(ArgillaError) as caught:
        connect(connection_to(argilla))
    assert text in sentence_of(caught.value)


def test_an_error_about_the_key_names_where_it_was_found(argilla: ScriptedArgilla) -> None:
    argilla.script("GET", "/me", REFUSALS["401"][0])
    with pytest.raises(ArgillaError, match="from the Secret block argilla: set it"):
        connect(connection_to(argilla, key_from="the Secret block argilla"))


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "clé"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(argilla: ScriptedArgilla, key: str) -> None:
    with pytest.raises(ArgillaError, match="is empty or has characters that no key has") as caught:
        connect(connection_to(argilla, api_key=key))
    assert not key or key not in str(caught.value)
    assert argilla.seen == []


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://[::1", "localhost:6900"])
def test_an_address_that_is_none_is_told(argilla: ScriptedArgilla, url: str) -> None:
    with pytest.raises(ArgillaError, match=r"is no address of a server: set human_feedback.argilla to http"):
        connect(connection_to(argilla, url=url))


@pytest.mark.parametrize("version", ["1.29.0", "3.0.0", "none"])
def test_another_major_version_is_refused(argilla: ScriptedArgilla, version: str) -> None:
    argilla.script("GET", "/version", Reply.of({"version": version}))
    with pytest.raises(ArgillaError) as caught:
        connect(connection_to(argilla))
    assert f"has version {version}, and Ratchet speaks to version 2: use" in sentence_of(caught.value)


def test_a_server_without_the_api_is_no_argilla_2(argilla: ScriptedArgilla) -> None:
    argilla.script("GET", "/me", Reply.of({"detail": "Not Found"}, 404))
    with pytest.raises(ArgillaError, match=r"There is no Argilla 2 at http://127\.0\.0\.1:\d+: correct"):
        connect(connection_to(argilla))


@pytest.mark.usefixtures("hurried")
def test_neither_key_nor_password_shows(argilla: ScriptedArgilla) -> None:
    argilla.stop()
    url = argilla.url.replace("http://", "http://ann:sesame@")
    connection = connection_to(argilla, url=url)
    assert KEY not in repr(connection)
    with pytest.raises(UnreachableError) as caught:
        connect(connection)
    assert "sesame" not in str(caught.value) and "***@127.0.0.1" in sentence_of(caught.value)


def test_the_link_for_people_holds_no_password() -> None:
    connection = ArgillaConnection("https://us:sesame@argilla.example.org/base/", KEY, "ratchet")
    assert argilla_store.labelling_url(connection, DATASET_ID).split("?")[0] == (
        f"https://argilla.example.org/base/dataset/{DATASET_ID}/annotation-mode"
    )


def test_a_dataset_is_gone_only_when_argilla_says_so(argilla: ScriptedArgilla) -> None:
    client = connect(connection_to(argilla))
    where = f"/datasets/{DATASET_ID}"
    argilla.script("GET", where, Reply.of({"detail": f"Dataset with id `{DATASET_ID}` not found"}, 404))
    assert argilla_store.dataset_activity(client, DATASET_ID) is None
    argilla.script("GET", where, Reply.of({"detail": "Not Found"}, 404))
    with pytest.raises(ArgillaError, match="HTTP 404: Not Found"):
        argilla_store.dataset_activity(client, DATASET_ID)
