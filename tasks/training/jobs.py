"""A phase of training as a piece of work: done in this process, or written down for others to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tasks.errors import ComputeError, IntegrityError
from tasks.files import canonical_json, read_rows, write_atomically, write_rows
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Count, Demonstration, FileRef, PreferencePair, RatedAnswer, Record
from tasks.settings.compute import ComputeSettings
from tasks.settings.training import TrainSettings
from tasks.training.dpo import run_dpo
from tasks.training.kto import run_kto
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult
from tasks.training.sft import run_sft

Phase = Literal["sft", "dpo", "kto"]
Rows: TypeAlias = Sequence[Any]  # of Demonstration, PreferencePair or RatedAnswer, whichever the phase takes


class PhaseJob(Record):
    """One phase of training, but for its rows.

    Attributes:
        adapter_folder: the adapter to start from; None: fresh LoRA weights, for SFT alone.
        folder: where the phase works; several workers must all see it.
    """

    phase: Phase
    base: BaseModelRef
    adapter_folder: Path | None
    settings: TrainSettings
    compute: ComputeSettings
    seed: Count
    folder: Path


class WrittenJob(Record):
    """A job as its workers read it, in the phase's folder."""

    job: PhaseJob
    rows: FileRef
    device: str
    dtype: str
    threads: int

    @property
    def hardware(self) -> Hardware:
        """What each worker runs on."""
        return Hardware(self.device, self.dtype, self.threads, self.job.compute.workers, self.job.compute.fsdp)


def train_phase(job: PhaseJob, rows: Rows, hardware: Hardware, on_loss: OnLoss) -> PhaseResult:
    """The phase's result: from an earlier run, or from training by the job's engine.

    Raises:
        DomainError: when every row is too long, or KTO has answers of one kind only.
        ModelError: when base or adapter cannot be loaded, or training diverges.
        ComputeError: when the engine is not installed, the devices are not there, or its workers keep dying.
        HomeError: when the disk is full or not writable.
    """
    if (finished := PhaseFolder(job.folder).finished()) is not None:
        return finished
    if job.compute.engine == "local":
        return run_job(job, rows, hardware, on_loss)
    check_devices(job.compute, hardware)
    written = write_job(job, rows, hardware)
    if job.compute.engine == "ray":
        from tasks.training.ray_train import train_on_ray

        return train_on_ray(written, on_loss)
    from tasks.training.launching import train_in_workers

    return train_in_workers(written, on_loss)


def check_devices(compute: ComputeSettings, hardware: Hardware) -> None:
    """Nothing, when the workers can train on such devices.

    Raises:
        ComputeError: when they cannot.
    """
    import torch

    if compute.workers > 1 and hardware.device == "mps":
        raise ComputeError("compute.workers: several workers cannot train on 'mps'; set 1, or `model.device: cpu`.")
    if compute.fsdp and hardware.device != "cuda":
        raise ComputeError(
            f"compute.fsdp: a model is sharded over GPUs, and the device is {hardware.device!r}; set `fsdp: false`."
        )
    # How many GPUs a cluster has is Ray's to know.
    if compute.engine == "accelerate" and hardware.device == "cuda" and torch.cuda.device_count() < compute.workers:
        raise ComputeError(
            f"compute.workers: {compute.workers} workers need a GPU each, and this machine has "
            f"{torch.cuda.device_count()}; set fewer, or `engine: ray`."
        )


def run_job(job: PhaseJob, rows: Rows, hardware: Hardware, on_loss: OnLoss) -> PhaseResult:
    """Trains in this process, which may be one of several workers."""
    folder, arguments = PhaseFolder(job.folder), (job.settings, hardware, job.seed)
    if job.phase == "sft":
        return run_sft(job.base, job.adapter_folder, rows, *arguments, folder, on_loss)
    assert job.adapter_folder is not None
    run = run_dpo if job.phase == "dpo" else run_kto
    return run(job.base, job.adapter_folder, rows, *arguments, folder, on_loss)


def write_job(job: PhaseJob, rows: Rows, hardware: Hardware) -> WrittenJob:
    """Puts job and rows into the phase's folder, for workers to read.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    workers = job.compute.workers
    threads = max(1, hardware.threads // workers) if hardware.device == "cpu" else hardware.threads
    written = WrittenJob(
        job=job,
        rows=write_rows(job.folder, rows),
        device=hardware.device,
        dtype=hardware.dtype,
        threads=threads,
    )
    write_atomically(job_file(job.folder), canonical_json(written).encode())
    return written


def job_file(folder: Path) -> Path:
    """Where the phase's job is written down."""
    return folder / "job.json"


def read_job(path: Path) -> tuple[WrittenJob, Rows]:
    """A job and its rows, as `write_job` left them.

    Raises:
        IntegrityError: when they were altered.
    """
    try:
        written = WrittenJob.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise IntegrityError(f"{path} is damaged: delete it, and run the round again.") from error
    row_type: Any = {"sft": Demonstration, "dpo": PreferencePair, "kto": RatedAnswer}[written.job.phase]
    return written, read_rows(written.job.folder, written.rows, row_type)
