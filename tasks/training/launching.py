"""Training in several processes on this machine: accelerate in the workers, torch's elastic launcher around them.

The launcher (`torch.distributed.run`, which `accelerate launch` runs, too) gives each worker its rank; they find each
other through files in the phase's folder, and speak on loopback. When one dies it ends the others and starts all of
them anew, and they go on from the last whole checkpoint. A worker that hangs makes those die that wait for it
(`compute.timeout_s`), with the same end.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import tasks
from tasks import errors
from tasks.errors import ComputeError, HomeError, IntegrityError, first_line
from tasks.files import describe_write_error
from tasks.progress import say
from tasks.training.jobs import WrittenJob, job_file
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult
from tasks.training.worker import FAILURE, LOSSES, MEETING, PARENT_VARIABLE, Failure, log_of

_LOOK_EVERY_S = 0.1
LAUNCHER_LOG = "launcher.log"


def train_in_workers(written: WrittenJob, on_loss: OnLoss) -> PhaseResult:
    """The phase's result, from workers started for it; it passes on their losses and what the first one says.

    A worker started anew tells of the steps since the last checkpoint again.

    Raises:
        RatchetError: what a worker met that a user can act on.
        ComputeError: when workers die more often than `compute.max_restarts`.
        HomeError: when the folder cannot be written.
    """
    folder = written.job.folder
    clear_traces(folder)
    relay = Relay(folder, on_loss)
    with _launcher(written) as process:
        while process.poll() is None and not (folder / FAILURE).exists():
            relay.pass_on()
            time.sleep(_LOOK_EVERY_S)
    relay.pass_on()
    return read_result(written)


class Relay:
    """Passes on what workers leave in a phase's folder, once: the losses, and the first worker's lines of progress."""

    def __init__(self, folder: Path, on_loss: OnLoss) -> None:
        self._files = {folder / LOSSES: self._loss, log_of(folder, 0): self._line}
        self._read = dict.fromkeys(self._files, 0)
        self._on_loss = on_loss

    def pass_on(self) -> None:
        """Reads on in both files, as far as they have whole lines."""
        for path, take in self._files.items():
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(self._read[path])
                whole, end, _ = file.read().rpartition(b"\n")
            self._read[path] += len(whole) + len(end)
            for line in whole.decode("utf-8", errors="replace").split("\n"):
                if line:
                    take(line)

    def _loss(self, line: str) -> None:
        try:
            point = json.loads(line)
        except ValueError:  # a killed worker's last line; the next one trains on that step again
            return
        self._on_loss(point["step"], point["metrics"])

    def _line(self, line: str) -> None:
        if line.startswith("train: "):
            say(line)


def clear_traces(folder: Path) -> None:
    """Deletes what workers of an earlier attempt left to be read; checkpoints stay."""
    named = (folder / FAILURE, folder / LOSSES, folder / LAUNCHER_LOG)
    for path in (*named, *folder.glob("worker-*.log"), *folder.glob(f"{MEETING}*")):
        path.unlink(missing_ok=True)


def read_result(written: WrittenJob) -> PhaseResult:
    """What the workers left.

    Raises:
        RatchetError: what stopped them.
        ComputeError: when they left nothing.
    """
    folder = written.job.folder
    if (finished := PhaseFolder(folder).finished()) is not None:
        return finished
    if (folder / FAILURE).exists():
        try:
            failure = Failure.model_validate_json((folder / FAILURE).read_bytes())
        except ValueError as error:
            raise IntegrityError(f"{folder / FAILURE} is damaged: run the round again.") from error
        raise getattr(errors, failure.kind)(*failure.problems)
    workers, restarts = written.job.compute.workers, written.job.compute.max_restarts
    raise ComputeError(
        f"Training stopped: of {workers} workers one died or hung more often than compute.max_restarts={restarts} "
        f"({_last_words(folder, workers)}); see the logs in {folder}, and run the round again to go on."
    )


def _last_words(folder: Path, workers: int) -> str:
    """The last line of a worker's log that names an error."""
    for worker in range(workers):
        log = log_of(folder, worker)
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        lines = [line for line in text.splitlines() if "Error" in line.partition(":")[0]]
        if lines:
            return first_line(lines[-1])
    return "without a word"


@contextmanager
def _launcher(written: WrittenJob) -> Iterator["subprocess.Popen[bytes]"]:
    """The launcher's process, which ends with the block, and its workers with it."""
    import psutil

    folder, compute = written.job.folder, written.job.compute
    command = [
        *(sys.executable, "-P", "-m", "torch.distributed.run"),
        *("--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file", "--rdzv-id", "ratchet"),
        *("--rdzv-endpoint", str(folder / f"{MEETING}launcher"), "--log-dir", str(folder / "launcher")),
        *("--nnodes", "1", "--local-addr", "127.0.0.1", "--nproc-per-node", str(compute.workers)),
        *("--max-restarts", str(compute.max_restarts), "--monitor-interval", "0.2", "--shutdown-timeout", "5"),
        *("-m", "tasks.training.worker", str(job_file(folder))),
    ]
    packages = str(Path(tasks.__file__).parents[1])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH")))),
        "OMP_NUM_THREADS": str(written.threads),
        "GLOO_SOCKET_IFNAME": _loopback(),
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",  # a store that would listen on every network, and that nobody needs
        PARENT_VARIABLE: str(os.getpid()),
    }
    try:
        with (folder / LAUNCHER_LOG).open("wb") as log:
            # A session of its own: the terminal's Ctrl-C is this process's to act on.
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    except OSError as error:
        raise HomeError(describe_write_error(folder, error)) from error
    try:
        yield process
    finally:
        # Workers have sessions of their own, and nothing to save that the last checkpoint does not have.
        try:
            workers = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            workers = []
        process.kill()
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        process.wait()


def _loopback() -> str:
    """The name of the loopback interface."""
    import psutil

    return next(name for name, found in psutil.net_if_addrs().items() if any(at.address == "127.0.0.1" for at in found))
