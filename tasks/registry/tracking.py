"""MLflow tracking: one run per training, with its parameters, curves, dataset and environment.

A run is found again by its key. A round that was killed and started anew therefore continues the run it
left, instead of leaving a dead one beside a second one, and no point of a curve is written twice.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.files import canonical_json
from tasks.home import Home
from tasks.records import Snapshot
from tasks.registry.connection import connect, find_experiment, tracking_uri, without_password
from tasks.registry.environment import describe_environment

KEY_TAG = "ratchet.key"
PARENT_TAG = "mlflow.parentRunId"
PARAMETERS_PER_CALL = 100  # MLflow's own limit
PARAMETER_LENGTH = 6000  # characters; MLflow's own limit, beyond which it cuts as well
DIGEST_LENGTH = 36  # MLflow's column for a dataset's digest is this wide; the whole hash is a tag

LogPoint = Callable[[int, Mapping[str, float]], None]


def open_run(
    config: Config,
    home: Home,
    *,
    key: str,
    name: str,
    tags: Mapping[str, str],
    parent_run_id: str | None = None,
) -> str:
    """The id of a running run tagged `ratchet.key=<key>`: the one of that key if there is one, or a new one.

    A finished run is taken up as well: a process can die after it ended its run and before it wrote that down.

    Args:
        key: the hash of everything the run's work depends on; equal keys mean equal work.

    Raises:
        RatchetError: when MLflow cannot be reached.
        ValueError: when the key has a quote in it, which MLflow's filters cannot carry.
    """
    if "'" in key:
        raise ValueError(f"A run's key must not contain a quote: {key!r}")
    with connect(config, home) as client:
        experiment = find_experiment(client, config, home)
        earlier = client.search_runs([experiment], filter_string=f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
        if earlier:
            run_id = str(earlier[0].info.run_id)
            client.update_run(run_id, status="RUNNING")
            return run_id
        parent = {} if parent_run_id is None else {PARENT_TAG: parent_run_id}
        run = client.create_run(experiment, run_name=name, tags={**tags, **parent, KEY_TAG: key})
        return str(run.info.run_id)


def close_run(
    config: Config, home: Home, run_id: str, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED"
) -> None:
    """Ends the run; `open_run` takes it up again."""
    with connect(config, home) as client:
        client.set_terminated(run_id, status)


def log_parameters(config: Config, home: Home, run_id: str, parameters: Mapping[str, Any]) -> None:
    """Writes the parameters, nested ones as `section.key`; the same ones may be written again.

    A value of more than 6000 characters is cut there; a URI loses its password.

    Raises:
        RatchetError: when a parameter of the run has another value already.
    """
    flat = _flatten(parameters)
    with connect(config, home) as client:
        from mlflow.entities import Param

        known = client.get_run(run_id).data.params
        problems = [
            f"Parameter {name} of MLflow run {run_id} is {known[name]!r} and cannot become {value!r}: "
            "restore the setting the run began with, or delete the run to begin anew."
            for name, value in flat.items()
            if known.get(name, value) != value
        ]
        if problems:
            raise RatchetError(*problems)
        fresh = [Param(name, value) for name, value in flat.items() if name not in known]
        for start in range(0, len(fresh), PARAMETERS_PER_CALL):
            client.log_batch(run_id, params=fresh[start : start + PARAMETERS_PER_CALL])


def open_curve(config: Config, home: Home, run_id: str) -> LogPoint:
    """A function `log_point(step, metrics)` that writes each metric at most once per step.

    Steps up to the last one in the run's history are skipped: a resumed training computes them again, with
    the same values. The history is asked once per metric.
    """
    last_steps: dict[str, int] = {}

    def log_point(step: int, metrics: Mapping[str, float]) -> None:
        with connect(config, home) as client:
            from mlflow.entities import Metric

            for name in metrics:
                if name not in last_steps:
                    history = client.get_metric_history(run_id, name)
                    last_steps[name] = max((point.step for point in history), default=-1)
            now_ms = int(time.time() * 1000)
            fresh = {name: value for name, value in metrics.items() if step > last_steps[name]}
            if fresh:
                client.log_batch(run_id, metrics=[Metric(name, value, now_ms, step) for name, value in fresh.items()])
                last_steps.update(dict.fromkeys(fresh, step))

    return log_point


def log_snapshot(config: Config, home: Home, run_id: str, snapshot: Snapshot) -> None:
    """Records the snapshot as the run's training dataset, named by its hash; doing so again changes nothing."""
    counts = {
        "demonstrations": snapshot.demonstrations.rows,
        "preference_pairs": snapshot.preference_pairs.rows,
        "rated_answers": snapshot.rated_answers.rows,
    }
    tags = {
        "mlflow.data.context": "training",
        "ratchet.snapshot_sha256": snapshot.sha256,
        "ratchet.parents": str(len(snapshot.parents)),
        **{f"ratchet.{name}": str(count) for name, count in counts.items()},
    }
    with connect(config, home) as client:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(
            name=config.name,
            digest=snapshot.sha256[:DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": str(home.snapshots.resolve() / snapshot.sha256)}),
            profile=canonical_json({**counts, "dropped": snapshot.dropped}),
        )
        client.log_inputs(run_id, [DatasetInput(dataset, [InputTag(name, value) for name, value in tags.items()])])
        client.log_dict(run_id, snapshot.model_dump(mode="json"), "snapshot.json")


def log_environment(config: Config, home: Home, run_id: str) -> None:
    """Writes what the run runs on as its artifact `environment.json`."""
    with connect(config, home) as client:
        client.log_dict(run_id, describe_environment(config), "environment.json")


def log_folder(config: Config, home: Home, run_id: str, folder: Path, artifact_folder: str | None = None) -> None:
    """Copies what is in a folder into the run's artifacts, below `artifact_folder` when there is one."""
    with connect(config, home) as client:
        client.log_artifacts(run_id, str(folder), artifact_folder)


def log_text(config: Config, home: Home, run_id: str, text: str, artifact_name: str) -> None:
    """Writes a text as an artifact of the run, in place of an earlier one of that name."""
    with connect(config, home) as client:
        client.log_text(run_id, text, artifact_name)


@contextmanager
def system_metrics(config: Config, home: Home, run_id: str, every_s: float = 10.0) -> Iterator[None]:
    """Samples CPU, memory, disk, network and GPU into the run while the block runs, as `system/...` metrics.

    A block that is shorter than one sampling interval still leaves one sample.
    """
    with connect(config, home):
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(
            run_id, sampling_interval=every_s, resume_logging=True, tracking_uri=tracking_uri(config, home)
        )
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
    # The thread drops the sample it was waiting on when it is told to stop.
    with connect(config, home):
        monitor.publish_metrics(monitor.aggregate_metrics())
        monitor.mlflow_logger.flush()


def _flatten(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{name}."))
        else:
            text = value if isinstance(value, str) else canonical_json(value)
            flat[prefix + name] = without_password(text)[:PARAMETER_LENGTH]
    return flat
