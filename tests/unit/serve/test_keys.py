"""Who may ask, and from where."""

import pytest
from pydantic import ValidationError

from tasks.errors import ConfigError, RatchetError
from tasks.serve.keys import Keys, check_host, find_keys, host_of, is_loopback
from tasks.settings.serve import ServeSettings


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        ("Bearer one", True),
        ("bearer two", True),
        ("Bearer  two ", True),
        ("Bearer three", False),
        ("Bearer on", False),
        ("Bearer one,two", False),
        ("Basic one", False),
        ("one", False),
        ("Bearer ", False),
        ("", False),
        (None, False),
    ],
)
def test_a_key_is_one_of_those_set(header: str | None, admitted: bool) -> None:
    assert Keys(["one", "two"]).admit(header) is admitted


def test_without_keys_everybody_may_ask() -> None:
    assert Keys([]).admit(None) and Keys([]).admit("Bearer x")


def test_keys_are_not_shown() -> None:
    keys = Keys(["a-secret-key"])
    assert "a-secret-key" not in repr(keys) + str(vars(keys))


def test_keys_come_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVE_KEYS", "one,two,")
    keys = find_keys(ServeSettings(api_key_variable="SERVE_KEYS"))
    assert len(keys) == 2 and keys.admit("Bearer two")
    assert len(find_keys(ServeSettings())) == 0
    monkeypatch.setenv("SERVE_KEYS", "one two")
    with pytest.raises(ConfigError, match=r"^serve: the API key in the variable SERVE_KEYS holds a space"):
        find_keys(ServeSettings(api_key_variable="SERVE_KEYS"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_host(host, Keys([]))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "localhost.example.org", ""])
def test_other_addresses_need_a_key(host: str) -> None:
    check_host(host, Keys(["one"]))
    with pytest.raises(RatchetError, match="without API keys only this machine may ask"):
        check_host(host, Keys([]))


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost:8000", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:8000", "[::1]"),
        ("a.example:1", "a.example"),
    ],
)
def test_the_host_of_a_header(header: str, host: str) -> None:
    assert host_of(header) == host


def test_keys_have_one_place() -> None:
    with pytest.raises(ValidationError, match="`api_key_secret` and `api_key_variable` are both set; keep one of them"):
        ServeSettings(api_key_secret="block", api_key_variable="SERVE_KEYS")
