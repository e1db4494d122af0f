"""Several workers train to the losses of one, and a worker that dies, hangs or fails is not the end of a training."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from integration.training.phase_results import adapter_weights

from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Demonstration
from tasks.settings.compute import ComputeSettings
from tasks.settings.training import TrainSettings
from tasks.training.jobs import PhaseJob, train_phase
from tasks.training.phases import PhaseFolder, PhaseResult
from tasks.training.worker import log_of

# Sums in another order differ in the last digits, and weights move by learning rate and not by the size of a gradient.
TOLERANCE = 5e-6
Together = Callable[..., tuple[PhaseResult | None, str]]


def differences(one: PhaseResult, other: PhaseResult) -> list[float]:
    assert [step for step, _ in one.losses] == [step for step, _ in other.losses]
    return [abs(mine - theirs) for (_, mine), (_, theirs) in zip(one.losses, other.losses, strict=True)]


@pytest.mark.parametrize(
    ("phase", "rows", "workers", "accumulation"),
    [
        ("sft", 24, 2, 1),
        ("sft", 23, 2, 2),  # the epoch ends with a step of seven rows, four for one worker and three for the other
        ("sft", 21, 2, 1),  # ... of one row, on which both work
        ("dpo", 24, 2, 2),
        ("dpo", 18, 2, 2),  # ... of one batch, on which both work
        ("kto", 24, 2, 2),
        ("kto", 23, 2, 1),  # ... of three rows, on which both work
        ("kto", 24, 4, 1),
    ],
)
def test_any_number_of_workers_trains_to_the_same_losses(
    phase: str,
    rows: int,
    workers: int,
    accumulation: int,
    train_together: Together,
    settings_with: Callable[..., TrainSettings],
) -> None:
    settings = settings_with(epochs=2, accumulation=accumulation)
    alone, _ = train_together(phase, 1, rows, settings)
    together, codes = train_together(phase, workers, rows, settings)
    assert alone is not None and together is not None and codes == " ".join(["0"] * workers)
    assert max(differences(alone, together)) < TOLERANCE
    assert together.rows == rows and together.train_tokens >= alone.train_tokens
    if phase == "dpo":  # two halves of a sum are the same in either order
        assert together.adapter_sha256 == alone.adapter_sha256


def test_workers_that_wait_too_long_for_one_that_hangs_give_up(
    train_together: Together, settings_with: Callable[..., TrainSettings], tmp_path: Path
) -> None:
    result, codes = train_together("sft", 2, 24, settings_with(), timeout_s=2, hangs=1)
    assert (result, codes) == (None, "1")
    said = log_of(tmp_path / "sft of 2", 0).read_text(encoding="utf-8")
    assert "imed out" in said


def test_a_worker_that_is_killed_is_started_anew_and_the_losses_are_those_of_an_undisturbed_training(
    tmp_path: Path,
    base: BaseModelRef,
    demonstrations: list[Demonstration],
    hardware: Hardware,
    settings_with: Callable[..., TrainSettings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def train(name: str, on_loss: Any, **compute: Any) -> PhaseResult:
        job = PhaseJob(
            phase="sft",
            base=base,
            adapter_folder=None,
            settings=settings_with(epochs=8),
            compute=ComputeSettings(**compute),
            seed=0,
            folder=tmp_path / name,
        )
        return train_phase(job, demonstrations[:23], hardware, on_loss)

    seen: list[int] = []
    killed: list[int] = []

    def kill_the_second(step: int, metrics: dict[str, float]) -> None:
        seen.append(step)
        if step >= 4 and not killed:
            workers = [each for each in psutil.Process().children(recursive=True) if _rank(each) == "1"]
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    whole = train("whole", lambda step, metrics: None)
    capsys.readouterr()
    together = train("killed", kill_the_second, engine="accelerate", workers=2, max_restarts=1, timeout_s=300)

    assert killed and max(differences(whole, together)) < TOLERANCE
    assert sorted(set(seen)) == [step for step, _ in whole.losses]
    assert seen.count(1) == 1, "it went on from a checkpoint and did not begin anew"
    assert capsys.readouterr().err.count("train: SFT steps: 48 to do") == 2, "once before, and once after"
    assert adapter_weights(PhaseFolder(tmp_path / "killed").adapter).keys()
    assert not [each for each in psutil.Process().children(recursive=True) if _rank(each) is not None]


def _rank(process: psutil.Process) -> str | None:
    """The rank of a worker; None: it is none."""
    try:
        started_for = process.cmdline()
        return process.environ().get("RANK") if any("tasks.training.worker" in part for part in started_for) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
