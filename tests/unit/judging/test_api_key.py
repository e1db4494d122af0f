"""Where a judge's key comes from, and that nothing shows it."""

import pytest

from tasks.errors import ConfigError
from tasks.judging.api_key import ApiKey, find_api_key
from tasks.settings.judging import JudgeSettings

REMOTE = JudgeSettings(name="judge", url="https://llm.example.org/v1", api_key_variable="OPENAI_API_KEY")


def test_the_embedded_endpoint_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    assert find_api_key(JudgeSettings(name="judge")).value == ""


def test_the_key_is_in_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("JUDGE_KEY", " s3cret\n")
    found = find_api_key(REMOTE.model_copy(update={"api_key_variable": "JUDGE_KEY"}))
    assert (found.value, found.found_in) == ("s3cret", "the variable JUDGE_KEY")
    assert "s3cret" not in repr(found)


def test_no_key_is_no_mistake_many_endpoints_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert find_api_key(REMOTE) == ApiKey("", "the variable OPENAI_API_KEY")


def test_no_key_is_sent_anywhere_unless_the_settings_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    assert find_api_key(REMOTE.model_copy(update={"api_key_variable": None})) == ApiKey()


@pytest.mark.parametrize("key", ["s3cret s3cret", "s3crét", "s3cret\ns3cret", "“s3cret”"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError) as caught:
        find_api_key(REMOTE)
    [problem] = caught.value.problems
    assert problem.startswith("The API key of judge 'judge' in the variable OPENAI_API_KEY holds a space or")
    assert "s3cr" not in problem


def test_a_key_is_taken_out_of_a_text_and_no_key_takes_nothing_out() -> None:
    assert ApiKey("s3cret").taken_out("key s3cret!") == "key ***!"
    assert ApiKey().taken_out("key s3cret!") == "key s3cret!"
