"""Whom a name stands for: an opaque id, an end user, or somebody with an account in Argilla."""

from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import RatchetError, UnreachableError
from tasks.feedback.annotators import find_annotator
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.pulling import annotator_salt
from tasks.home import Home

KNOWN = ["5b1e77aa00000000", "5b1e77aa11111111", "0c0c0c0c0c0c0c0c"]
NOBODY = "Nobody who gave feedback to demo is known as {!r}, neither by opaque id nor as an end user, {}: "


def make_config(**people: Any) -> Config:
    return Config.model_validate(
        {"name": "demo", "questions": "q.jsonl", "root": Path("/domain"), "human_feedback": people}
    )


@pytest.fixture
def in_argilla(monkeypatch: pytest.MonkeyPatch, home: Home) -> Config:
    """A config whose Argilla knows Ann, without the server."""
    monkeypatch.setattr("tasks.feedback.argilla_connection.connect", lambda connection: connection)
    monkeypatch.setattr("tasks.feedback.argilla_people.find_user", lambda client, name: {"ann": "user-1"}.get(name))
    monkeypatch.setenv("ARGILLA_API_KEY", "key")
    return make_config(argilla="http://argilla.example")


@pytest.mark.parametrize("name", ["0c0c0c0c0c0c0c0c", "0c0c0c0c", "5b1e77aa0", "5b1e77aa11111111"])
def test_an_opaque_id_is_known_by_its_first_digits(home: Home, name: str) -> None:
    assert find_annotator(make_config(argilla=None), home, name, KNOWN).startswith(name)


def test_a_whole_id_is_meant_though_a_longer_one_begins_with_it(home: Home) -> None:
    assert find_annotator(make_config(argilla=None), home, "abcdefgh", ["abcdefgh", "abcdefghi"]) == "abcdefgh"


def test_digits_that_several_ids_begin_with_are_refused(home: Home) -> None:
    with pytest.raises(RatchetError) as error:
        find_annotator(make_config(argilla=None), home, "5b1e77aa", KNOWN)
    assert str(error.value) == (
        "'5b1e77aa' is how 2 opaque ids begin (5b1e77aa00000000, 5b1e77aa11111111): name more digits."
    )


def test_an_end_user_is_known_by_name_when_they_have_said_something(home: Home) -> None:
    opaque = annotator_id(annotator_salt(home), "carol")
    assert find_annotator(make_config(argilla=None), home, "carol", [*KNOWN, opaque]) == opaque


def test_somebody_in_argilla_is_known_by_username_though_they_have_said_nothing(home: Home, in_argilla: Config) -> None:
    assert find_annotator(in_argilla, home, "ann", KNOWN) == annotator_id(annotator_salt(home), "user-1")


def test_a_name_of_two_people_who_gave_feedback_is_refused(home: Home, in_argilla: Config) -> None:
    salt = annotator_salt(home)
    end_user, labeller = annotator_id(salt, "ann"), annotator_id(salt, "user-1")
    assert find_annotator(in_argilla, home, "ann", [end_user]) == end_user
    with pytest.raises(RatchetError) as error:
        find_annotator(in_argilla, home, "ann", [end_user, labeller])
    assert str(error.value) == (
        f"'ann' is an end user ({end_user}) and a user of Argilla ({labeller}): name one by the opaque id."
    )


@pytest.mark.parametrize("name", ["dave", "5b1e77a", "0c0c0c0d"])
def test_a_stranger_is_refused(home: Home, in_argilla: Config, name: str) -> None:
    rest = "`ratchet labels` and `ratchet why VERSION` show the opaque ids."
    for config, reason in (
        (make_config(argilla=None), "and there is no Argilla to ask"),
        (in_argilla, "nor by a username in Argilla"),
    ):
        with pytest.raises(RatchetError) as error:
            find_annotator(config, home, name, KNOWN)
        assert str(error.value) == NOBODY.format(name, reason) + rest


def test_an_argilla_that_does_not_answer_is_said_and_needed_by_nobody_else(
    home: Home, in_argilla: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(client: object, name: str) -> None:
        raise UnreachableError("Argilla at http://argilla.example does not answer: start it.")

    monkeypatch.setattr("tasks.feedback.argilla_people.find_user", fail)
    opaque = annotator_id(annotator_salt(home), "carol")
    assert find_annotator(in_argilla, home, "carol", [opaque]) == opaque
    assert find_annotator(in_argilla, home, "0c0c0c0c", KNOWN) == KNOWN[2]
    with pytest.raises(RatchetError) as error:
        find_annotator(in_argilla, home, "ann", KNOWN)
    assert "Argilla could not be asked (Argilla at http://argilla.example does not answer: start it)" in str(
        error.value
    )
