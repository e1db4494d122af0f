"""A tiny domain, and the real command line run on it: real Prefect, real MLflow, real training of a tiny model."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e.watching import PrefectServer

TIMEOUT_S = 300.0
POLL_S = 0.02
VERBS = ("sort", "chain", "group", "merge", "count", "split", "join", "slice", "zip", "map")
TRAIN_FAMILIES = ("iterators", "elements", "functions", "modules")
TEST_FAMILIES = ("generators", "sequences")
DOMAIN: dict[str, Any] = {
    "name": "tiny",
    "documents": ["documents/*.md"],
    "questions": "questions.jsonl",
    "model": {"threads": 1},
    "generation": {"max_new_tokens": 8},
    "collect": {"questions": 8, "candidates": 3},
    "train": {
        "lora": {"r": 16, "alpha": 32},
        "sft": {"epochs": 6, "learning_rate": 0.01},
        "dpo": {"min_pairs": 2, "epochs": 1, "batch_size": 2, "gradient_accumulation": 1, "learning_rate": 1e-5},
        "checkpoint_steps": 2,
    },
    "evaluate": {"max_questions": 12, "bootstrap_resamples": 1000},
    "promote": {"min_test_questions": 5},
}


@dataclass(frozen=True)
class Ratchet:
    """The command line on one home and one domain folder, each command in a process of its own."""

    home: Path
    config: Path

    @property
    def round_folder(self) -> Path:
        """The first round's records and work."""
        return self.round(1)

    def round(self, number: int) -> Path:
        """A round's records and work."""
        return self.home / "rounds" / "tiny" / f"{number:04d}"

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """The finished command."""
        with self.start(*arguments, cwd=cwd) as process:
            out, err = process.communicate(timeout=TIMEOUT_S)
            return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def done(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """The finished command, which must have ended well."""
        finished = self.run(*arguments, cwd=cwd)
        assert finished.returncode == 0, f"{arguments} ended with {finished.returncode}:\n{finished.stderr}"
        return finished

    def json(self, *arguments: str) -> dict[str, Any]:
        """What the command prints with --json: one object and nothing else."""
        printed: dict[str, Any] = json.loads(self.done(*arguments, "--json").stdout)
        return printed

    def go(self, *arguments: str) -> dict[str, Any]:
        """The result of `ratchet round`."""
        return self.json("round", str(self.config), *arguments)

    @contextmanager
    def start(self, *arguments: str, cwd: Path | None = None, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """The command, running in a process group of its own; nothing of the group outlives the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            env=environment(self.home) | variables,
            cwd=cwd or self.config.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            kill_group(process)

    def kill_when(self, reached: Callable[[], bool], *arguments: str) -> None:
        """Starts the command and kills it with all its children, by SIGKILL, as soon as `reached()` holds."""
        with self.start(*arguments) as process:
            deadline = time.monotonic() + TIMEOUT_S
            while not reached():
                assert process.poll() is None, f"it ended before it could be killed:\n{process.communicate()}"
                assert time.monotonic() < deadline, "it never got there"
                time.sleep(POLL_S)

    def kill_after(self, said: str, delay_s: float, *arguments: str, **variables: str) -> bool:
        """Starts the command and kills it with its children, by SIGKILL, so long after it began a line with that.

        Returns whether it was still running then.
        """
        with self.start(*arguments, **variables) as process:
            assert process.stderr is not None
            overdue = threading.Timer(TIMEOUT_S, process.kill)
            overdue.start()
            assert any(line.startswith(said) for line in process.stderr), f"it ended before it said {said!r}"
            overdue.cancel()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=delay_s)
            return process.poll() is None

    def record(self, stage: str, number: int = 1) -> dict[str, Any]:
        """What the stage left in the ledger."""
        entry = json.loads((self.round(number) / f"{stage}.json").read_text(encoding="utf-8"))
        record: dict[str, Any] = entry["record"]
        return record

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of MLflow's database; none while it does not exist."""
        database = self.home / "mlflow.db"
        if not database.exists():
            return []
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10.0)) as connection:
            try:
                return connection.execute(statement).fetchall()
            except sqlite3.OperationalError:  # no such table yet, or locked for a moment
                return []

    def training_runs(self) -> list[tuple[str, str]]:
        """Round and status of each MLflow run that trained."""
        return self.query(
            "select t.value, r.status from runs r join tags t using (run_uuid) where t.key = 'ratchet.round' order by 1"
        )


def environment(home: Path) -> dict[str, str]:
    """The tests' own environment, with this home and nothing of another Prefect."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RATCHET_"))}
    repository = str(Path(__file__).parents[2])
    return {
        **kept,
        "RATCHET_HOME": str(home),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), repository])),
    }


def kill_group(process: "subprocess.Popen[str]") -> None:
    """Ends the process and whatever it started, and waits for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30.0)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def questions() -> list[dict[str, str]]:
    """Sixty questions in six families, two of them held out; every answer can be learned from the others."""
    return [
        {
            "id": f"{family}-{verb}",
            "question": f"What does the function {verb} do to the {family}?",
            "answer": "It returns an iterator over the elements.",
            "family": family,
            "split": "test" if family in TEST_FAMILIES else "train",
        }
        for family in (*TRAIN_FAMILIES, *TEST_FAMILIES)
        for verb in VERBS
    ]


def write_domain(folder: Path, base: str, **changes: Any) -> Path:
    """A domain folder; a section in `changes` is merged into the config's own. Returns the config's path."""
    config: dict[str, Any] = {**DOMAIN, "model": {**DOMAIN["model"], "base": base}}
    for name, value in changes.items():
        config[name] = {**config.get(name, {}), **value} if isinstance(value, dict) else value
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for family in TRAIN_FAMILIES:
        text = f"# {family}\n\nA function over {family} returns an iterator over the elements.\n"
        (folder / "documents" / f"{family}.md").write_text(text, encoding="utf-8")
    lines = "".join(f"{json.dumps(question)}\n" for question in questions())
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    path = folder / "ratchet.yaml"
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")  # JSON is YAML
    return path


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[PrefectServer]:
    """A Prefect server that stays while the module's tests run."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"), free_port())
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def make_ratchet(tmp_path_factory: pytest.TempPathFactory, tiny_model_source: Path) -> Callable[..., Ratchet]:
    """Makes a domain with a home of its own; keyword arguments change the config's sections."""

    def make(home: Path | None = None, base: str = str(tiny_model_source), **changes: Any) -> Ratchet:
        folder = tmp_path_factory.mktemp("ratchet")
        return Ratchet(home or folder / "home", write_domain(folder / "domain", base, **changes))

    return make


@pytest.fixture(scope="session")
def promoted(make_ratchet: Callable[..., Ratchet]) -> tuple[Ratchet, dict[str, Any]]:
    """A domain after its first round, which nothing disturbed, and what that round came to."""
    ratchet = make_ratchet()
    ratchet.go()
    return ratchet, outcome(ratchet)


def outcome(ratchet: Ratchet) -> dict[str, Any]:
    """What the first round came to: all that must not depend on when it ran, or on how often it was killed."""
    adapter, decision = ratchet.record("train"), ratchet.record("promote")
    for record in (adapter, decision["challenger"]["adapter"], decision["champion"]["adapter"] or {}):
        record.pop("train_s", None)  # seconds differ from run to run
        record.pop("mlflow_run_id", None)
    decision.pop("report_sha256")  # of a report that has latencies in it, as has
    decision["evidence"]["fitness"].pop("latency_s")
    versions = ratchet.json("history", "--config", str(ratchet.config))["versions"]
    return {
        "snapshot": ratchet.record("curate")["sha256"],
        "adapter": adapter,
        "decision": decision,
        "judgements": ratchet.json("status", "--config", str(ratchet.config))["feedback"],
        "versions": [(entry["version"]["version"], entry["aliases"]) for entry in versions],
        "training runs": ratchet.training_runs(),
    }


@pytest.fixture(scope="session")
def outcome_of() -> Callable[[Ratchet], dict[str, Any]]:
    """`outcome`, for tests."""
    return outcome


@pytest.fixture
def ratchet(make_ratchet: Callable[..., Ratchet]) -> Ratchet:
    """A domain with an empty home."""
    return make_ratchet()
