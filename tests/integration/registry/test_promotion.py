"""The champion alias moves in one call, and what it moved from is written down first."""

import threading
from typing import Any

import pytest
from integration.registry.registry_state import Register, champion, tags_of

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect


def test_a_challenger_that_is_promoted_is_champion_and_challenger_no_more(
    config: Config, home: Home, register: Register
):
    second = register(1)
    registry.set_challenger(config, home, second)
    assert registry.read_alias(config, home, "challenger") == second
    registry.promote(config, home, second)
    assert registry.read_alias(config, home, "champion") == second
    assert registry.read_alias(config, home, "challenger") is None
    assert tags_of(config, home, 2)["ratchet.previous_champion"] == "1"


def test_another_challenger_stays_one_when_a_version_is_promoted(config: Config, home: Home, register: Register):
    second, third = register(1), register(2)
    registry.set_challenger(config, home, third)
    registry.promote(config, home, second)
    assert registry.read_alias(config, home, "challenger") == third


def test_promoting_the_champion_again_keeps_its_predecessor(config: Config, home: Home, register: Register):
    second = register(1)
    registry.promote(config, home, second)
    registry.promote(config, home, second)
    assert tags_of(config, home, 2)["ratchet.previous_champion"] == "1"
    assert registry.rollback(config, home)[1].version == 1


def test_the_predecessor_is_written_before_the_alias_moves_in_one_call(
    config: Config, home: Home, register: Register, monkeypatch: pytest.MonkeyPatch
):
    from mlflow import MlflowClient

    second = register(1)
    calls: list[tuple[str, ...]] = []

    def record(method: str) -> None:
        original = getattr(MlflowClient, method)

        def call(client: Any, *arguments: str) -> Any:
            calls.append((method, *arguments[1:]))
            return original(client, *arguments)

        monkeypatch.setattr(MlflowClient, method, call)

    for method in ("set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias"):
        record(method)
    registry.promote(config, home, second)
    assert calls[:3] == [
        ("set_model_version_tag", "2", "ratchet.champion_line", "1"),
        ("set_model_version_tag", "2", "ratchet.previous_champion", "1"),
        ("set_registered_model_alias", "champion", "2"),
    ]
    assert [call[:3] for call in calls[3:]] == [
        ("set_model_version_tag", "2", "ratchet.first_champion_at"),
        ("set_registered_model_alias", "previous", "1"),
    ]


def test_a_consumer_always_finds_a_champion_while_it_moves(config: Config, home: Home, register: Register):
    versions = [register(number) for number in (1, 2, 3)]
    seen: list[int | None] = []
    done = threading.Event()

    def watch() -> None:
        with connect(config, home) as client:
            while not done.is_set():
                seen.append(client.get_registered_model("demo").aliases.get("champion"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for version in versions * 2:
        registry.promote(config, home, version)
    done.set()
    watcher.join()
    assert seen
    assert None not in seen


@pytest.mark.parametrize("act", [registry.promote, registry.set_challenger])
def test_a_version_that_does_not_exist_gets_no_alias(config: Config, home: Home, register: Register, act: Any):
    with pytest.raises(RatchetError, match="'demo' has no version 9"):
        act(config, home, register(1).model_copy(update={"version": 9}))
    assert champion(config, home) == 1


def test_without_a_champion_nothing_is_promoted_or_rolled_back(config: Config, home: Home, register: Register):
    second = register(1)
    with connect(config, home) as client:
        client.delete_registered_model_alias("demo", "champion")
    for act in (lambda: registry.promote(config, home, second), lambda: registry.rollback(config, home)):
        with pytest.raises(RatchetError) as caught:
            act()
        assert caught.value.problems == ("'demo' has no champion yet: run `ratchet round`, which begins with one.",)


def test_the_history_tells_aliases_predecessors_and_rollbacks(config: Config, home: Home, register: Register):
    second = register(1)
    registry.promote(config, home, second)
    registry.rollback(config, home)
    registry.set_challenger(config, home, second)
    first, last = registry.list_versions(config, home)
    assert (first.aliases, first.previous_champion, first.rolled_back) == (("champion",), None, None)
    assert (last.aliases, last.previous_champion) == (("challenger",), 1)
    assert last.rolled_back is not None and last.rolled_back.endswith("to 1")
    assert first.registered_at <= last.registered_at
