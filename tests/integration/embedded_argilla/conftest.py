"""The real command line on a real, installed Argilla."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tasks.embedded_argilla.connection import connection_of
from tasks.embedded_argilla.lifecycle import examine
from tasks.home import Home

TIMEOUT_S = 180.0
POLL_S = 0.05
REPOSITORY = Path(__file__).parents[3]
LABELS = {"type": "label_selection", "options": [{"value": each, "text": each} for each in ("good", "bad")]}


@dataclass(frozen=True)
class Argilla:
    """`ratchet argilla` on one home, each command in a process of its own."""

    home: Path
    port: int

    @property
    def folder(self) -> Path:
        return self.home / "argilla"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The command, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "argilla", *arguments],
            env={**os.environ, "RATCHET_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The finished command."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str) -> dict[str, Any]:
        """What the command prints with --json; it must end well."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    def up(self) -> dict[str, Any]:
        return self.json("up", "--port", str(self.port))

    def status(self) -> tuple[int, dict[str, Any]]:
        """Exit status and what is printed."""
        done = self.run("status", "--json")
        return done.returncode, json.loads(done.stdout)

    def states(self) -> dict[str, str]:
        """Each service's state."""
        return {health.service: health.state for health in examine(Home(self.home))}

    def pids(self) -> dict[str, int | None]:
        """Each service's process."""
        return {health.service: health.pid for health in examine(Home(self.home))}

    def process(self, service: str) -> psutil.Process:
        return psutil.Process(self.pids()[service])

    def kill(self, service: str) -> psutil.Process:
        """Kills a service by SIGKILL and waits until it is gone."""
        process = self.process(service)
        process.kill()
        process.wait(30)
        return process

    def processes(self) -> dict[int, str]:
        """Every process that works in this Argilla's folder, recorded or not, and its program."""
        found = {}
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == self.data:
                    found[process.pid] = " ".join(process.cmdline())
            except (psutil.Error, OSError):
                continue
        return found

    @contextmanager
    def client(self, api_key: str = "") -> Iterator[httpx.Client]:
        """A client of Argilla's API, the owner's unless a key is given; an answer that is no success raises."""
        owner = connection_of(Home(self.home))
        assert owner is not None
        with httpx.Client(
            base_url=f"{owner.url}/api/v1",
            headers={"X-Argilla-Api-Key": api_key or owner.api_key},
            event_hooks={"response": [raise_with_body]},
            trust_env=False,
            timeout=30,
        ) as client:
            yield client

    def publish(self, name: str, texts: Sequence[str]) -> str:
        """A published dataset with a record for each text, in a workspace of its own, of the same name; its id."""
        with self.client() as api:
            workspace = api.post("/workspaces", json={"name": name}).json()["id"]
            dataset: str = api.post("/datasets", json={"name": name, "workspace_id": workspace}).json()["id"]
            text = {"name": "text", "title": "Text", "required": True, "settings": {"type": "text"}}
            label = {**text, "name": "label", "title": "Label", "settings": LABELS}
            api.post(f"/datasets/{dataset}/fields", json=text)
            api.post(f"/datasets/{dataset}/questions", json=label)
            api.put(f"/datasets/{dataset}/publish")
            items = [{"fields": {"text": each}} for each in texts]
            api.post(f"/datasets/{dataset}/records/bulk", json={"items": items})
        return dataset

    def search(self, dataset: str, words: str) -> list[str]:
        """The texts of the records that the search engine finds."""
        with self.client() as api:
            found = api.post(f"/datasets/{dataset}/records/search", json={"query": {"text": {"q": words}}}).json()
        return [item["record"]["fields"]["text"] for item in found["items"]]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of Argilla's database."""
        with closing(sqlite3.connect(self.data / "argilla.db", timeout=10)) as connection:
            return connection.execute(statement).fetchall()


def raise_with_body(response: httpx.Response) -> None:
    response.read()
    assert response.is_success, f"{response.request.method} {response.request.url}: {response.text}"


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Polls until a condition holds."""

    def wait(reached: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while not reached():
            assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
            time.sleep(POLL_S)

    return wait


@pytest.fixture
def fresh(argilla_home: Callable[..., Path], free_port: Callable[[], int]) -> Iterator[Argilla]:
    """An installed Argilla that was never up."""
    argilla = Argilla(argilla_home(), free_port())
    yield argilla
    argilla.run("down")


@pytest.fixture(scope="module")
def shared(argilla_home: Callable[..., Path], free_port: Callable[[], int]) -> Iterator[Argilla]:
    argilla = Argilla(argilla_home(), free_port())
    yield argilla
    argilla.run("down")


@pytest.fixture
def argilla(shared: Argilla) -> Argilla:
    """An Argilla that works as the test begins; the tests of a module damage the same one, one after another."""
    shared.up()
    return shared
