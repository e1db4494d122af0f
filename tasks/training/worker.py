"""One worker of a training: a process that trains on its part of each step, beside others.

Started by torch's launcher, `python -m tasks.training.worker JOB`, or called by Ray Train. What it is to do it reads
from a file, and what becomes of it lies in the same folder: the first worker writes losses, checkpoints, adapter and
result; each writes a log.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from tasks.errors import RatchetError
from tasks.files import canonical_json, write_atomically
from tasks.models.hardware import use_threads
from tasks.records import Record
from tasks.training.jobs import WrittenJob, read_job, run_job
from tasks.training.orphans import end_with
from tasks.training.phases import OnLoss

LOSSES = "losses.jsonl"
FAILURE = "failure.json"
MEETING = "meeting-"
PARENT_VARIABLE = "RATCHET_TRAINING_PARENT"


class Failure(Record):
    """Why a training failed, when starting it anew would not help.

    Attributes:
        kind: the name of the error's class.
    """

    kind: str
    problems: tuple[str, ...]


def work(path: Path) -> None:
    """Trains as one of the workers of the job in this file, in a process group that exists.

    An error that a user can act on is left in the folder rather than raised: it would come again.
    """
    folder = path.parent
    if (folder / FAILURE).exists():  # another worker met it, and this one was started anew
        return
    try:
        written, rows = read_job(path)
        use_threads(written.hardware)
        run_job(written.job, rows, written.hardware, _loss_writer(folder))
    except RatchetError as error:
        failure = Failure(kind=type(error).__name__, problems=error.problems)
        write_atomically(folder / FAILURE, canonical_json(failure).encode())


def join(written: WrittenJob) -> None:
    """Makes this process one of the workers that the environment tells of; those that wait too long give up.

    They find each other through a file of their own for each start: torch's store is kept when workers are started
    anew, and has the addresses of those that are gone; and it would listen on every network.
    """
    import torch

    if written.device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    workers = int(os.environ["WORLD_SIZE"])
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    torch.distributed.init_process_group(
        backend_of(written),
        store=torch.distributed.FileStore(str(written.job.folder / f"{MEETING}{start}"), workers),  # type: ignore[attr-defined]
        rank=int(os.environ["RANK"]),
        world_size=workers,
        timeout=timedelta(seconds=written.job.compute.timeout_s),
    )


def backend_of(written: WrittenJob) -> str:
    """What carries gradients between workers: nccl between GPUs, gloo between CPUs."""
    return "nccl" if written.device == "cuda" else "gloo"


def prepare_environment(device: str) -> None:
    """Tells accelerate not to use GPUs where the job says so; what builds models reads it from the environment."""
    if device == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"


def log_of(folder: Path, worker: int) -> Path:
    """What a worker of the phase in this folder said."""
    return folder / f"worker-{worker}.log"


def speak_into_log(folder: Path) -> None:
    """Has all that this process says, native code included, go to its log."""
    output = os.open(log_of(folder, int(os.environ["RANK"])), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _loss_writer(folder: Path) -> OnLoss:
    """Writes each step's numbers as a line, in the first worker alone."""
    if int(os.environ["RANK"]) != 0:
        return lambda step, metrics: None
    path = folder / LOSSES

    def write(step: int, metrics: dict[str, float]) -> None:
        with path.open("a", encoding="utf-8") as file:
            # It begins with a line end: a worker that was killed before may have left a part of a line.
            file.write("\n" + json.dumps({"step": step, "metrics": metrics}) + "\n")

    return write


def main() -> None:
    """Joins the others and works."""
    path = Path(sys.argv[1])
    speak_into_log(path.parent)
    end_with(int(os.environ[PARENT_VARIABLE]))
    written, _ = read_job(path)
    prepare_environment(written.device)
    join(written)
    work(path)


if __name__ == "__main__":
    main()
