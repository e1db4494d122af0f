"""Rows and settings small enough to train the tiny model in half a second, and a training that is killed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tasks
from tasks.files import sha256_of
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Demonstration, Message, PreferencePair, RatedAnswer
from tasks.settings.compute import ComputeSettings
from tasks.settings.training import DpoSettings, KtoSettings, LoraSettings, SftSettings, TrainSettings
from tasks.training.dpo import run_dpo
from tasks.training.jobs import PhaseJob, job_file, write_job
from tasks.training.kto import run_kto
from tasks.training.phases import PhaseFolder, PhaseResult
from tasks.training.sft import run_sft

WORDS = ("function", "iterator", "returns", "elements", "over", "the", "do")

# Each job, one file name a line, is a training in a forked process that kills itself: no handler runs, nothing is
# flushed. Forking saves the imports, which take longer than the trainings.
KILLER = """
import json, os, signal, sys, time, traceback
from pathlib import Path
import torch
from tasks.training import worker
from tasks.settings.training import TrainSettings
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Demonstration, PreferencePair, RatedAnswer
from tasks.training import phases
from tasks.training.dpo import run_dpo
from tasks.training.kto import run_kto
from tasks.training.sft import run_sft
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

PHASES = {"sft": (run_sft, Demonstration), "dpo": (run_dpo, PreferencePair), "kto": (run_kto, RatedAnswer)}

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def work(job):
    torch.set_num_threads(1)
    if job["kill_at"] == "the end":
        phases._save_adapter = die
    run, row = PHASES[job["phase"]]
    run(
        BaseModelRef.model_validate(job["base"]),
        Path(job["adapter"]) if job["adapter"] else None,
        [row.model_validate(fields) for fields in job["rows"]],
        TrainSettings.model_validate(job["settings"]),
        Hardware("cpu", "float32", 1),
        0,
        phases.PhaseFolder(Path(job["folder"])),
        lambda step, metrics: die() if step == job["kill_at"] else None,
    )

def train_as(rank, job):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(job["workers"]))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(job["port"]), GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    path = Path(job["job"])
    worker.speak_into_log(path.parent)
    worker.prepare_environment("cpu")
    worker.join(worker.read_job(path)[0])
    if rank == job["hangs"]:
        time.sleep(60)
    worker.work(path)
    os._exit(0)

for line in sys.stdin:
    job = json.loads(Path(line.strip()).read_text())
    children = []
    for rank in range(job.get("workers", 1)):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                train_as(rank, job) if "workers" in job else work(job)
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(1)
    hanging = job.get("hangs")
    ended = [child for rank, child in enumerate(children) if rank != hanging]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in ended]
    if hanging is not None:
        os.kill(children[hanging], signal.SIGKILL)
        os.waitpid(children[hanging], 0)
    print(*codes, flush=True)
"""


def ignore_losses(step: int, metrics: dict[str, float]) -> None:
    """For trainings whose curve a test does not read."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in another order differ in the last digit, so that runs compared here use one thread each."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def base(tiny_model: Path) -> BaseModelRef:
    return BaseModelRef(id="tiny", path=str(tiny_model), sha256="a" * 64)


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    return Hardware("cpu", "float32", 1)


@pytest.fixture(scope="session")
def demonstrations() -> list[Demonstration]:
    """24 rows of mixed length."""
    return [
        Demonstration(
            id=sha256_of(row),
            question_id=f"q{row}",
            family=f"f{row}",
            prompt=(
                Message(role="system", content="Be short."),
                Message(role="user", content=f"What does function {row} do? {_words(row, row * 5 % 9)}"),
            ),
            completion=f"It returns {row} {_words(row, 1 + row * 3 % 11)}",
            source="reference",
        )
        for row in range(24)
    ]


@pytest.fixture(scope="session")
def pairs(demonstrations: list[Demonstration]) -> list[PreferencePair]:
    return [
        PreferencePair(
            id=row.id,
            question_id=row.question_id,
            family=row.family,
            prompt=row.prompt,
            chosen=row.completion,
            rejected=f"No: {_words(number + 1, 1 + number % 6)}",
            source="judge:reference:x",
        )
        for number, row in enumerate(demonstrations)
    ]


@pytest.fixture(scope="session")
def rated(demonstrations: list[Demonstration]) -> list[RatedAnswer]:
    """24 answers, of which 15 are good."""
    return [
        RatedAnswer(
            id=row.id,
            question_id=row.question_id,
            family=row.family,
            prompt=row.prompt,
            completion=row.completion if number % 8 < 5 else f"No: {_words(number + 1, 1 + number % 6)}",
            desirable=number % 8 < 5,
            source=f"end_user:{row.id}",
        )
        for number, row in enumerate(demonstrations)
    ]


def _words(first: int, count: int) -> str:
    return " ".join(WORDS[(first * 3 + number * 5) % len(WORDS)] for number in range(count))


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
    run_sft(base, None, demonstrations, make_settings(), hardware, 0, folder, ignore_losses)
    return folder.adapter


@pytest.fixture
def run_phase_of(
    base: BaseModelRef,
    demonstrations: list[Demonstration],
    pairs: list[PreferencePair],
    rated: list[RatedAnswer],
    hardware: Hardware,
    sft_adapter: Path,
) -> Callable[..., PhaseResult]:
    """Runs `sft` from fresh weights, or `dpo` or `kto` from the SFT adapter, in a folder, with settings and seed."""

    def run(
        phase: str, folder: Path, settings: TrainSettings, seed: int = 0, on_loss: Any = ignore_losses
    ) -> PhaseResult:
        where = PhaseFolder(folder)
        if phase == "sft":
            return run_sft(base, None, demonstrations, settings, hardware, seed, where, on_loss)
        if phase == "dpo":
            return run_dpo(base, sft_adapter, pairs, settings, hardware, seed, where, on_loss)
        return run_kto(base, sft_adapter, rated, settings, hardware, seed, where, on_loss)

    return run


@pytest.fixture(scope="session")
def killer() -> Iterator[subprocess.Popen[str]]:
    """The process that runs trainings to kill them."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLER],
        cwd=Path(tasks.__file__).parent.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def run_and_kill(
    base: BaseModelRef,
    demonstrations: list[Demonstration],
    pairs: list[PreferencePair],
    rated: list[RatedAnswer],
    sft_adapter: Path,
    killer: subprocess.Popen[str],
    tmp_path: Path,
) -> Callable[[str, Path, TrainSettings, int | str], None]:
    """The same training in a process that is killed at the log of a step, or at `the end`, before the adapter."""

    def run(phase: str, folder: Path, settings: TrainSettings, kill_at: int | str) -> None:
        rows = {"sft": demonstrations, "dpo": pairs, "kto": rated}[phase]
        job = {
            "phase": phase,
            "base": base.model_dump(),
            "adapter": None if phase == "sft" else str(sft_adapter),
            "rows": [row.model_dump() for row in rows],  # type: ignore[attr-defined]  # to mypy a list of objects
            "settings": settings.model_dump(),
            "folder": str(folder),
            "kill_at": kill_at,
        }
        file = tmp_path / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        assert killer.stdin is not None and killer.stdout is not None
        print(file, file=killer.stdin, flush=True)
        assert killer.stdout.readline() == "-9\n"

    return run


@pytest.fixture
def train_together(
    base: BaseModelRef,
    demonstrations: list[Demonstration],
    pairs: list[PreferencePair],
    rated: list[RatedAnswer],
    sft_adapter: Path,
    killer: subprocess.Popen[str],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> Callable[..., tuple[PhaseResult | None, str]]:
    """Trains some rows in processes that share each step; what they left, and their exit statuses."""
    all_rows = {"sft": demonstrations, "dpo": pairs, "kto": rated}

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
        write_job(job, all_rows[phase][:count], Hardware("cpu", "float32", 1))
        file = tmp_path / "together.json"
        told = {"job": str(job_file(folder)), "workers": workers, "port": free_port(), "hangs": hangs}
        file.write_text(json.dumps(told), encoding="utf-8")
        assert killer.stdin is not None and killer.stdout is not None
        print(file, file=killer.stdin, flush=True)
        codes = killer.stdout.readline().strip()
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
