"""Processes that go on when the command that started them has ended."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import psutil

TERMINATE_WITHIN_S = 15.0
LOG_LIMIT_BYTES = 5_000_000
_SAME_START_S = 1.0
_ERROR_LINE = re.compile(r"^\W*[\w.]*(Error|Exception|error|ERROR)\b")


class ProcessRecord(BaseModel):
    """A process that outlives the command which started it; a reused pid has another start time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    started: float  # seconds since the epoch, as psutil tells it


def start_detached(command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]) -> ProcessRecord:
    """Starts a process in a session of its own, its output appended to `log`; it inherits no terminal and no file.

    Raises:
        OSError: when the command cannot be executed.
    """
    import psutil

    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return ProcessRecord(pid=process.pid, started=psutil.Process(process.pid).create_time())
    except psutil.NoSuchProcess:  # only when somebody else reaps our children
        return ProcessRecord(pid=process.pid, started=0.0)


def find_process(record: ProcessRecord) -> "psutil.Process | None":
    """The process of a record while it lives: not a zombie, and not another that got its pid."""
    import psutil

    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < _SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def find_strays(folder: Path, programs: Sequence[str], known: Sequence[ProcessRecord]) -> "list[psutil.Process]":
    """This user's processes of `programs` with `folder` as working folder, but for the `known` ones.

    They are what a killed `up` started without recording it, or what the record lost when the clock was set.
    """
    import psutil

    pids = {record.pid for record in known if find_process(record) is not None}
    return [
        process for process in psutil.process_iter() if process.pid not in pids and _is_stray(process, folder, programs)
    ]


def _is_stray(process: "psutil.Process", folder: Path, programs: Sequence[str]) -> bool:
    import psutil

    try:
        if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        command = process.cmdline()
        return bool(command) and command[0] in programs and Path(process.cwd()) == folder.resolve()
    except (psutil.Error, OSError):
        return False  # it ended meanwhile, or is not ours to look at


def end(processes: "Sequence[psutil.Process]", within_s: float = TERMINATE_WITHIN_S) -> None:
    """Ends the processes: SIGTERM, and SIGKILL for those that are still there after `within_s` seconds."""
    import psutil

    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        wake(process)
    _, stubborn = psutil.wait_procs(processes, timeout=within_s)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=within_s)


def wake(process: "psutil.Process") -> None:
    """Lets a stopped process go on: it acts on no signal but SIGKILL until then."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process.resume()


def last_words(log: Path, start: int = 0) -> str:
    """The line that says why a process ended: the last that names an error, or else the last, since byte `start`."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.match(line) and "Application startup failed" not in line]
    return (errors or lines or ["it printed nothing"])[-1][:300]


def size_after_rotation(log: Path) -> int:
    """The log's size in bytes, after setting aside one that has grown large as `<name>.log.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    size = log.stat().st_size if log.exists() else 0
    if size <= LOG_LIMIT_BYTES:
        return size
    log.replace(log.with_name(f"{log.name}.1"))
    return 0
