"""Processes are known by pid and start time, ended for certain, and their last words are found."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tasks.services import processes
from tasks.services.processes import ProcessRecord, end, find_process, find_strays, last_words, start_detached

SLEEP = "import time; print('ready', flush=True); time.sleep(300)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
Start = Callable[..., ProcessRecord]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a Python script in a folder and waits until it runs."""
    started: list[ProcessRecord] = []

    def run(script: str = SLEEP, folder: Path = tmp_path) -> ProcessRecord:
        log = tmp_path / f"{len(started)}.log"
        record = start_detached([sys.executable, "-c", script], folder=folder, log=log, environment=os.environ)
        started.append(record)
        deadline = time.monotonic() + 30
        while b"ready" not in log.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return record

    yield run
    for record in started:
        if (process := find_process(record)) is not None:
            process.kill()
            process.wait()


def test_a_process_is_found_while_it_lives_and_not_as_a_zombie(start: Start) -> None:
    record = start()
    found = find_process(record)
    assert found is not None
    os.kill(record.pid, signal.SIGKILL)
    while found.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert find_process(record) is None


def test_another_process_with_the_same_pid_is_not_taken_for_it(start: Start) -> None:
    record = start()
    assert find_process(record.model_copy(update={"started": record.started - 60.0})) is None
    assert find_process(record) is not None


@pytest.mark.parametrize("script", [SLEEP, STUBBORN], ids=["willing", "stubborn"])
@pytest.mark.parametrize("stopped", [False, True])
def test_it_is_ended_whatever_it_does(start: Start, script: str, stopped: bool) -> None:
    process = find_process(start(script))
    assert process is not None
    if stopped:
        process.suspend()
    end([process], within_s=1.0)
    assert not process.is_running()


def test_ending_one_that_has_ended_is_harmless(start: Start) -> None:
    process = find_process(start())
    assert process is not None
    end([process])
    end([process])


def test_it_has_a_session_of_its_own_and_no_input(start: Start, tmp_path: Path) -> None:
    record = start()
    assert os.getsid(record.pid) == record.pid
    assert os.readlink(f"/proc/{record.pid}/fd/0") == os.devnull  # noqa: PTH115


def test_strays_are_this_programs_in_this_folder_and_on_no_record(start: Start, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    known, stray, elsewhere = start(folder=tmp_path / "here"), start(folder=tmp_path / "here"), start()
    found = find_strays(tmp_path / "here", [sys.executable], [known])
    assert [process.pid for process in found] == [stray.pid]
    assert find_strays(tmp_path / "here", ["/bin/other"], [known]) == []
    assert elsewhere.pid not in [process.pid for process in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it printed nothing"),
        ("one\ntwo\n\n", "two"),
        ("Traceback (most recent call last):\n  File\nValueError: no\nnote: more\n", "ValueError: no"),
        (
            "sqlite3.DatabaseError: file is not a database\n(Background on this error)\n",
            "sqlite3.DatabaseError: file is not a database",
        ),
        (
            "ERROR:    [Errno 98] address already in use\nINFO:     Waiting\n",
            "ERROR:    [Errno 98] address already in use",
        ),
        ("ValueError: no\nERROR:    Application startup failed. Exiting.\n", "ValueError: no"),
        ("error: Failed to fetch\n  Caused by: dns\n", "error: Failed to fetch"),
        ("no error here, an Error of none\nlast\n", "last"),
        ("x" * 500, "x" * 300),
    ],
)
def test_the_last_words_name_the_error_if_there_is_one(tmp_path: Path, text: str, words: str) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"ValueError: of an earlier run\n" + text.encode())
    assert last_words(log, len(b"ValueError: of an earlier run\n")) == words
    assert last_words(tmp_path / "absent.log") == "it printed nothing"


def test_a_large_log_is_set_aside_before_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT_BYTES", 10)
    log = tmp_path / "logs" / "a.log"
    assert processes.size_after_rotation(log) == 0
    log.write_bytes(b"0123456789")
    assert processes.size_after_rotation(log) == 10
    log.write_bytes(b"0123456789+")
    assert processes.size_after_rotation(log) == 0
    assert (log.exists(), (tmp_path / "logs" / "a.log.1").read_bytes()) == (False, b"0123456789+")


def test_a_command_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start_detached([str(tmp_path / "none")], folder=tmp_path, log=tmp_path / "a.log", environment={})
