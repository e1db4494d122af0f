"""The MLflow run of a training: opened once however often the training is killed, closed when it is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.progress import say
from tasks.records import Adapter, ModelVersion, Snapshot
from tasks.registry import tracking
from tasks.rounds import Round
from tasks.training.train import RowPlans, TrainingRun


def start_run(
    config: Config,
    home: Home,
    opened: Round,
    start: ModelVersion,
    snapshot: Snapshot,
    plans: RowPlans,
    key: str,
    folder: Path,
) -> TrainingRun:
    """The run with this key, with parameters, snapshot and environment written down.

    Args:
        plans: what becomes of the snapshot's rows before they are trained on.

    Raises:
        RatchetError: when MLflow cannot be reached.
    """
    run_id = tracking.open_run(
        config,
        home,
        key=key,
        name=f"{config.name} round {opened.number}",
        tags={"ratchet.round": str(opened.number), "ratchet.domain": config.name},
    )
    parameters = config.model_dump(mode="json", include={"train", "model", "seed", "system_prompt"})
    origin = {
        "base_sha256": start.base.sha256,
        "champion_version": opened.champion.version,
        "start_version": start.version,
        "snapshot_sha256": snapshot.sha256,
    }
    if (contexts := plans.contexts) is not None:
        parameters["retrieval"] = config.retrieval.model_dump(mode="json")
        parameters["contexts"] = {"index_sha256": contexts.index_sha256, "rows_sha256": contexts.rows.sha256}
    if plans.replay is not None:
        parameters["replay"] = plans.replay.replay.model_dump(mode="json")
    tracking.log_parameters(config, home, run_id, {**parameters, **origin})
    tracking.log_snapshot(config, home, run_id, snapshot)
    tracking.log_environment(config, home, run_id)
    log_point = tracking.open_curve(config, home, run_id)
    return TrainingRun(
        folder=folder,
        mlflow_run_id=run_id,
        on_loss=lambda phase, step, metrics: log_point(
            step, {f"{phase}/{name.replace('/', '_')}": value for name, value in metrics.items()}
        ),
        plans=plans,
    )


@contextmanager
def watch_run(config: Config, home: Home, run: TrainingRun) -> Iterator[None]:
    """Samples system metrics into the run while the block runs, and marks the run failed when it raises."""
    try:
        with tracking.system_metrics(config, home, run.mlflow_run_id):
            yield
    except BaseException:
        try:
            tracking.close_run(config, home, run.mlflow_run_id, "FAILED")
        except RatchetError as error:
            # What stopped the training matters more than that MLflow could not be told.
            say(f"train: the MLflow run {run.mlflow_run_id} could not be marked as failed: {error}")
        raise


def finish_run(config: Config, home: Home, run: TrainingRun, adapter: Adapter) -> None:
    """Writes the adapter and its totals to the run, and ends it."""
    run_id = run.mlflow_run_id
    tracking.log_folder(config, home, run_id, home.adapters / adapter.sha256, "adapter")
    counts = {"demonstrations", "preference_pairs", "rated_answers", "train_tokens", "train_s"}
    totals = adapter.model_dump(include=counts)
    if adapter.contexts is not None:
        kinds = adapter.contexts.model_dump(exclude={"index_sha256", "rows"})
        tracking.log_parameters(config, home, run_id, {"contexts": kinds})
    tracking.open_curve(config, home, run_id)(0, {name: float(value) for name, value in totals.items()})
    tracking.close_run(config, home, run_id)
