"""A Prefect server and a running `ratchet watch` that tests can start, listen to and end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from prefect.client.base import PrefectHttpxSyncClient

from tasks.feedback import log
from tasks.files import sha256_of
from tasks.home import Home
from tasks.records import Feedback

TIMEOUT_S = 240.0


@dataclass
class PrefectServer:
    """A real server on loopback, with a home of its own, that can be ended and started again."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)],
            env={**without_prefect(), "PREFECT_HOME": str(self.folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
            stdout=(self.folder / "out.txt").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(self.answers, "the Prefect server does not start", (self.folder / "out.txt").read_text)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2.0).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30.0)
            self.process = None

    def get(self, path: str, /) -> Any:
        """What the server says of a thing."""
        return ask_prefect(self.url, "GET", path)

    def post(self, path: str, /, **body: Any) -> Any:
        """What the server answers to a filter, or when a thing is created."""
        return ask_prefect(self.url, "POST", path, body)


@dataclass
class Watcher:
    """A running `ratchet watch --json` in a process group of its own, and what it has written so far."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        happened = [json.loads(line) for line in self.out.read_text().splitlines()]
        return [event for event in happened if event["event"] == name]

    def wait_for(self, name: str, times: int = 1) -> dict[str, Any]:
        """The event, which must come before the watcher ends."""
        wait_until(lambda: len(self.events(name)) >= times or self.is_over(), name, self.said)
        assert len(self.events(name)) >= times and (name == "failed" or not self.events("failed")), self.said()
        return self.events(name)[-1]

    def is_over(self) -> bool:
        return self.process.poll() is not None or bool(self.events("failed"))

    def wait_to_say(self, text: str) -> None:
        wait_until(lambda: text in self.err.read_text() or self.is_over(), text, self.said)
        assert text in self.err.read_text(), self.said()

    def said(self) -> str:
        return self.out.read_text() + self.err.read_text()

    def end(self, number: int) -> int:
        """Sends the signal to the watcher's whole group, as a terminal does; returns the exit status."""
        os.killpg(self.process.pid, number)
        return self.process.wait(timeout=90.0)


def ask_prefect(url: str, method: str, path: str, body: Any = None) -> Any:
    """What a Prefect server's API answers, if anything; asked again, as Prefect's own commands do, while it is busy.

    With SQLite as its database, it answers 503 when it was kept from writing for a while, at its start above all.
    """
    with PrefectHttpxSyncClient(base_url=url, timeout=60.0) as client:
        answer = client.request(method, path, json=body)
        return answer.json() if answer.content else None


def wait_until(reached: Callable[[], bool], what: str, said: Callable[[], str]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not reached():
        assert time.monotonic() < deadline, f"waited in vain: {what}\n{said()}"
        time.sleep(0.1)


def without_prefect() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RATCHET_"))}


def watch_environment(home: Path, url: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(Path(__file__).parents[2])]))
    return {**without_prefect(), "RATCHET_HOME": str(home), "PREFECT_API_URL": url, "PYTHONPATH": path}


def give_labels(ratchet: Any, *names: str) -> None:
    """What people said, in the log."""
    rows = [
        Feedback(
            id=sha256_of(name),
            question_id="iterators-sort",
            candidate_a="a" * 64,
            candidate_b="b" * 64,
            preference="a",
            source="human",
            annotator="someone",
            round=1,
        )
        for name in names
    ]
    log.append(Home(ratchet.home), "tiny", rows)


def living_group(group: int) -> list[str]:
    """The processes of the group that have not ended."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found
