"""What workers leave in a phase's folder is passed on once, and tells what stopped them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from python_process import REPOSITORY

from tasks.errors import ComputeError, DomainError, IntegrityError
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Demonstration, Message
from tasks.settings.compute import ComputeSettings
from tasks.settings.training import TrainSettings
from tasks.training.jobs import PhaseJob, WrittenJob, job_file, read_job, write_job
from tasks.training.launching import Relay, clear_traces, read_result
from tasks.training.worker import FAILURE, LOSSES, log_of, work

ROW = Demonstration(
    id="d" * 64,
    question_id="q",
    family="f",
    prompt=(Message(role="user", content="Why?"),),
    completion="Because it returns the elements.",
    source="reference",
)


def write(folder: Path, model: Path | str = "/none", **settings: Any) -> WrittenJob:
    """A job of SFT on one row, written into the folder."""
    job = PhaseJob(
        phase="sft",
        base=BaseModelRef(id="tiny", path=str(model), sha256="a" * 64),
        adapter_folder=None,
        settings=TrainSettings(**settings),
        compute=ComputeSettings(engine="accelerate", workers=2, max_restarts=1),
        seed=0,
        folder=folder,
    )
    folder.mkdir(exist_ok=True)
    return write_job(job, [ROW], Hardware("cpu", "float32", 5))


def test_a_job_is_read_as_it_was_written_and_workers_share_the_threads(tmp_path: Path) -> None:
    written = write(tmp_path)
    again, rows = read_job(job_file(tmp_path))
    assert (again, list(rows)) == (written, [ROW])
    assert again.hardware == Hardware("cpu", "float32", 2, workers=2, fsdp=False)


def test_an_altered_job_or_row_is_refused(tmp_path: Path) -> None:
    written = write(tmp_path)
    (tmp_path / f"{written.rows.sha256}.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="was altered or truncated"):
        read_job(job_file(tmp_path))
    job_file(tmp_path).write_text("{", encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"job\.json is damaged: delete it, and run the round again\."):
        read_job(job_file(tmp_path))


def test_losses_and_progress_are_passed_on_once_and_torn_lines_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, dict[str, float]]] = []
    relay = Relay(tmp_path, lambda step, metrics: seen.append((step, metrics)))
    relay.pass_on()
    losses, log = tmp_path / LOSSES, log_of(tmp_path, 0)
    losses.write_text('\n{"step": 1, "metrics": {"loss": 2.0}}\n\n{"step": 2, "metr', encoding="utf-8")
    log.write_text("train: SFT steps: 9 to do\nsome library's warning\ntrain: SFT st", encoding="utf-8")
    log_of(tmp_path, 1).write_text("train: SFT steps: 9 to do\n", encoding="utf-8")
    relay.pass_on()
    relay.pass_on()
    assert seen == [(1, {"loss": 2.0})]
    assert capsys.readouterr().err == "train: SFT steps: 9 to do\n"

    with losses.open("a", encoding="utf-8") as file:  # the worker was killed in that line; the next one begins anew
        file.write('\n{"step": 1, "metrics": {"loss": 2.0}}\n\n{"step": 2, "metrics": {"loss": 1.0}}\n')
    with log.open("a", encoding="utf-8") as file:
        file.write("eps: 3/9, about 1 s left\n")
    relay.pass_on()
    assert [step for step, _ in seen] == [1, 1, 2]
    assert capsys.readouterr().err == "train: SFT steps: 3/9, about 1 s left\n"


def test_an_error_that_a_user_can_act_on_is_what_the_parent_raises(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    written = write(tmp_path / "sft", tiny_model, max_length=3)
    work(job_file(tmp_path / "sft"))
    with pytest.raises(DomainError, match=r"^All 1 rows are longer than train\.max_length=3 tokens"):
        read_result(written)

    (tmp_path / "sft" / FAILURE).write_text("{}", encoding="utf-8")
    work(job_file(tmp_path / "sft"))  # started anew: it sees that there is nothing to be gained
    with pytest.raises(IntegrityError, match=r"failure\.json is damaged: run the round again\."):
        read_result(written)


def test_workers_that_die_without_a_word_are_told_of_with_the_last_error_in_their_logs(tmp_path: Path) -> None:
    written = write(tmp_path)
    with pytest.raises(ComputeError) as silent:
        read_result(written)
    assert str(silent.value) == (
        "Training stopped: of 2 workers one died or hung more often than compute.max_restarts=1 (without a word); "
        f"see the logs in {tmp_path}, and run the round again to go on."
    )
    log_of(tmp_path, 0).write_text("train: 3 to do\n", encoding="utf-8")
    log_of(tmp_path, 1).write_text("Traceback\nRuntimeError: Timed out waiting 2000ms.\nbye\n", encoding="utf-8")
    with pytest.raises(ComputeError, match=r"\(RuntimeError: Timed out waiting 2000ms\); see the logs in "):
        read_result(written)


def test_traces_of_an_earlier_attempt_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    kept = tmp_path / "checkpoints" / "checkpoint-2"
    kept.mkdir(parents=True)
    for name in (FAILURE, LOSSES, "launcher.log", "worker-0.log", "worker-1.log"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    clear_traces(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"] and kept.exists()


WORKER = "import os, sys, time; from tasks.training.orphans import end_with; end_with(int(sys.argv[1])); time.sleep(60)"
LAUNCHER = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]])"
PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2], str(os.getpid())], start_new_session=True)
time.sleep(60)
"""


def test_workers_and_launcher_end_soon_after_the_process_that_wanted_them_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, LAUNCHER, WORKER], env=environment)
    try:
        deadline = time.monotonic() + 30
        family: list[psutil.Process] = []
        while len(family) < 2 and time.monotonic() < deadline:
            family = psutil.Process(parent.pid).children(recursive=True)
            time.sleep(0.05)
        assert len(family) == 2
        time.sleep(1)  # the worker's import
        assert all(process.is_running() for process in family)
    finally:
        parent.kill()
        parent.wait()
    gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == [] and len(gone) == 2
