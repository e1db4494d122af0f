"""A promotion or rollback that is killed leaves a champion and a way back, and is completed by the next command."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from integration.registry.registry_state import Killer, Register, aliases, champion, tags_of

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.records import BaseModelRef, ModelVersion
from tasks.registry import mlflow_registry as registry


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
