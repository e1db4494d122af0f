"""Where an endpoint's key comes from, and that nothing shows it."""

import pytest

from tasks.errors import ConfigError
from tasks.llm.api_key import ApiKey, find_api_key
from tasks.settings.endpoint import EndpointSettings

REMOTE = EndpointSettings(api_key_variable="OPENAI_API_KEY")


def test_the_key_is_in_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("JUDGE_KEY", " s3cret\n")
    found = find_api_key(REMOTE.model_copy(update={"api_key_variable": "JUDGE_KEY"}), "judges: local")
    assert (found.value, found.found_in) == ("s3cret", "the variable JUDGE_KEY")
    assert "s3cret" not in repr(found)


def test_no_key_is_no_mistake_many_endpoints_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert find_api_key(REMOTE, "judges: local") == ApiKey("", "the variable OPENAI_API_KEY")


def test_no_key_is_sent_anywhere_unless_the_settings_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    assert find_api_key(REMOTE.model_copy(update={"api_key_variable": None}), "judges: local") == ApiKey()


@pytest.mark.parametrize("key", ["s3cret s3cret", "s3crét", "s3cret\ns3cret", "“s3cret”"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError) as caught:
        find_api_key(REMOTE, "judges: local")
    [problem] = caught.value.problems
    assert problem.startswith("judges: local: the API key in the variable OPENAI_API_KEY holds a space or")
    assert "s3cr" not in problem


def test_a_key_is_taken_out_of_a_text_and_no_key_takes_nothing_out() -> None:
    assert ApiKey("s3cret").taken_out("key s3cret!") == "key ***!"
    assert ApiKey().taken_out("key s3cret!") == "key s3cret!"
