"""What a watcher works on, what it cannot do for now, and how it tells what happens."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks.config import Config
from tasks.deployments import Kind
from tasks.errors import ArgillaError, DomainError, HomeError, RatchetError, UnreachableError
from tasks.feedback.new_labels import NewLabels
from tasks.home import Home
from tasks.progress import say
from tasks.services.watcher import WatcherNote, write_note

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

FIRST_BACKOFF_S, LAST_BACKOFF_S = 10.0, 300.0


@dataclass
class Outage:
    """Something that cannot be done for now, and when to try again (seconds of the monotonic clock)."""

    attempts: int
    problem: RatchetError
    until: float


@dataclass
class Watch:
    """What the watcher works on, and what it remembers from one look to the next.

    Attributes:
        leave_rounds: the workers of the deployments' work pool run the rounds, not this process.
        deployments: those of the domain.
        ids: what the server calls them.
        woken: set by the webhook.
        outages: what cannot be done for now, by what it is.
        webhook_url: where Argilla is to call; None: nowhere.
        webhook_secret: None until Argilla knows the webhook.
        counted: the state of log and ledger that was counted last, and the count.
        files: the files of documents at the last look, and those that were last compared with the last round's.
        ended_before: runs that ended before have been told.
        rounds_told: how many rounds were finished when that was last told.
    """

    config: Config
    config_path: Path
    home: Home
    deployments: "Mapping[Kind, RunnerDeployment]"
    as_json: bool
    leave_rounds: bool = False
    ids: dict[Kind, UUID] = field(default_factory=dict)
    woken: threading.Event = field(default_factory=threading.Event)
    outages: dict[str, Outage] = field(default_factory=dict)
    webhook_url: str | None = None
    webhook_secret: str | None = None
    counted: tuple[Any, NewLabels] | None = None
    files: tuple[str, str] = ("", "")
    ended_before: datetime = field(default_factory=lambda: datetime.now(UTC))
    rounds_told: int = 0


def attempt(watched: Watch, what: str, step: Callable[[], None]) -> None:
    """Does the step, or says once that it cannot be done and tries it again later, less and less often."""
    outage = watched.outages.get(what)
    if outage is not None and time.monotonic() < outage.until:
        return
    try:
        step()
    except (UnreachableError, ArgillaError, DomainError, HomeError) as error:
        if outage is None or type(outage.problem) is not type(error):
            tell(watched, "stopped", f"{what} has to wait: {error}", what=what, errors=list(error.problems))
        attempts = outage.attempts + 1 if outage is not None else 1
        watched.outages[what] = Outage(attempts, error, time.monotonic() + backoff_s(attempts))
    else:
        if watched.outages.pop(what, None) is not None:
            tell(watched, "resumed", f"{what} works again", what=what)


def sign(watched: Watch, *, running: bool = False) -> None:
    """Leaves the watcher's sign of life, for `ratchet services`."""
    problems = tuple(f"{what} has to wait: {outage.problem}" for what, outage in watched.outages.items())
    write_note(watched.home, watched.config.name, WatcherNote(pid=os.getpid(), running=running, problems=problems))


def backoff_s(attempts: int) -> float:
    """Seconds to wait after this many failures in a row: ten, twice as long each time, at most five minutes."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(attempts - 1, 10), LAST_BACKOFF_S)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """The block ends quietly at SIGINT or SIGTERM; a second one does not disturb the tidying up after the first."""
    signals = (signal.SIGINT, signal.SIGTERM)

    def end(_number: int, _frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, end) for each in signals}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def tell(watched: Watch, event: str, sentence: str, **facts: Any) -> None:
    """Says the sentence to stderr and, for machines, the event with its facts to stdout."""
    say(sentence)
    if watched.as_json:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        sys.stdout.write(json.dumps({"event": event, "at": moment, **facts}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
