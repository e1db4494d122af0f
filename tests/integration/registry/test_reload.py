"""What the registry gives back is what was evaluated; when it is not, that is found out before a promotion."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import ModelError
from tasks.gate.identity import same_model
from tasks.home import Home
from tasks.records import BaseModelRef, ModelVersion
from tasks.registry import logging_models
from tasks.registry import mlflow_registry as registry
from tasks.registry.comparing import reload_and_compare

Train = Callable[[int], Any]
Logits = Callable[[Path | None], Any]


@pytest.fixture
def evaluated_logits(base: BaseModelRef, token_ids: Any) -> Logits:
    """Logits of base and adapter as PEFT computes them, with no MLflow in between."""
    from tasks.models.hardware import Hardware
    from tasks.models.loading import load_model
    from tasks.registry.comparing import logits_of

    return lambda folder: logits_of(load_model(base, folder, Hardware("cpu", "float32", 1)), token_ids)


@pytest.fixture
def registered(config: Config, home: Home, base: BaseModelRef, train: Train) -> tuple[ModelVersion, Any]:
    registry.ensure_champion(config, home, base)
    trained = train(1)
    return registry.register_adapter(config, home, trained.adapter, trained.folder, tags={}), trained


def stored_weights(home: Home, trained: Any) -> Path:
    """The adapter's weights in MLflow's artifact store."""
    size = (trained.folder / "adapter_model.safetensors").stat().st_size
    [path] = [p for p in home.mlflow_artifacts.rglob("adapter_model.safetensors") if p.stat().st_size == size]
    return path


def test_a_reloaded_version_has_the_logits_that_were_evaluated(
    config: Config, home: Home, registered: Any, evaluated_logits: Logits, token_ids: Any
):
    version, trained = registered
    difference = reload_and_compare(config, home, version, evaluated_logits(trained.folder), token_ids)
    assert difference < 1e-6
    assert same_model(difference).passed


def test_the_base_model_stored_with_an_adapter_that_changes_nothing_has_exactly_its_logits(
    config: Config, home: Home, base: BaseModelRef, evaluated_logits: Logits, token_ids: Any
):
    first = registry.ensure_champion(config, home, base)
    assert reload_and_compare(config, home, first, evaluated_logits(None), token_ids) == 0.0


def test_storing_the_base_leaves_the_callers_random_numbers_alone(config: Config, home: Home, base: BaseModelRef):
    import torch

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    registry.ensure_champion(config, home, base)
    assert torch.equal(torch.rand(3), expected)


def test_one_version_is_not_another(
    config: Config, home: Home, registered: Any, evaluated_logits: Logits, token_ids: Any
):
    version, _ = registered
    difference = reload_and_compare(config, home, version, evaluated_logits(None), token_ids)
    assert not same_model(difference).passed


def test_altered_weights_in_the_registry_are_found_out(
    config: Config, home: Home, registered: Any, evaluated_logits: Logits, token_ids: Any
):
    import torch
    from safetensors.torch import load_file, save_file

    version, trained = registered
    stored = stored_weights(home, trained)
    tensors = load_file(stored)
    name = sorted(tensors)[0]
    tensors[name] = tensors[name] + torch.randn_like(tensors[name])
    save_file(tensors, stored)
    difference = reload_and_compare(config, home, version, evaluated_logits(trained.folder), token_ids)
    assert not same_model(difference).passed


@pytest.mark.parametrize("damage", ["truncated", "emptied", "missing"])
def test_damaged_weights_in_the_registry_do_not_load(
    config: Config, home: Home, registered: Any, evaluated_logits: Logits, token_ids: Any, damage: str
):
    version, trained = registered
    stored = stored_weights(home, trained)
    if damage == "missing":
        stored.unlink()
    else:
        stored.write_bytes(stored.read_bytes()[:1000] if damage == "truncated" else b"")
    with pytest.raises(ModelError, match=r"Version 2 of demo does not load from the registry \("):
        reload_and_compare(config, home, version, evaluated_logits(trained.folder), token_ids)


def test_a_base_that_moved_away_is_named_in_the_error(
    config: Config, home: Home, base: BaseModelRef, registered: Any, evaluated_logits: Logits, token_ids: Any
):
    version, trained = registered
    expected = evaluated_logits(trained.folder)
    shutil.rmtree(base.path)
    with pytest.raises(ModelError, match=f"check that its base is still at {base.path}"):
        reload_and_compare(config, home, version, expected, token_ids)


def test_a_model_stored_without_a_reference_to_its_base_is_found_out(
    config: Config,
    home: Home,
    base: BaseModelRef,
    train: Train,
    evaluated_logits: Logits,
    token_ids: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    """MLflow's own trap: it then stores LoRA's layers under names that no base has, and loads random weights."""
    import mlflow.transformers

    registry.ensure_champion(config, home, base)
    save = mlflow.transformers.save_model

    def save_without_base(*arguments: Any, base_model_path: str, **options: Any) -> None:
        save(*arguments, **options)

    monkeypatch.setattr(mlflow.transformers, "save_model", save_without_base)
    trained = train(1)
    version = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    difference = reload_and_compare(config, home, version, evaluated_logits(trained.folder), token_ids)
    assert difference > 0.1
    assert not same_model(difference).passed


def test_nothing_is_left_in_the_home_after_storing_and_loading(
    config: Config, home: Home, registered: Any, evaluated_logits: Logits, token_ids: Any
):
    version, trained = registered
    reload_and_compare(config, home, version, evaluated_logits(trained.folder), token_ids)
    assert {path.name for path in home.root.iterdir()} == {"mlflow.db", "mlartifacts", "models"}


def test_the_weights_of_the_base_are_not_copied_into_the_registry(home: Home, base: BaseModelRef, registered: Any):
    weights = (Path(base.path) / "model.safetensors").stat().st_size
    stored = [path for path in home.mlflow_artifacts.rglob("*.safetensors") if path.stat().st_size >= weights]
    assert stored == []


def test_a_stored_model_is_half_precision_when_that_was_evaluated(
    config: Config, home: Home, base: BaseModelRef, train: Train, token_ids: Any
):
    import torch

    from tasks.models.hardware import Hardware
    from tasks.models.loading import load_model
    from tasks.registry.comparing import logits_of
    from tasks.registry.fetching import load_version

    model = config.model.model_copy(update={"dtype": "bfloat16"})
    half = config.model_copy(update={"model": model})
    registry.ensure_champion(half, home, base)
    trained = train(1)
    version = registry.register_adapter(half, home, trained.adapter, trained.folder, tags={})
    evaluated = load_model(base, trained.folder, Hardware("cpu", "bfloat16", 1))
    assert next(load_version(half, home, version).base_model.model.parameters()).dtype == torch.bfloat16
    assert reload_and_compare(half, home, version, logits_of(evaluated, token_ids), token_ids) == 0.0


def test_storing_does_not_ask_mlflow_to_infer_requirements_in_a_subprocess(
    config: Config, home: Home, base: BaseModelRef, monkeypatch: pytest.MonkeyPatch
):
    import mlflow.transformers

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("requirements were inferred")

    monkeypatch.setattr(mlflow.transformers, "infer_pip_requirements", refuse)
    registry.ensure_champion(config, home, base)
    [listed] = home.mlflow_artifacts.rglob("requirements.txt")
    assert listed.read_text().splitlines() == logging_models.requirements()
