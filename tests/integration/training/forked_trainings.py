"""A process that runs trainings in processes forked from it, to be killed in the middle or to share each step."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tasks

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


@contextmanager
def forking_process() -> Iterator[subprocess.Popen[str]]:
    """The process, which has imported all that a training needs and waits for jobs."""
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


def run_job(process: "subprocess.Popen[str]", file: Path, job: Mapping[str, Any]) -> str:
    """Has the job run to its end, whatever that is; the exit statuses of its processes, negative for a signal."""
    file.write_text(json.dumps(job), encoding="utf-8")
    assert process.stdin is not None and process.stdout is not None
    print(file, file=process.stdin, flush=True)
    return process.stdout.readline().strip()
