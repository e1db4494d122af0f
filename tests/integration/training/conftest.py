"""Rows and settings small enough to train the tiny model in half a second, and a training that is killed."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.training.forked_trainings import forking_process, run_job
from integration.training.phase_results import RunPhase, ignore
from integration.training.phase_rows import make_demonstrations, make_pairs, make_rated

from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Demonstration, PreferencePair, RatedAnswer
from tasks.settings.compute import ComputeSettings
from tasks.settings.training import DpoSettings, KtoSettings, LoraSettings, SftSettings, TrainSettings
from tasks.training.dpo import run_dpo
from tasks.training.jobs import PhaseJob, job_file, write_job
from tasks.training.kto import run_kto
from tasks.training.phases import PhaseFolder, PhaseResult
from tasks.training.sft import run_sft


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in another order differ in the last digit, so that runs compared here use one thread each."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def demonstrations() -> list[Demonstration]:
    return make_demonstrations()


@pytest.fixture(scope="session")
def pairs(demonstrations: list[Demonstration]) -> list[PreferencePair]:
    return make_pairs(demonstrations)


@pytest.fixture(scope="session")
def rated(demonstrations: list[Demonstration]) -> list[RatedAnswer]:
    return make_rated(demonstrations)


@pytest.fixture(scope="session")
def rows_of(
    demonstrations: list[Demonstration], pairs: list[PreferencePair], rated: list[RatedAnswer]
) -> dict[str, list[Any]]:
    """What each phase trains on."""
    return {"sft": demonstrations, "dpo": pairs, "kto": rated}


@pytest.fixture
def settings() -> TrainSettings:
    """One epoch of six steps, with a checkpoint every two."""
    return make_settings()


def make_settings(epochs: float = 1.0, accumulation: int = 1, dropout: float = 0.0, **changes: Any) -> TrainSettings:
    return TrainSettings(
        lora=LoraSettings(r=4, dropout=dropout),
        sft=SftSettings(epochs=epochs, batch_size=4, gradient_accumulation=accumulation),
        dpo=DpoSettings(epochs=epochs, batch_size=4, gradient_accumulation=accumulation, learning_rate=5e-4),
        kto=KtoSettings(epochs=epochs, batch_size=4, gradient_accumulation=accumulation, learning_rate=5e-4),
        max_length=256,
        checkpoint_steps=2,
        **changes,
    )


@pytest.fixture
def settings_with() -> Callable[..., TrainSettings]:
    return make_settings


@pytest.fixture(scope="session")
def sft_adapter(
    tiny_model_source: Path,
    demonstrations: list[Demonstration],
    hardware: Hardware,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An adapter after SFT, for DPO, KTO and later rounds to start from."""
    base = BaseModelRef(id="tiny", path=str(tiny_model_source), sha256="a" * 64)
    folder = PhaseFolder(tmp_path_factory.mktemp("sft") / "phase")
    run_sft(base, None, demonstrations, make_settings(), hardware, 0, folder, ignore)
    return folder.adapter


@pytest.fixture
def run_phase_of(
    base: BaseModelRef,
    rows_of: dict[str, list[Any]],
    hardware: Hardware,
    sft_adapter: Path,
) -> RunPhase:
    """Runs `sft` from fresh weights, or `dpo` or `kto` from the SFT adapter, in a folder, with settings and seed."""

    def run(phase: str, folder: Path, settings: TrainSettings, seed: int = 0, on_loss: Any = ignore) -> PhaseResult:
        where, rows = PhaseFolder(folder), rows_of[phase]
        if phase == "sft":
            return run_sft(base, None, rows, settings, hardware, seed, where, on_loss)
        if phase == "dpo":
            return run_dpo(base, sft_adapter, rows, settings, hardware, seed, where, on_loss)
        return run_kto(base, sft_adapter, rows, settings, hardware, seed, where, on_loss)

    return run


@pytest.fixture(scope="session")
def killer() -> Iterator[subprocess.Popen[str]]:
    """The process that runs trainings to kill them."""
    with forking_process() as process:
        yield process


@pytest.fixture
def run_and_kill(
    base: BaseModelRef,
    rows_of: dict[str, list[Any]],
    sft_adapter: Path,
    killer: subprocess.Popen[str],
    tmp_path: Path,
) -> Callable[[str, Path, TrainSettings, int | str], None]:
    """The same training in a process that is killed at the log of a step, or at `the end`, before the adapter."""

    def run(phase: str, folder: Path, settings: TrainSettings, kill_at: int | str) -> None:
        job = {
            "phase": phase,
            "base": base.model_dump(),
            "adapter": None if phase == "sft" else str(sft_adapter),
            "rows": [row.model_dump() for row in rows_of[phase]],
            "settings": settings.model_dump(),
            "folder": str(folder),
            "kill_at": kill_at,
        }
        assert run_job(killer, tmp_path / "job.json", job) == "-9"

    return run


@pytest.fixture
def train_together(
    base: BaseModelRef,
    rows_of: dict[str, list[Any]],
    sft_adapter: Path,
    killer: subprocess.Popen[str],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> Callable[..., tuple[PhaseResult | None, str]]:
    """Trains some rows in processes that share each step; what they left, and their exit statuses."""

    def run(
        phase: Any, workers: int, count: int, settings: TrainSettings, timeout_s: float = 60, hangs: int | None = None
    ) -> tuple[PhaseResult | None, str]:
        folder = tmp_path / f"{phase} of {workers}"
        folder.mkdir()
        job = PhaseJob(
            phase=phase,
            base=base,
            adapter_folder=None if phase == "sft" else sft_adapter,
            settings=settings,
            compute=ComputeSettings(engine="accelerate", workers=workers, timeout_s=timeout_s),
            seed=0,
            folder=folder,
        )
        write_job(job, rows_of[phase][:count], Hardware("cpu", "float32", 1))
        told = {"job": str(job_file(folder)), "workers": workers, "port": free_port(), "hangs": hangs}
        codes = run_job(killer, tmp_path / "together.json", told)
        return PhaseFolder(folder).finished(), codes

    return run


@pytest.fixture
def capture_trainer(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collects the trainers that the phases build; training goes on as usual."""
    from tasks.training import dpo, kto, phases, sft

    trainers: list[Any] = []

    def capture(label: str, trainer: Any, *rest: Any) -> PhaseResult:
        trainers.append(trainer)
        return phases.run_phase(label, trainer, *rest)

    for module in (sft, dpo, kto):
        monkeypatch.setattr(module, "run_phase", capture)
    return trainers
