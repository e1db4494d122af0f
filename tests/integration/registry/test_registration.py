"""Versions are registered once, whole or not at all, and read back as they were written."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import ConfigError, IntegrityError, RatchetError
from tasks.home import Home
from tasks.records import BaseModelRef, ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect, find_experiment
from tasks.registry.fetching import download_adapter


def stored_models(config: Config, home: Home) -> list[Any]:
    with connect(config, home) as client:
        return list(client.search_logged_models([find_experiment(client, config, home)]))


def test_the_first_champion_is_the_base_model_itself(config: Config, home: Home, base: BaseModelRef):
    champion = registry.ensure_champion(config, home, base)
    assert champion == ModelVersion(name="demo", version=1, base=base, adapter=None)
    assert registry.read_alias(config, home, "champion") == champion


def test_the_champion_of_an_earlier_day_is_kept(config: Config, home: Home, base: BaseModelRef, train: Any):
    first = registry.ensure_champion(config, home, base)
    trained = train(1)
    second = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    assert registry.ensure_champion(config, home, base) == first
    registry.promote(config, home, second)
    assert registry.ensure_champion(config, home, base) == second
    assert len(stored_models(config, home)) == 2


def test_a_base_that_moved_is_where_this_machine_has_it(config: Config, home: Home, base: BaseModelRef):
    first = registry.ensure_champion(config, home, base)
    moved = base.model_copy(update={"id": "elsewhere", "path": "/elsewhere"})
    assert registry.ensure_champion(config, home, moved) == first.model_copy(update={"base": moved})
    assert registry.read_version(config, home, 1) == first


def test_another_base_in_the_config_is_an_error(config: Config, home: Home, base: BaseModelRef):
    registry.ensure_champion(config, home, base)
    other = BaseModelRef(id="org/other", path=base.path, sha256="f" * 64)
    with pytest.raises(ConfigError) as caught:
        registry.ensure_champion(config, home, other)
    assert caught.value.problems == (
        f"model.base: 'org/other' (sha256 {'f' * 12}) is not what the champion of 'demo' was trained on, "
        f"{base.id!r} ({base.sha256[:12]}): set it back, or give the config another name to begin anew.",
    )


@pytest.mark.parametrize(
    "method",
    ["create_logged_model", "log_model_artifacts", "create_model_version", "set_registered_model_alias"],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_while_the_base_is_registered_leaves_one_champion_after_the_rerun(
    config: Config, home: Home, base: BaseModelRef, kill_at: Any, method: str, after: bool
):
    kill_at(method, after=after)
    with pytest.raises(KeyboardInterrupt):
        registry.ensure_champion(config, home, base)
    assert registry.ensure_champion(config, home, base).version == 1
    assert [entry.aliases for entry in registry.list_versions(config, home)] == [("champion",)]
    assert [model.status for model in stored_models(config, home)] == ["READY"]


def test_versions_without_a_champion_are_an_error(config: Config, home: Home, base: BaseModelRef, train: Any):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    with connect(config, home) as client:
        client.delete_registered_model_alias("demo", "champion")
    with pytest.raises(RatchetError) as caught:
        registry.ensure_champion(config, home, base)
    assert caught.value.problems == (
        "The registered model 'demo' has 2 versions but no alias `champion`: set it in MLflow on the version that "
        "consumers shall get, or give the config another name.",
    )


def test_a_registered_adapter_is_read_back_whole(config: Config, home: Home, base: BaseModelRef, train: Any):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    version = registry.register_adapter(
        config, home, trained.adapter, trained.folder, tags={"team": "docs", "ratchet.round": "99"}
    )
    assert version == ModelVersion(name="demo", version=2, base=base, adapter=trained.adapter)
    assert registry.read_version(config, home, 2) == version
    with connect(config, home) as client:
        entity = client.get_model_version("demo", "2")
    assert entity.run_id == trained.adapter.mlflow_run_id
    assert entity.tags["team"] == "docs"
    assert entity.tags["ratchet.round"] == "1"
    assert entity.tags["ratchet.adapter_sha256"] == trained.adapter.sha256


def test_the_run_that_trained_an_adapter_names_the_stored_model(
    config: Config, home: Home, base: BaseModelRef, train: Any
):
    trained = train(1)
    registry.ensure_champion(config, home, base)
    registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    with connect(config, home) as client:
        run = client.get_run(trained.adapter.mlflow_run_id)
    [output] = run.outputs.model_outputs
    [stored] = [model for model in stored_models(config, home) if model.source_run_id]
    assert output.model_id == stored.model_id


def test_the_same_adapter_of_the_same_round_is_registered_once(
    config: Config, home: Home, base: BaseModelRef, train: Any
):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    first = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    assert registry.register_adapter(config, home, trained.adapter, trained.folder, tags={}) == first
    later = trained.adapter.model_copy(update={"round": 2})
    assert registry.register_adapter(config, home, later, trained.folder, tags={}).version == 3


@pytest.mark.parametrize(
    "method",
    ["create_logged_model", "log_model_artifacts", "log_outputs", "finalize_logged_model", "create_model_version"],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_while_an_adapter_is_registered_leaves_one_whole_version_after_the_rerun(
    config: Config,
    home: Home,
    base: BaseModelRef,
    train: Any,
    kill_at: Any,
    method: str,
    after: bool,
):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    kill_at(method, after=after)
    with pytest.raises(KeyboardInterrupt):
        registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    seen = registry.list_versions(config, home)
    assert [entry.version.version for entry in seen] == ([1, 2] if (method, after) == LAST_STEP else [1])
    version = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    assert [entry.version for entry in registry.list_versions(config, home)][1:] == [version]
    assert [model.status for model in stored_models(config, home)] == ["READY", "READY"]
    assert download_adapter(config, home, version) is not None


LAST_STEP = ("create_model_version", True)

KILLED_SCRIPT = """
import os, pickle, signal, sys
from mlflow import MlflowClient
from tasks.registry import mlflow_registry as registry

config, home, base, adapter, folder = pickle.loads(sys.stdin.buffer.read())
registry.ensure_champion(config, home, base)
MlflowClient.create_model_version = lambda *a, **o: os.kill(os.getpid(), signal.SIGKILL)
registry.register_adapter(config, home, adapter, folder, tags={})
"""


def test_a_process_that_is_really_killed_between_storing_and_registering_leaves_no_trace_in_the_registry(
    config: Config, home: Home, base: BaseModelRef, train: Any
):
    trained = train(1)
    registry.ensure_champion(config, home, base)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_SCRIPT],
        input=pickle.dumps((config, home, base, trained.adapter, trained.folder)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [entry.version.version for entry in registry.list_versions(config, home)] == [1]
    version = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    assert [entry.version for entry in registry.list_versions(config, home)][1:] == [version]
    assert [model.status for model in stored_models(config, home)] == ["READY", "READY"]


def test_a_folder_with_other_weights_is_not_registered(config: Config, home: Home, base: BaseModelRef, train: Any):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    with pytest.raises(IntegrityError, match="is not the adapter of round 1"):
        registry.register_adapter(config, home, trained.adapter, train(2).folder, tags={})
    assert len(registry.list_versions(config, home)) == 1


def test_an_adapter_whose_run_is_unknown_is_not_registered(config: Config, home: Home, base: BaseModelRef, train: Any):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    lost = trained.adapter.model_copy(update={"mlflow_run_id": "0" * 32})
    with pytest.raises(RatchetError, match=r"Run with id=0+ not found"):
        registry.register_adapter(config, home, lost, trained.folder, tags={})
    assert len(registry.list_versions(config, home)) == 1


def test_a_version_that_is_not_there_is_an_error(config: Config, home: Home, base: BaseModelRef):
    registry.ensure_champion(config, home, base)
    with pytest.raises(RatchetError) as caught:
        registry.read_version(config, home, 7)
    assert caught.value.problems == ("'demo' has no version 7: `ratchet history` lists those there are.",)


def test_before_the_first_round_there_is_no_champion_and_no_history(config: Config, home: Home):
    assert registry.read_alias(config, home, "champion") is None
    assert registry.list_versions(config, home) == []


def test_what_others_register_under_the_name_is_left_out_and_cannot_be_read(
    config: Config, home: Home, base: BaseModelRef
):
    registry.ensure_champion(config, home, base)
    with connect(config, home) as client:
        client.create_model_version("demo", source=str(home.root / "elsewhere"))
    assert [entry.version.version for entry in registry.list_versions(config, home)] == [1]
    with pytest.raises(RatchetError, match=r"Version 2 of 'demo' was not registered by Ratchet"):
        registry.read_version(config, home, 2)


def test_the_card_becomes_the_description_and_an_artifact(config: Config, home: Home, base: BaseModelRef, train: Any):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    version = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    card = "# A card\n" + "x" * 6000
    registry.describe_version(config, home, version, card)
    description = registry.list_versions(config, home)[1].description
    assert len(description) == 5000
    assert description.startswith("# A card\n")
    assert description.endswith("(The whole card is the artifact `model_card.md` of the run.)\n")
    with connect(config, home) as client:
        artifacts = Path(client.get_run(trained.adapter.mlflow_run_id).info.artifact_uri)
    assert (artifacts / "model_card.md").read_text() == card


def test_the_adapter_comes_back_byte_for_byte(config: Config, home: Home, base: BaseModelRef, train: Any):
    first = registry.ensure_champion(config, home, base)
    trained = train(1)
    version = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    folder = download_adapter(config, home, version)
    assert folder == home.adapters / trained.adapter.sha256
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (folder / name).read_bytes() == (trained.folder / name).read_bytes()
    assert [path.name for path in home.adapters.iterdir()] == [trained.adapter.sha256]
    assert download_adapter(config, home, version) == folder
    assert download_adapter(config, home, first) is None


def test_an_altered_adapter_in_the_registry_is_not_handed_out(
    config: Config, home: Home, base: BaseModelRef, train: Any
):
    registry.ensure_champion(config, home, base)
    trained = train(1)
    version = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    [weights] = [p for p in home.mlflow_artifacts.rglob("adapter_model.safetensors") if _size(p) == _size(trained)]
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x01\x02\x03")
    with pytest.raises(IntegrityError, match="is not the adapter of round 1"):
        download_adapter(config, home, version)
    assert list(home.adapters.iterdir()) == []


def _size(thing: Any) -> int:
    path = thing if isinstance(thing, Path) else thing.folder / "adapter_model.safetensors"
    return int(path.stat().st_size)
