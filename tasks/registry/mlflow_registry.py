"""The model registry: versions, the aliases `champion` and `challenger`, promotion and rollback.

The only importer of MLflow's registry. Two habits make it safe to kill at any moment: a version appears with
all its tags in one transaction, after its files are stored; and the champion alias moves in one call, after
the version it came from was written down.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tasks.config import Config
from tasks.errors import ConfigError, RatchetError
from tasks.home import Home
from tasks.records import Adapter, BaseModelRef, ModelVersion, Record
from tasks.registry import version_tags
from tasks.registry.connection import NOT_FOUND, connect, has_server, tracking_uri
from tasks.registry.environment import git_commit
from tasks.registry.logging_models import check_adapter_folder, store_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Entity

CHAMPION_ALIAS = "champion"
CHALLENGER_ALIAS = "challenger"
BASE_DESCRIPTION = "The base model as it is: the first champion."
CHALLENGER_DESCRIPTION = "A challenger; its model card follows when the gate has decided."
MAX_DESCRIPTION = 5000  # characters; the width of MLflow's column


class RegistryEntry(Record):
    """A registered version with what the registry knows about it."""

    version: ModelVersion
    aliases: tuple[str, ...] = Field(description="champion, challenger, and whatever users added; sorted")
    registered_at: datetime = Field(description="UTC")
    previous_champion: Annotated[int, Field(ge=1)] | None = Field(description="the champion it took over from, if any")
    champion_line: tuple[int, ...] = Field(default=(), description="that one and those before it, nearest first")
    rolled_back: str | None = Field(description="when it was last rolled back, and to which version")
    description: str = Field(description="the model card, Markdown")


def ensure_champion(config: Config, home: Home, base: BaseModelRef) -> ModelVersion:
    """The champion, on the base where this machine has it; the first champion is the base itself, as version 1.

    Raises:
        ConfigError: when the config names another base than the champion's.
        RatchetError: when there are versions but none is the champion, or MLflow cannot be reached.
    """
    with connect(config, home) as client:
        _ensure_registered_model(client, config)
        champion = _alias(client, config, CHAMPION_ALIAS)
        if champion is None:
            champion = _register_base(client, config, home, base)
    if champion.base.sha256 != base.sha256:
        raise ConfigError(
            f"model.base: {base.id!r} (sha256 {base.sha256[:12]}) is not what the champion of {config.name!r} was "
            f"trained on, {champion.base.id!r} ({champion.base.sha256[:12]}): set it back, or give the config "
            "another name to begin anew."
        )
    return champion.model_copy(update={"base": base})


def register_adapter(
    config: Config, home: Home, adapter: Adapter, adapter_folder: Path, *, tags: Mapping[str, str]
) -> ModelVersion:
    """The version of this adapter and round; it is registered unless it is already.

    Args:
        adapter_folder: holds adapter_config.json and adapter_model.safetensors.
        tags: more tags for the version; Ratchet's own win over them.

    Raises:
        IntegrityError: when the folder does not hold the adapter.
        RatchetError: when MLflow cannot be reached, or does not know the adapter's run.
    """
    check_adapter_folder(adapter, adapter_folder)
    with connect(config, home) as client:
        for entity in _search(client, config):
            if version_tags.holds(entity.tags, adapter):
                return _read(entity)
        return _create_version(client, config, home, adapter.base, adapter, adapter_folder, tags)


def set_challenger(config: Config, home: Home, version: ModelVersion) -> None:
    """Points the alias `challenger` to the version."""
    with connect(config, home) as client:
        _entity(client, config, version.version)
        client.set_registered_model_alias(config.name, CHALLENGER_ALIAS, str(version.version))


def promote(config: Config, home: Home, version: ModelVersion) -> None:
    """Makes the version the champion, after writing down on it which one it takes over from.

    Does nothing to one that is the champion already. The alias `challenger` is taken off it.

    Raises:
        RatchetError: when the version does not exist, or there is no champion to take over from.
    """
    with connect(config, home) as client:
        new = _entity(client, config, version.version)
        current = _require_champion(client, config)
        if current != version.version:
            line = [current, *version_tags.read_line(_entity(client, config, current).tags)]
            # Written first: a champion whose predecessor is unknown could not be rolled back.
            _set_line(client, config, version.version, line)
            client.set_registered_model_alias(config.name, CHAMPION_ALIAS, str(version.version))
        if CHALLENGER_ALIAS in new.aliases:
            client.delete_registered_model_alias(config.name, CHALLENGER_ALIAS)


def rollback(config: Config, home: Home) -> tuple[ModelVersion, ModelVersion]:
    """Moves the champion back to the one it took over from: (the champion until now, the champion again).

    Raises:
        RatchetError: when the champion took over from none, or that one was deleted.
    """
    with connect(config, home) as client:
        current = _entity(client, config, _require_champion(client, config))
        line = version_tags.read_line(current.tags)
        if not line:
            raise RatchetError(
                f"Version {current.version} of {config.name!r} took over from no other champion, so there is nothing "
                "to roll back to: `ratchet history` lists the versions, and `ratchet round` trains a new one."
            )
        previous = _entity(client, config, line[0])
        left, again = _read(current), _read(previous)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        client.set_model_version_tag(
            config.name, str(left.version), version_tags.ROLLED_BACK, f"{now} to {again.version}"
        )
        # A version that was promoted twice holds its latest line; from here on the earlier one holds again.
        _set_line(client, config, again.version, line[1:])
        client.set_registered_model_alias(config.name, CHAMPION_ALIAS, str(again.version))
        return left, again


def read_version(config: Config, home: Home, version: int) -> ModelVersion:
    """The version of this number.

    Raises:
        RatchetError: when there is none, or somebody else registered it.
    """
    with connect(config, home) as client:
        return _read(_entity(client, config, version))


def read_alias(config: Config, home: Home, alias: str) -> ModelVersion | None:
    """The version an alias names, or None when nothing has that alias."""
    with connect(config, home) as client:
        return _alias(client, config, alias)


def list_versions(config: Config, home: Home) -> list[RegistryEntry]:
    """All versions that Ratchet registered, oldest first; what others put under the name is left out."""
    with connect(config, home) as client:
        # A search does not tell a version's aliases; reading it does.
        entities = [_entity(client, config, int(found.version)) for found in _search(client, config)]
    return sorted(
        (_entry(entity) for entity in entities if version_tags.RECORD in entity.tags),
        key=lambda entry: entry.version.version,
    )


def describe_version(config: Config, home: Home, version: ModelVersion, card: str) -> None:
    """Makes the card the version's description, and the artifact `model_card.md` of the run that trained it.

    MLflow holds 5000 characters of a description; a longer card ends there in a pointer to the artifact.
    """
    text = card
    if len(card) > MAX_DESCRIPTION:
        rest = "\n\n(The whole card is the artifact `model_card.md` of the run.)\n"
        text = card[: MAX_DESCRIPTION - len(rest)] + rest
    with connect(config, home) as client:
        client.update_model_version(config.name, str(version.version), description=text)
        if version.adapter is not None:
            client.log_text(version.adapter.mlflow_run_id, card, "model_card.md")


def download_files(config: Config, home: Home, version: int, target: Path, subfolder: str = "") -> Path:
    """The folder below `target` into which the version's files were copied, or those of one subfolder."""
    with connect(config, home) as client:
        _entity(client, config, version)
        # `models:/` URIs resolve through MLflow's global registry, whatever is passed; the location does not.
        location = client.get_model_version_download_uri(config.name, str(version))
        from mlflow.artifacts import download_artifacts

        uri = f"{location.rstrip('/')}/{subfolder}".rstrip("/")
        return Path(download_artifacts(uri, dst_path=str(target), tracking_uri=tracking_uri(config, home)))


def _register_base(client: "MlflowClient", config: Config, home: Home, base: BaseModelRef) -> ModelVersion:
    found = _search(client, config)
    if not found:
        version = _create_version(client, config, home, base, None, None, {})
    elif len(found) == 1 and version_tags.RECORD in found[0].tags:
        # A process died between registering the base and naming it the champion.
        version = _read(found[0])
    else:
        raise RatchetError(
            f"The registered model {config.name!r} has {len(found)} versions but no alias `{CHAMPION_ALIAS}`: set it "
            "in MLflow on the version that consumers shall get, or give the config another name."
        )
    client.set_registered_model_alias(config.name, CHAMPION_ALIAS, str(version.version))
    return version


def _create_version(
    client: "MlflowClient",
    config: Config,
    home: Home,
    base: BaseModelRef,
    adapter: Adapter | None,
    adapter_folder: Path | None,
    tags: Mapping[str, str],
) -> ModelVersion:
    stored = store_model(client, config, home, base, adapter, adapter_folder)
    # Without a server MLflow looks `models:/<id>` up in its global store, which is not ours.
    server = has_server(client.tracking_uri)
    entity = client.create_model_version(
        config.name,
        source=f"models:/{stored.model_id}" if server else stored.artifact_location,
        model_id=stored.model_id if server else None,
        run_id=stored.source_run_id,
        tags={**tags, **version_tags.write_record(base, adapter, git_commit(config.root))},
        description=BASE_DESCRIPTION if adapter is None else CHALLENGER_DESCRIPTION,
    )
    return _read(entity)


def _ensure_registered_model(client: "MlflowClient", config: Config) -> None:
    if _aliases(client, config) is None:
        client.create_registered_model(config.name, description=f"Answers questions about the domain {config.name}.")


def _aliases(client: "MlflowClient", config: Config) -> dict[str, int] | None:
    """The registered model's aliases and the versions they name; None when there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = client.get_registered_model(config.name).aliases
    except MlflowException as error:
        if error.error_code != NOT_FOUND:
            raise
        return None
    return {alias: int(version) for alias, version in aliases.items()}


def _alias(client: "MlflowClient", config: Config, alias: str) -> ModelVersion | None:
    version = (_aliases(client, config) or {}).get(alias)
    return None if version is None else _read(_entity(client, config, version))


def _require_champion(client: "MlflowClient", config: Config) -> int:
    version = (_aliases(client, config) or {}).get(CHAMPION_ALIAS)
    if version is None:
        raise RatchetError(f"{config.name!r} has no champion yet: run `ratchet round`, which begins with one.")
    return version


def _search(client: "MlflowClient", config: Config) -> "list[Entity]":
    """All versions under the config's name, with their tags but without their aliases."""
    found: list[Entity] = []
    token: str | None = ""
    while token is not None:
        page = client.search_model_versions(f"name = '{config.name}'", page_token=token or None)
        found.extend(page)
        token = page.token or None
    return found


def _entity(client: "MlflowClient", config: Config, version: int) -> "Entity":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(config.name, str(version))
    except MlflowException as error:
        if error.error_code != NOT_FOUND:
            raise
        raise RatchetError(
            f"{config.name!r} has no version {version}: `ratchet history` lists those there are."
        ) from error


def _set_line(client: "MlflowClient", config: Config, version: int, line: list[int]) -> None:
    for name, value in version_tags.write_line(line).items():
        client.set_model_version_tag(config.name, str(version), name, value)


def _read(entity: "Entity") -> ModelVersion:
    return version_tags.read_record(entity.name, int(entity.version), entity.tags)


def _entry(entity: "Entity") -> RegistryEntry:
    line = version_tags.read_line(entity.tags)
    return RegistryEntry(
        version=_read(entity),
        aliases=tuple(sorted(entity.aliases)),
        registered_at=datetime.fromtimestamp(entity.creation_timestamp / 1000, UTC),
        previous_champion=line[0] if line else None,
        champion_line=tuple(line),
        rolled_back=entity.tags.get(version_tags.ROLLED_BACK),
        description=entity.description or "",
    )
