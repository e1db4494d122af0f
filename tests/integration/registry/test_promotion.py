"""The champion alias moves in one call, and every promotion can be undone, step by step."""

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from integration.registry.registry_state import Killer, aliases, tags_of

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.records import BaseModelRef, ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect

Register = Callable[[int], ModelVersion]


@pytest.fixture
def register(config: Config, home: Home, base: BaseModelRef, train: Any) -> Register:
    """Registers the adapter of a round, on top of the base as version 1."""
    registry.ensure_champion(config, home, base)

    def make(number: int) -> ModelVersion:
        trained = train(number)
        return registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})

    return make


def champion(config: Config, home: Home) -> int:
    version = registry.read_alias(config, home, "champion")
    assert version is not None
    return version.version


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


def test_promotions_are_undone_one_by_one_until_the_base(config: Config, home: Home, register: Register):
    versions = [register(1), register(2)]
    for version in versions:
        registry.promote(config, home, version)
    assert [version.version for version in registry.rollback(config, home)] == [3, 2]
    assert [version.version for version in registry.rollback(config, home)] == [2, 1]
    assert champion(config, home) == 1
    assert tags_of(config, home, 3)["ratchet.rolled_back"].endswith("to 2")


def test_the_base_model_has_nothing_to_roll_back_to(config: Config, home: Home, register: Register):
    register(1)
    with pytest.raises(RatchetError) as caught:
        registry.rollback(config, home)
    assert caught.value.problems == (
        "Version 1 of 'demo' took over from no other champion, so there is nothing to roll back to: `ratchet history` "
        "lists the versions, and `ratchet round` trains a new one.",
    )
    assert champion(config, home) == 1


def test_a_promotion_after_a_rollback_leads_back_to_the_champion_it_took_over_from(
    config: Config, home: Home, register: Register
):
    second, third, fourth = register(1), register(2), register(3)
    registry.promote(config, home, second)
    registry.promote(config, home, third)
    registry.rollback(config, home)
    registry.promote(config, home, fourth)
    assert [entry.previous_champion for entry in registry.list_versions(config, home)] == [None, 1, 2, 2]
    assert [registry.rollback(config, home)[1].version for _ in range(2)] == [2, 1]


def test_a_version_that_is_promoted_twice_does_not_trap_rollbacks_in_a_circle(
    config: Config, home: Home, register: Register
):
    second, third = register(1), register(2)
    for version in (second, third, second):
        registry.promote(config, home, version)
    assert [registry.rollback(config, home)[1].version for _ in range(3)] == [3, 2, 1]
    with pytest.raises(RatchetError, match="nothing to roll back to"):
        registry.rollback(config, home)


def test_a_rolled_back_version_can_be_promoted_again(config: Config, home: Home, register: Register):
    second = register(1)
    registry.promote(config, home, second)
    registry.rollback(config, home)
    registry.promote(config, home, second)
    assert champion(config, home) == 2
    assert registry.rollback(config, home)[1].version == 1


def test_previous_names_the_version_that_the_champion_took_over_from(config: Config, home: Home, register: Register):
    second, third = register(1), register(2)
    registry.promote(config, home, second)
    assert aliases(config, home) == {"champion": 2, "previous": 1}
    registry.promote(config, home, third)
    assert aliases(config, home) == {"champion": 3, "previous": 2}
    registry.rollback(config, home)
    assert aliases(config, home) == {"champion": 2, "previous": 1}
    registry.rollback(config, home)
    assert aliases(config, home) == {"champion": 1}


def test_a_rollback_to_an_earlier_champion_steps_over_those_between(config: Config, home: Home, register: Register):
    for version in (register(1), register(2), register(3)):
        registry.promote(config, home, version)
    left, again = registry.rollback(config, home, to=2, by="ann", reason="too\n wordy")
    assert (left.version, again.version) == (4, 2)
    assert aliases(config, home) == {"champion": 2, "previous": 1}
    assert tags_of(config, home, 4)["ratchet.rolled_back"].endswith(" to 2 by ann: too wordy")
    assert registry.rollback(config, home, to=3)[1].version == 3
    assert aliases(config, home) == {"champion": 3, "previous": 2}
    assert registry.rollback(config, home, to=4)[1].version == 4
    assert [registry.rollback(config, home)[1].version for _ in range(3)] == [3, 2, 1]


def test_a_rollback_to_the_champion_itself_moves_nothing(config: Config, home: Home, register: Register):
    registry.promote(config, home, register(1))
    assert [version.version for version in registry.rollback(config, home, to=2)] == [2, 2]
    assert aliases(config, home) == {"champion": 2, "previous": 1}
    assert "ratchet.rolled_back" not in tags_of(config, home, 2)


def test_nothing_is_rolled_back_to_a_version_that_was_never_the_champion(
    config: Config, home: Home, register: Register
):
    registry.promote(config, home, register(1))
    register(2)
    with pytest.raises(RatchetError) as caught:
        registry.rollback(config, home, to=3)
    assert caught.value.problems == (
        "Version 3 of 'demo' has never been the champion, so nothing can be rolled back to it: name one that has been "
        "(1); the gate alone makes others champion, with `ratchet round`.",
    )
    with pytest.raises(RatchetError, match="'demo' has no version 9"):
        registry.rollback(config, home, to=9)
    assert champion(config, home) == 2


def test_a_version_that_was_about_to_be_promoted_when_a_kill_came_was_never_the_champion(
    config: Config, home: Home, register: Register, kill_at: Any
):
    second = register(1)
    kill_at("set_registered_model_alias")
    with pytest.raises(KeyboardInterrupt):
        registry.promote(config, home, second)
    with pytest.raises(RatchetError, match="Version 2 of 'demo' has never been the champion"):
        registry.rollback(config, home, to=2)


MOVES: dict[str, tuple[Callable[[Config, Home, ModelVersion], object], dict[str, int]]] = {
    "promote": (registry.promote, {"champion": 3, "previous": 2}),
    "rollback": (lambda config, home, _: registry.rollback(config, home, to=1), {"champion": 1}),
    "rollback --to": (lambda config, home, _: registry.rollback(config, home, to=3), {"champion": 3, "previous": 2}),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_move_that_is_killed_between_any_two_writes_is_completed_by_the_same_command_again(
    config: Config, home: Home, register: Register, monkeypatch: pytest.MonkeyPatch, name: str
):
    second, third = register(1), register(2)
    registry.promote(config, home, third)
    (move, wanted), killer = MOVES[name], Killer(monkeypatch)
    for writes in count():
        registry.rollback(config, home, to=1)
        registry.promote(config, home, second)
        if name == "promote":
            registry.set_challenger(config, home, third)
        killer.left = writes
        try:
            move(config, home, third)
            break
        except KeyboardInterrupt:
            assert aliases(config, home)["champion"] in (2, wanted["champion"])
        move(config, home, third)
        assert aliases(config, home) == wanted, f"killed after {writes} writes"
    assert writes >= 4


def test_a_new_round_completes_what_a_kill_left_undone(
    config: Config, home: Home, base: BaseModelRef, register: Register, monkeypatch: pytest.MonkeyPatch
):
    second = register(1)
    registry.set_challenger(config, home, second)
    killer = Killer(monkeypatch)
    killer.left = 3  # after champion moved
    with pytest.raises(KeyboardInterrupt):
        registry.promote(config, home, second)
    assert aliases(config, home) == {"champion": 2, "challenger": 2}
    registry.ensure_champion(config, home, base)
    assert aliases(config, home) == {"champion": 2, "previous": 1}
    assert "ratchet.first_champion_at" in tags_of(config, home, 2)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("method", ["set_model_version_tag", "set_registered_model_alias"])
def test_a_kill_during_a_promotion_leaves_a_champion_and_a_way_back(
    config: Config, home: Home, register: Register, kill_at: Any, method: str, after: bool
):
    second = register(1)
    kill_at(method, after=after)
    with pytest.raises(KeyboardInterrupt):
        registry.promote(config, home, second)
    assert champion(config, home) == (2 if (method, after) == ("set_registered_model_alias", True) else 1)
    registry.promote(config, home, second)
    assert champion(config, home) == 2
    assert registry.rollback(config, home)[1].version == 1


@pytest.mark.parametrize("method", ["set_model_version_tag", "set_registered_model_alias"])
def test_a_kill_during_a_rollback_leaves_the_champion_and_its_way_back(
    config: Config, home: Home, register: Register, kill_at: Any, method: str
):
    second, third = register(1), register(2)
    for version in (second, third, second):
        registry.promote(config, home, version)
    kill_at(method)
    with pytest.raises(KeyboardInterrupt):
        registry.rollback(config, home)
    assert champion(config, home) == 2
    assert [registry.rollback(config, home)[1].version for _ in range(3)] == [3, 2, 1]


def test_a_predecessor_that_was_deleted_is_an_error_and_the_champion_stays(
    config: Config, home: Home, register: Register
):
    second, third = register(1), register(2)
    registry.promote(config, home, second)
    registry.promote(config, home, third)
    with connect(config, home) as client:
        client.delete_model_version("demo", "2")
    with pytest.raises(RatchetError) as caught:
        registry.rollback(config, home)
    assert caught.value.problems == ("'demo' has no version 2: `ratchet history` lists those there are.",)
    assert champion(config, home) == 3


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
