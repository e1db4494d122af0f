"""The model registry: versions, their aliases, promotion and rollback.

The only importer of MLflow's registry. Two habits make it safe to kill at any moment: a version appears with
all its tags in one transaction, after its files are stored; and the champion alias moves in one call, after
the version it came from was written down. What else follows from it, the next change of the registry makes good.
"""

from tasks.registry.mlflow_registry.aliases import (
    CHALLENGER_ALIAS,
    CHAMPION_ALIAS,
    PREVIOUS_ALIAS,
    promote,
    read_alias,
    rollback,
    set_challenger,
    unset_challenger,
)
from tasks.registry.mlflow_registry.entities import RegistryEntry
from tasks.registry.mlflow_registry.versions import (
    MAX_DESCRIPTION,
    describe_version,
    download_files,
    ensure_champion,
    list_versions,
    note_approval,
    read_entry,
    read_version,
    register_adapter,
)

__all__ = [
    "CHALLENGER_ALIAS",
    "CHAMPION_ALIAS",
    "MAX_DESCRIPTION",
    "PREVIOUS_ALIAS",
    "RegistryEntry",
    "describe_version",
    "download_files",
    "ensure_champion",
    "list_versions",
    "note_approval",
    "promote",
    "read_alias",
    "read_entry",
    "read_version",
    "register_adapter",
    "rollback",
    "set_challenger",
    "unset_challenger",
]
