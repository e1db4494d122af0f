"""Every promotion can be undone, step by step or back to a version that was champion before."""

import pytest
from integration.registry.registry_state import Register, aliases, champion, tags_of

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect


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
