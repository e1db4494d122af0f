"""Where people answer, and the key to it: found, or one sentence on what to set."""

from pathlib import Path

import pytest

from tasks.config import Config
from tasks.embedded_argilla.credentials import make_credentials
from tasks.embedded_argilla.layout import layout_of
from tasks.embedded_argilla.state import State, write_state
from tasks.errors import ArgillaError, ConfigError
from tasks.feedback.label_server import find_connection
from tasks.home import Home
from tasks.settings.feedback import HumanFeedbackSettings


def config(**settings: object) -> Config:
    asked = HumanFeedbackSettings.model_validate(settings)
    return Config(name="d", questions="q.jsonl", human_feedback=asked, root=Path("/nowhere"))


def test_a_server_by_url_takes_its_key_from_the_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGILLA_API_KEY", "k")
    found = find_connection(config(argilla="https://argilla.example.org", workspace="w"), home)
    assert (found.url, found.api_key, found.workspace) == ("https://argilla.example.org", "k", "w")
    assert found.key_from == "the variable ARGILLA_API_KEY"


def test_without_a_key_it_says_where_to_put_one_and_shows_no_password(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARGILLA_API_KEY", raising=False)
    with pytest.raises(ConfigError) as caught:
        find_connection(config(argilla="https://me:hunter2@argilla.example.org"), home)
    [problem] = caught.value.problems
    assert problem.startswith("There is no API key for https://") and "hunter2" not in problem
    assert problem.endswith("or name a Prefect Secret block in human_feedback.api_key_secret.")


def test_people_who_are_not_asked_have_no_server(home: Home) -> None:
    with pytest.raises(ConfigError, match=r"^human_feedback\.argilla is null, so no people are asked: set it to"):
        find_connection(config(), home)


def test_an_embedded_argilla_that_was_never_up_is_to_be_brought_up(home: Home) -> None:
    with pytest.raises(ArgillaError, match=r"no embedded Argilla in .* yet: run `ratchet argilla up`\."):
        find_connection(config(argilla="embedded"), home)


def test_the_embedded_argilla_is_found_with_its_own_key(home: Home) -> None:
    layout = layout_of(home)
    made = make_credentials(layout)
    write_state(layout, State(port=6999))
    found = find_connection(config(argilla="embedded"), home)
    assert (found.url, found.api_key) == ("http://127.0.0.1:6999", made.api_key)
    assert made.api_key not in repr(found)


@pytest.mark.parametrize("value", ["off", "ftp://x", "localhost:6900", ""])
def test_what_is_no_address_is_refused_by_the_config(value: str) -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        config(argilla=value)
