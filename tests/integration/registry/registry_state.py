"""What MLflow's registry holds, and an end to the work between any two writes to it."""

from collections.abc import Callable
from typing import Any

import pytest

from tasks.config import Config
from tasks.home import Home
from tasks.records import ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect

Register = Callable[[int], ModelVersion]


def aliases(config: Config, home: Home) -> dict[str, int]:
    with connect(config, home) as client:
        return {alias: int(version) for alias, version in client.get_registered_model("demo").aliases.items()}


def champion(config: Config, home: Home) -> int:
    version = registry.read_alias(config, home, "champion")
    assert version is not None
    return version.version


def tags_of(config: Config, home: Home, version: int) -> dict[str, str]:
    with connect(config, home) as client:
        return client.get_model_version(config.name, str(version)).tags


class Killer:
    """Ends the work, like a kill, in place of one of the writes to the registry."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlflow import MlflowClient

        self.left: int | None = None
        for method in ("set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias"):
            monkeypatch.setattr(MlflowClient, method, self.count(getattr(MlflowClient, method)))

    def count(self, original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.left == 0:
                self.left = None
                raise KeyboardInterrupt
            if self.left is not None:
                self.left -= 1
            return original(*arguments, **options)

        return call
