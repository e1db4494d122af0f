"""A round that was killed leaves no server behind for long."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from flows.leftovers import OWNER, end_orphaned_servers

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that looks like Prefect's temporary server of the round with the given pid."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(owner: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import time; time.sleep(60)", "prefect.server.api.server:create_app"]
        process = subprocess.Popen(command, env={**os.environ, OWNER: owner})
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def ended_pid() -> int:
    """The pid of a process that is no longer."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_server_whose_round_is_dead_is_ended(start: Start) -> None:
    server = start(str(ended_pid()))
    assert server.pid in end_orphaned_servers()
    assert not psutil.pid_exists(server.pid)


def test_a_round_that_was_killed_but_not_waited_for_counts_as_dead(start: Start) -> None:
    round_ = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    server = start(str(round_.pid))
    assert end_orphaned_servers() == []
    round_.kill()
    while psutil.Process(round_.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert end_orphaned_servers() == [server.pid]
    round_.wait()


def test_servers_of_living_rounds_and_of_nobody_are_left_alone(start: Start) -> None:
    own, foreign = start(str(os.getpid())), start("")
    ended = end_orphaned_servers()
    assert own.pid not in ended and foreign.pid not in ended
    assert own.poll() is None and foreign.poll() is None
