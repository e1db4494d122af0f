"""Who is the champion, the challenger and the champion before: moving MLflow's aliases.

Each alias is a row of MLflow's database and moves in a transaction of its own; there is none over several. So
`champion` alone decides, and all else is derived from it and from what was written on its version beforehand:
`follow_champion` brings that in line, after every move and before the next, which makes good what a kill left undone.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.records import ModelVersion
from tasks.registry import version_tags
from tasks.registry.connection import connect
from tasks.registry.mlflow_registry.entities import find_aliases, find_version, read_entity, search_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Entity

CHAMPION_ALIAS = "champion"
CHALLENGER_ALIAS = "challenger"
PREVIOUS_ALIAS = "previous"


def set_challenger(config: Config, home: Home, version: ModelVersion) -> None:
    """Points the alias `challenger` to the version."""
    with connect(config, home) as client:
        find_version(client, config, version.version)
        client.set_registered_model_alias(config.name, CHALLENGER_ALIAS, str(version.version))


def unset_challenger(config: Config, home: Home, version: ModelVersion) -> None:
    """Takes the alias `challenger` off the version, if it has it: nobody shall be served it, on trial or otherwise."""
    with connect(config, home) as client:
        if (find_aliases(client, config) or {}).get(CHALLENGER_ALIAS) == version.version:
            client.delete_registered_model_alias(config.name, CHALLENGER_ALIAS)


def promote(config: Config, home: Home, version: ModelVersion) -> None:
    """Makes the version the champion, after writing down on it which one it takes over from.

    Does not move it to one that is the champion already. `previous` names the one it took over from, and the alias
    `challenger` is taken off it.

    Raises:
        RatchetError: when the version does not exist, or there is no champion to take over from.
    """
    with connect(config, home) as client:
        find_version(client, config, version.version)
        current = _require_champion(client, config)
        if current != version.version:
            follow_champion(client, config)
            line = [current, *version_tags.read_line(find_version(client, config, current).tags)]
            # Written first: a champion whose predecessor is unknown could not be rolled back.
            _set_line(client, config, version.version, line)
            client.set_registered_model_alias(config.name, CHAMPION_ALIAS, str(version.version))
        follow_champion(client, config)


def rollback(
    config: Config, home: Home, *, to: int | None = None, by: str = "", reason: str = ""
) -> tuple[ModelVersion, ModelVersion]:
    """Moves the champion back: (the champion until now, the champion again).

    Args:
        to: a version that has been the champion before; None: the one that the champion took over from. To the
            champion itself nothing moves, so that it may be done again after a kill.
        by: who wants it, and
        reason: why; both are written on the version that is champion no more.

    Raises:
        RatchetError: when the champion took over from none, or the version has never been champion or was deleted.
    """
    with connect(config, home) as client:
        current = find_version(client, config, _require_champion(client, config))
        follow_champion(client, config)
        if to == int(current.version):
            return read_entity(current), read_entity(current)
        number, line = _way_back(client, config, current, to)
        left, again = read_entity(current), read_entity(find_version(client, config, number))
        event = version_tags.describe_event(f"to {again.version}", datetime.now(UTC), by, reason)
        client.set_model_version_tag(config.name, str(left.version), version_tags.ROLLED_BACK, event)
        # A version that was promoted twice holds its latest line; from here on the earlier one holds again.
        _set_line(client, config, again.version, line)
        client.set_registered_model_alias(config.name, CHAMPION_ALIAS, str(again.version))
        follow_champion(client, config)
        return left, again


def read_alias(config: Config, home: Home, alias: str) -> ModelVersion | None:
    """The version an alias names, or None when nothing has that alias."""
    with connect(config, home) as client:
        return find_alias(client, config, alias)


def find_alias(client: "MlflowClient", config: Config, alias: str) -> ModelVersion | None:
    """The version an alias names, or None when nothing has that alias."""
    version = (find_aliases(client, config) or {}).get(alias)
    return None if version is None else read_entity(find_version(client, config, version))


def follow_champion(client: "MlflowClient", config: Config) -> None:
    """Brings in line what follows from who is the champion; where it is, nothing is written.

    The champion's version says when it first was one, `previous` names the version it took over from (none: nothing
    does, nor when that one was deleted), and `challenger` does not name it.
    """
    aliases = find_aliases(client, config) or {}
    champion = aliases.get(CHAMPION_ALIAS)
    if champion is None:
        return
    tags = find_version(client, config, champion).tags
    if version_tags.FIRST_CHAMPION_AT not in tags:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        client.set_model_version_tag(config.name, str(champion), version_tags.FIRST_CHAMPION_AT, now)
    previous = next(iter(version_tags.read_line(tags)), None)
    if previous is not None and not _exists(client, config, previous):
        previous = None
    if previous is None and PREVIOUS_ALIAS in aliases:
        client.delete_registered_model_alias(config.name, PREVIOUS_ALIAS)
    if previous is not None and aliases.get(PREVIOUS_ALIAS) != previous:
        client.set_registered_model_alias(config.name, PREVIOUS_ALIAS, str(previous))
    if aliases.get(CHALLENGER_ALIAS) == champion:
        client.delete_registered_model_alias(config.name, CHALLENGER_ALIAS)


def _way_back(client: "MlflowClient", config: Config, current: "Entity", to: int | None) -> tuple[int, list[int]]:
    """Which version becomes champion again, and the line of champions before it, nearest first."""
    line = version_tags.read_line(current.tags)
    if to is None and not line:
        raise RatchetError(
            f"Version {current.version} of {config.name!r} took over from no other champion, so there is nothing "
            "to roll back to: `ratchet history` lists the versions, and `ratchet round` trains a new one."
        )
    number = line[0] if to is None else to
    if number in line:
        return number, line[line.index(number) + 1 :]
    if version_tags.FIRST_CHAMPION_AT not in find_version(client, config, number).tags:
        found = search_versions(client, config)
        been = {int(each.version) for each in found if version_tags.FIRST_CHAMPION_AT in each.tags} | {*line}
        others = ", ".join(str(each) for each in sorted(been - {int(current.version)})) or "none yet"
        raise RatchetError(
            f"Version {number} of {config.name!r} has never been the champion, so nothing can be rolled back to it: "
            f"name one that has been ({others}); the gate alone makes others champion, with `ratchet round`."
        )
    return number, [int(current.version), *line]


def _require_champion(client: "MlflowClient", config: Config) -> int:
    version = (find_aliases(client, config) or {}).get(CHAMPION_ALIAS)
    if version is None:
        raise RatchetError(f"{config.name!r} has no champion yet: run `ratchet round`, which begins with one.")
    return version


def _exists(client: "MlflowClient", config: Config, version: int) -> bool:
    return any(int(found.version) == version for found in search_versions(client, config))


def _set_line(client: "MlflowClient", config: Config, version: int, line: list[int]) -> None:
    for name, value in version_tags.write_line(line).items():
        client.set_model_version_tag(config.name, str(version), name, value)
