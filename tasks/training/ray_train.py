"""Training on Ray Train: the same worker, started by Ray on whatever machines its cluster has.

All of them must see the phase's folder, the base and the adapter to start from under the same paths. A worker that dies
has Ray start all of them anew, and they go on from the last whole checkpoint, as everywhere.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.compute.ray_cluster import reach_cluster
from tasks.errors import ComputeError, first_line
from tasks.home import find_home
from tasks.training.jobs import WrittenJob, job_file, read_job
from tasks.training.launching import Relay, clear_traces, read_result
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult
from tasks.training.worker import FAILURE, backend_of, prepare_environment, speak_into_log, work

_LOOK_EVERY_S = 0.2


def train_on_ray(written: WrittenJob, on_loss: OnLoss) -> PhaseResult:
    """The phase's result, from Ray Train's workers; it passes on their losses and what the first one says.

    Raises:
        RatchetError: what a worker met that a user can act on.
        ComputeError: when there is no cluster, it has not the devices, or workers die more often than
            `compute.max_restarts`.
    """
    job, compute = written.job, written.job.compute
    clear_traces(job.folder)
    reach_cluster(compute, find_home())
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    trainer = TorchTrainer(
        run_worker,
        train_loop_config={"job": str(job_file(job.folder))},
        torch_config=TorchConfig(backend=backend_of(written), timeout_s=max(1, round(compute.timeout_s))),
        scaling_config=ScalingConfig(num_workers=compute.workers, use_gpu=written.device == "cuda"),
        run_config=RunConfig(
            name="ray",
            storage_path=str(job.folder),
            failure_config=FailureConfig(max_failures=compute.max_restarts),
        ),
    )
    with _relaying(Relay(job.folder, on_loss)):
        try:
            trainer.fit()
        except Exception as error:  # Ray Train raises classes of its own, and those of its parts
            finished = PhaseFolder(job.folder).finished() is not None
            if not finished and not (job.folder / FAILURE).exists():
                raise ComputeError(
                    f"Training on Ray stopped: one of {compute.workers} workers died or hung more often than "
                    f"compute.max_restarts={compute.max_restarts} ({first_line(error)}); see the logs in {job.folder}, "
                    "and run the round again to go on."
                ) from error
    return read_result(written)


def run_worker(config: dict[str, Any]) -> None:
    """What each of Ray Train's workers does; the process group is there already."""
    path = Path(config["job"])
    speak_into_log(path.parent)
    written, _ = read_job(path)
    prepare_environment(written.device)
    work(path)


@contextmanager
def _relaying(relay: Relay) -> Iterator[None]:
    """Passes on what workers leave while the block runs, and what is left at its end."""
    stop = threading.Event()
    problems: list[Exception] = []

    def pass_on() -> None:
        try:
            while not stop.wait(_LOOK_EVERY_S):
                relay.pass_on()
        except Exception as error:  # noqa: BLE001  # handed to the thread that waits for the training
            problems.append(error)

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if problems:
        raise problems[0]
    relay.pass_on()
