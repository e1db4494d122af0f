"""RATCHET_HOME: where every file goes, and the lock that lets one round at a time change it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import HomeError
from tasks.files import describe_write_error


@dataclass(frozen=True)
class Home:
    """The folders below RATCHET_HOME. Delete the root and you start anew; nothing is written elsewhere."""

    root: Path

    @property
    def models(self) -> Path:
        """Base models made loadable, one folder each."""
        return self.root / "models"

    @property
    def objects(self) -> Path:
        """Content-addressed JSONL files: questions, documents, candidates, answers."""
        return self.root / "objects"

    @property
    def answers(self) -> Path:
        """Which object holds an arm's answers, by the hash of model, prompts and decoding."""
        return self.root / "answers"

    @property
    def snapshots(self) -> Path:
        """Datasets, one folder each, named by their sha256."""
        return self.root / "snapshots"

    @property
    def adapters(self) -> Path:
        """LoRA weights, one folder each, named by their sha256."""
        return self.root / "adapters"

    @property
    def exports(self) -> Path:
        """Challengers in the forms that consumers take, by the sha256 of their weights, a folder a form."""
        return self.root / "exports"

    @property
    def prefect(self) -> Path:
        """Prefect's own home."""
        return self.root / "prefect"

    @property
    def mlflow_database(self) -> Path:
        return self.root / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.root / "mlartifacts"

    def feedback_log(self, domain: str) -> Path:
        """The append-only feedback log of a domain: immutable segments."""
        return self.root / "feedback" / domain

    def rounds(self, domain: str) -> Path:
        """The ledger of a domain's rounds, one folder each."""
        return self.root / "rounds" / domain

    def benchmarks(self, domain: str) -> Path:
        """The reports of a domain's benchmarks, one folder each, named by what was compared."""
        return self.root / "benchmarks" / domain

    def round(self, domain: str, number: int) -> Path:
        """One round's records, work in progress and report."""
        return self.rounds(domain) / f"{number:04d}"


def find_home() -> Home:
    """The home named by RATCHET_HOME, or `.ratchet` in the current folder; it need not exist yet."""
    return Home(Path(os.environ.get("RATCHET_HOME") or ".ratchet").expanduser().resolve())


def make_writable(home: Home) -> None:
    """Creates the home, readable by its owner only.

    Raises:
        HomeError: when it cannot be created or written.
    """
    probe = home.root / ".writable"
    try:
        home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_bytes(b"x")
        probe.unlink(missing_ok=True)  # another process may be probing, too
    except OSError as error:
        raise HomeError(describe_write_error(home.root, error)) from error


@contextmanager
def lock(home: Home, purpose: str, *, wait: bool = False) -> Iterator[None]:
    """Holds the home's only lock while the block runs; the system releases it when the process dies.

    Args:
        wait: for as long as another process holds it, which may be a whole round.

    Raises:
        HomeError: when another process holds it and this one does not wait, naming its pid and what it does.
    """
    make_writable(home)
    path = home.root / "lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise HomeError(_describe_holder(home, file.read())) from error
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"pid": os.getpid(), "purpose": purpose}))
        file.flush()
        yield


def _describe_holder(home: Home, text: str) -> str:
    try:
        holder = json.loads(text)
        who = f"process {holder['pid']} ({holder['purpose']})"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return f"{home.root} is in use by {who}: wait until it ends, or set RATCHET_HOME to another folder."
