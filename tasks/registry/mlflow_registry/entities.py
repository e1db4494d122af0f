"""Reading MLflow's registered model: its versions and aliases, with a client that is connected."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.records import ModelVersion, Record
from tasks.registry import version_tags
from tasks.registry.connection import NOT_FOUND

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Entity


class RegistryEntry(Record):
    """A registered version with what the registry knows about it."""

    version: ModelVersion
    aliases: tuple[str, ...] = Field(description="champion, challenger, previous, and whatever users added; sorted")
    registered_at: datetime = Field(description="UTC")
    previous_champion: Annotated[int, Field(ge=1)] | None = Field(description="the champion it took over from, if any")
    champion_line: tuple[int, ...] = Field(default=(), description="that one and those before it, nearest first")
    rolled_back: str | None = Field(description="when it was last rolled back, to which version, by whom and why")
    approval: str | None = Field(default=None, description="when a person approved or rejected it, who and why")
    description: str = Field(description="the model card, Markdown")

    @property
    def rejected(self) -> bool:
        """Whether a person has rejected it."""
        return self.approval is not None and version_tags.is_rejection(self.approval)


def find_aliases(client: "MlflowClient", config: Config) -> dict[str, int] | None:
    """The registered model's aliases and the versions they name; None when there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = client.get_registered_model(config.name).aliases
    except MlflowException as error:
        if error.error_code != NOT_FOUND:
            raise
        return None
    return {alias: int(version) for alias, version in aliases.items()}


def search_versions(client: "MlflowClient", config: Config) -> "list[Entity]":
    """All versions under the config's name, with their tags but without their aliases."""
    found: list[Entity] = []
    token: str | None = ""
    while token is not None:
        page = client.search_model_versions(f"name = '{config.name}'", page_token=token or None)
        found.extend(page)
        token = page.token or None
    return found


def find_version(client: "MlflowClient", config: Config, version: int) -> "Entity":
    """The version of this number, with its tags and aliases.

    Raises:
        RatchetError: when there is none.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(config.name, str(version))
    except MlflowException as error:
        if error.error_code != NOT_FOUND:
            raise
        raise RatchetError(
            f"{config.name!r} has no version {version}: `ratchet history` lists those there are."
        ) from error


def read_entity(entity: "Entity") -> ModelVersion:
    """The version that was registered.

    Raises:
        RatchetError: when somebody else than Ratchet registered it.
    """
    return version_tags.read_record(entity.name, int(entity.version), entity.tags)


def describe_entity(entity: "Entity") -> RegistryEntry:
    """The version with what the registry knows about it."""
    line = version_tags.read_line(entity.tags)
    return RegistryEntry(
        version=read_entity(entity),
        aliases=tuple(sorted(entity.aliases)),
        registered_at=datetime.fromtimestamp(entity.creation_timestamp / 1000, UTC),
        previous_champion=line[0] if line else None,
        champion_line=tuple(line),
        rolled_back=entity.tags.get(version_tags.ROLLED_BACK),
        approval=entity.tags.get(version_tags.APPROVAL),
        description=entity.description or "",
    )
