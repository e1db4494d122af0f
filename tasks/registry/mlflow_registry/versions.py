"""Versions of the registered model: registering, reading and describing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import ConfigError, RatchetError
from tasks.home import Home
from tasks.records import Adapter, BaseModelRef, ModelVersion
from tasks.registry import version_tags
from tasks.registry.connection import connect, has_server, tracking_uri
from tasks.registry.environment import git_commit
from tasks.registry.logging_models import check_adapter_folder, store_model
from tasks.registry.mlflow_registry.aliases import CHAMPION_ALIAS, find_alias, follow_champion
from tasks.registry.mlflow_registry.entities import (
    RegistryEntry,
    describe_entity,
    find_aliases,
    find_version,
    read_entity,
    search_versions,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

BASE_DESCRIPTION = "The base model as it is: the first champion."
CHALLENGER_DESCRIPTION = "A challenger; its model card follows when the gate has decided."
MAX_DESCRIPTION = 5000  # characters; the width of MLflow's column


def ensure_champion(config: Config, home: Home, base: BaseModelRef) -> ModelVersion:
    """The champion, on the base where this machine has it; the first champion is the base itself, as version 1.

    Raises:
        ConfigError: when the config names another base than the champion's.
        RatchetError: when there are versions but none is the champion, or MLflow cannot be reached.
    """
    with connect(config, home) as client:
        _ensure_registered_model(client, config)
        champion = find_alias(client, config, CHAMPION_ALIAS)
        if champion is None:
            champion = _register_base(client, config, home, base)
        follow_champion(client, config)
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
        for entity in search_versions(client, config):
            if version_tags.holds(entity.tags, adapter):
                return read_entity(entity)
        return _create_version(client, config, home, adapter.base, adapter, adapter_folder, tags)


def read_version(config: Config, home: Home, version: int) -> ModelVersion:
    """The version of this number.

    Raises:
        RatchetError: when there is none, or somebody else registered it.
    """
    with connect(config, home) as client:
        return read_entity(find_version(client, config, version))


def read_entry(config: Config, home: Home, version: int) -> RegistryEntry:
    """The version of this number, with what the registry knows about it.

    Raises:
        RatchetError: when there is none, or somebody else registered it.
    """
    with connect(config, home) as client:
        return describe_entity(find_version(client, config, version))


def note_approval(config: Config, home: Home, version: ModelVersion, event: str) -> None:
    """Writes on the version what a person said of it."""
    with connect(config, home) as client:
        client.set_model_version_tag(config.name, str(version.version), version_tags.APPROVAL, event)


def list_versions(config: Config, home: Home) -> list[RegistryEntry]:
    """All versions that Ratchet registered, oldest first; what others put under the name is left out."""
    with connect(config, home) as client:
        # A search does not tell a version's aliases; reading it does.
        entities = [find_version(client, config, int(found.version)) for found in search_versions(client, config)]
    return sorted(
        (describe_entity(entity) for entity in entities if version_tags.RECORD in entity.tags),
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
        find_version(client, config, version)
        # `models:/` URIs resolve through MLflow's global registry, whatever is passed; the location does not.
        location = client.get_model_version_download_uri(config.name, str(version))
        from mlflow.artifacts import download_artifacts

        uri = f"{location.rstrip('/')}/{subfolder}".rstrip("/")
        return Path(download_artifacts(uri, dst_path=str(target), tracking_uri=tracking_uri(config, home)))


def _register_base(client: "MlflowClient", config: Config, home: Home, base: BaseModelRef) -> ModelVersion:
    found = search_versions(client, config)
    if not found:
        version = _create_version(client, config, home, base, None, None, {})
    elif len(found) == 1 and version_tags.RECORD in found[0].tags:
        # A process died between registering the base and naming it the champion.
        version = read_entity(found[0])
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
    return read_entity(entity)


def _ensure_registered_model(client: "MlflowClient", config: Config) -> None:
    if find_aliases(client, config) is None:
        client.create_registered_model(config.name, description=f"Answers questions about the domain {config.name}.")
