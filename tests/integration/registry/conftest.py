"""A home with an MLflow database, the tiny model as its base, and adapters that look trained."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_models import adapter
from integration.registry.decided_world import Deciding
from integration.registry.lineage_world import World, build_world
from integration.registry.registry_state import Register
from tiny_model import write_random_adapter

from tasks.config import Config
from tasks.files import sha256_of_directory
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.records import Adapter, BaseModelRef, ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.registry import tracking
from tasks.registry.logging_models import ADAPTER_FILES
from tasks.settings.models import GenerationSettings, ModelSettings


@dataclass(frozen=True)
class Trained:
    """An adapter as the train stage leaves it."""

    adapter: Adapter
    folder: Path


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> Config:
    return Config(
        name="demo",
        questions="questions.jsonl",
        model=ModelSettings(base=str(tiny_model), device="cpu", dtype="float32"),
        generation=GenerationSettings(max_new_tokens=4),
        root=tmp_path,
    )


@pytest.fixture
def base(config: Config, home: Home) -> BaseModelRef:
    return resolve_base(config.model, home)


@pytest.fixture
def token_ids() -> tuple[tuple[int, ...], ...]:
    """Two sequences of unequal length, on which models are compared."""
    return ((5, 6, 7, 8, 9, 10), (40, 41))


@pytest.fixture
def train(config: Config, home: Home, base: BaseModelRef, tmp_path: Path) -> Callable[[int], Trained]:
    """Makes the adapter of a round: LoRA weights that are random and not zero, and the run they came from."""

    def make(number: int) -> Trained:
        folder = tmp_path / f"adapter-{number}"
        write_random_adapter(Path(base.path), folder, number)
        run_id = tracking.open_run(config, home, key=f"train:{number}", name=f"round {number}", tags={})
        trained = adapter(
            sha256=sha256_of_directory(folder, ADAPTER_FILES), base=base, round=number, mlflow_run_id=run_id
        )
        return Trained(trained, folder)

    return make


@pytest.fixture
def register(config: Config, home: Home, base: BaseModelRef, train: Any) -> Register:
    """Registers the adapter of a round, on top of the base as version 1."""
    registry.ensure_champion(config, home, base)

    def make(number: int) -> ModelVersion:
        trained = train(number)
        return registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})

    return make


@pytest.fixture
def consumer() -> Iterator[Callable[[str], None]]:
    """Points MLflow's fluent API to a URI, as a consumer does, and back afterwards."""
    import mlflow

    def point_to(uri: str) -> None:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)

    yield point_to
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the first call of a client's method end the work, before or after it had its effect.

    The end is a KeyboardInterrupt: as with a kill, no code of ours may catch it and tidy up.
    """
    from mlflow import MlflowClient

    def arm(method: str, *, after: bool = False) -> None:
        original = getattr(MlflowClient, method)
        calls: list[str] = []

        def end(client: Any, *arguments: Any, **options: Any) -> Any:
            calls.append(method)
            if len(calls) > 1:
                return original(client, *arguments, **options)
            if after:
                original(client, *arguments, **options)
            raise KeyboardInterrupt

        monkeypatch.setattr(MlflowClient, method, end)

    return arm


@pytest.fixture
def deciding(config: Config, home: Home, base: BaseModelRef, train: Callable[[int], Any]) -> Deciding:
    """Rounds that are decided on their own answers, in a real registry."""
    return Deciding(config, home, base, train)


@pytest.fixture
def world(config: Config, home: Home, base: BaseModelRef, train: Callable[[int], Any]) -> World:
    """Three rounds, their snapshots, and the versions they were registered as."""
    return build_world(config, home, base, train)
