"""Runs are found again after a kill, curves have each point once, and the run tells what it ran on."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.records import FileRef, Snapshot
from tasks.registry import tracking
from tasks.registry.connection import connect

SNAPSHOT = Snapshot(
    sha256="c" * 64,
    demonstrations=FileRef(sha256="1" * 64, rows=240),
    preference_pairs=FileRef(sha256="2" * 64, rows=60),
    rated_answers=FileRef(sha256="e" * 64, rows=0),
    parents=("3" * 64,),
    dropped={"tie": 4},
)


@pytest.fixture
def open_run(config: Config, home: Home) -> Callable[..., str]:
    def open_one(key: str = "train:1", **options: Any) -> str:
        return tracking.open_run(config, home, key=key, name="round 1", tags={"ratchet.round": "1"}, **options)

    return open_one


def read_run(config: Config, home: Home, run_id: str) -> Any:
    with connect(config, home) as client:
        return client.get_run(run_id)


def read_history(config: Config, home: Home, run_id: str, metric: str) -> list[tuple[int, float]]:
    with connect(config, home) as client:
        return [(point.step, point.value) for point in client.get_metric_history(run_id, metric)]


def read_artifact(config: Config, home: Home, run_id: str, name: str) -> str:
    return (Path(read_run(config, home, run_id).info.artifact_uri) / name).read_text(encoding="utf-8")


def test_a_run_carries_its_key_name_tags_and_parent(config: Config, home: Home, open_run: Callable[..., str]):
    parent = open_run("round:1")
    run = read_run(config, home, open_run(parent_run_id=parent))
    assert run.info.run_name == "round 1"
    assert run.info.status == "RUNNING"
    assert run.data.tags["ratchet.key"] == "train:1"
    assert run.data.tags["ratchet.round"] == "1"
    assert run.data.tags["mlflow.parentRunId"] == parent


def test_an_interrupted_run_is_taken_up_again(open_run: Callable[..., str]):
    assert open_run() == open_run()


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_that_ended_is_taken_up_again_and_runs(
    config: Config, home: Home, open_run: Callable[..., str], status: Any
):
    first = open_run()
    tracking.close_run(config, home, first, status)
    assert read_run(config, home, first).info.status == status
    assert open_run() == first
    assert read_run(config, home, first).info.status == "RUNNING"


def test_runs_of_other_keys_and_domains_are_not_taken(config: Config, home: Home, open_run: Callable[..., str]):
    other = config.model_copy(update={"name": "other"})
    ids = {
        open_run("train:1"),
        open_run("train:2"),
        tracking.open_run(other, home, key="train:1", name="round 1", tags={}),
    }
    assert len(ids) == 3


def test_a_key_with_a_quote_is_refused(open_run: Callable[..., str]):
    with pytest.raises(ValueError, match="must not contain a quote"):
        open_run("it's")


def test_a_deleted_experiment_is_an_error_with_the_way_back(config: Config, home: Home, open_run: Callable[..., str]):
    open_run()
    with connect(config, home) as client:
        experiment = client.get_experiment_by_name("demo")
        assert experiment is not None
        client.delete_experiment(experiment.experiment_id)
    with pytest.raises(RatchetError) as caught:
        open_run()
    assert caught.value.problems == (
        "The MLflow experiment 'demo' was deleted: restore it with `mlflow experiments restore --experiment-id "
        f"{experiment.experiment_id}`, or give the config another name.",
    )


def test_all_parameters_of_a_config_are_logged_by_section(config: Config, home: Home, open_run: Callable[..., str]):
    run_id = open_run()
    secret = config.model_copy(update={"mlflow_tracking_uri": "http://user:secret@host", "system_prompt": "x" * 9000})
    for _ in range(2):
        tracking.log_parameters(config, home, run_id, secret.model_dump(mode="json"))
    parameters = read_run(config, home, run_id).data.params
    assert parameters["train.sft.learning_rate"] == "0.0005"
    assert parameters["model.revision"] == "null"
    assert parameters["mlflow_tracking_uri"] == "http://***@host"
    assert parameters["system_prompt"] == "x" * 6000


def test_more_parameters_than_one_call_takes_are_all_logged(config: Config, home: Home, open_run: Callable[..., str]):
    run_id = open_run()
    tracking.log_parameters(config, home, run_id, {f"p{number}": number for number in range(250)})
    assert len(read_run(config, home, run_id).data.params) == 250


def test_a_parameter_that_changed_between_attempts_is_an_error(
    config: Config, home: Home, open_run: Callable[..., str]
):
    run_id = open_run()
    tracking.log_parameters(config, home, run_id, {"seed": 1})
    with pytest.raises(RatchetError) as caught:
        tracking.log_parameters(config, home, run_id, {"seed": 2, "r": 16})
    assert caught.value.problems == (
        f"Parameter seed of MLflow run {run_id} is '1' and cannot become '2': restore the setting the run began "
        "with, or delete the run to begin anew.",
    )
    assert "r" not in read_run(config, home, run_id).data.params


def test_a_resumed_curve_has_each_point_once(config: Config, home: Home, open_run: Callable[..., str]):
    run_id = open_run()
    log_point = tracking.open_curve(config, home, run_id)
    for step in (0, 1, 2, 3, 4):
        log_point(step, {"loss": 1.0 - step / 10, "rate": 0.1})
    log_point(4, {"loss": 9.0})
    resumed = tracking.open_curve(config, home, run_id)
    for step in (3, 4, 5, 6):
        resumed(step, {"loss": 1.0 - step / 10, "margin": 0.5})
    assert read_history(config, home, run_id, "loss") == [(step, 1.0 - step / 10) for step in range(7)]
    assert read_history(config, home, run_id, "rate") == [(step, 0.1) for step in range(5)]
    assert read_history(config, home, run_id, "margin") == [(step, 0.5) for step in (3, 4, 5, 6)]


def test_the_history_of_a_curve_is_asked_once(
    config: Config, home: Home, open_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    from mlflow import MlflowClient

    asked: list[str] = []
    original = MlflowClient.get_metric_history

    def count(client: Any, run_id: str, key: str) -> Any:
        asked.append(key)
        return original(client, run_id, key)

    monkeypatch.setattr(MlflowClient, "get_metric_history", count)
    log_point = tracking.open_curve(config, home, open_run())
    for step in range(5):
        log_point(step, {"loss": 0.5, "rate": 0.1})
    assert asked == ["loss", "rate"]


def test_a_loss_that_is_not_a_number_is_kept_as_such(config: Config, home: Home, open_run: Callable[..., str]):
    run_id = open_run()
    tracking.open_curve(config, home, run_id)(0, {"loss": float("nan")})
    [(step, value)] = read_history(config, home, run_id, "loss")
    assert step == 0 and math.isnan(value)


def test_the_snapshot_is_the_runs_dataset_once(config: Config, home: Home, open_run: Callable[..., str]):
    import mlflow.data

    run_id = open_run()
    for _ in range(2):
        tracking.log_snapshot(config, home, run_id, SNAPSHOT)
    [logged] = read_run(config, home, run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("demo", "c" * 36)
    assert json.loads(logged.dataset.profile) == {
        "demonstrations": 240,
        "preference_pairs": 60,
        "rated_answers": 0,
        "dropped": {"tie": 4},
    }
    assert {tag.key: tag.value for tag in logged.tags} == {
        "mlflow.data.context": "training",
        "ratchet.snapshot_sha256": "c" * 64,
        "ratchet.parents": "1",
        "ratchet.demonstrations": "240",
        "ratchet.preference_pairs": "60",
        "ratchet.rated_answers": "0",
    }
    assert mlflow.data.get_source(logged).uri == str(home.snapshots / ("c" * 64))
    assert Snapshot.model_validate_json(read_artifact(config, home, run_id, "snapshot.json")) == SNAPSHOT


def test_environment_folders_and_texts_become_artifacts(
    config: Config, home: Home, open_run: Callable[..., str], tmp_path: Path
):
    run_id = open_run()
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "report.json").write_text("{}")
    tracking.log_environment(config, home, run_id)
    tracking.log_folder(config, home, run_id, folder, "report")
    tracking.log_text(config, home, run_id, "first", "card.md")
    tracking.log_text(config, home, run_id, "second", "card.md")
    assert json.loads(read_artifact(config, home, run_id, "environment.json"))["libraries"]["torch"]
    assert read_artifact(config, home, run_id, "report/report.json") == "{}"
    assert read_artifact(config, home, run_id, "card.md") == "second"


def test_nothing_is_written_outside_the_home(
    config: Config, home: Home, open_run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    tracking.log_text(config, home, open_run(), "text", "a.txt")
    assert list(here.iterdir()) == []


def test_system_metrics_appear_even_for_short_work_and_continue_after_a_resume(
    config: Config, home: Home, open_run: Callable[..., str]
):
    run_id = open_run()
    for _ in range(2):
        with tracking.system_metrics(config, home, run_id, every_s=60.0):
            pass
    history = read_history(config, home, run_id, "system/system_memory_usage_megabytes")
    assert [step for step, _ in history] == [0, 1]
    assert all(value > 0 for _, value in history)


def test_long_work_is_sampled_more_than_once(config: Config, home: Home, open_run: Callable[..., str]):
    run_id = open_run()
    with tracking.system_metrics(config, home, run_id, every_s=0.1):
        time.sleep(1.0)
    steps = [step for step, _ in read_history(config, home, run_id, "system/cpu_utilization_percentage")]
    assert len(steps) >= 3
    assert len(set(steps)) == len(steps)


def test_work_that_fails_stops_the_sampling_and_keeps_its_error(
    config: Config, home: Home, open_run: Callable[..., str]
):
    import threading

    with pytest.raises(KeyError, match="the work's own"), tracking.system_metrics(config, home, open_run()):
        raise KeyError("the work's own")
    assert not [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]


def test_an_unreachable_server_is_one_sentence_within_seconds(config: Config, home: Home):
    nowhere = config.model_copy(update={"mlflow_tracking_uri": "http://user:secret@127.0.0.1:9"})
    started = time.monotonic()
    with pytest.raises(RatchetError) as caught:
        tracking.open_run(nowhere, home, key="k", name="n", tags={})
    assert caught.value.problems == (
        "The MLflow server http://***@127.0.0.1:9 does not answer (connection failed): start it, correct "
        "mlflow_tracking_uri, or leave that key out to track below RATCHET_HOME.",
    )
    assert time.monotonic() - started < 20


def test_a_damaged_database_is_one_sentence(config: Config, home: Home):
    home.mlflow_database.write_bytes(b"not a database" * 100)
    with pytest.raises(RatchetError) as caught:
        tracking.open_run(config, home, key="k", name="n", tags={})
    [problem] = caught.value.problems
    assert problem.startswith(f"MLflow at sqlite:///{home.mlflow_database} failed (")
    assert problem.endswith("): check the database and the disk it is on, then run the command again.")
