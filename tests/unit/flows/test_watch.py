"""The watcher's patience: what cannot be done is said once, tried again less and less often, and said when it works."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from flows import watched as module
from flows.watched import Watch, attempt, backoff_s, ended_by_signals, tell
from tasks.config import Config
from tasks.errors import ArgillaError, IntegrityError, RatchetError, UnreachableError
from tasks.home import Home


@pytest.fixture
def watched(ratchet_home: Path) -> Watch:
    config = Config.model_validate({"name": "tiny", "questions": "q.jsonl", "root": ratchet_home})
    return Watch(config, Path("ratchet.yaml"), Home(ratchet_home), {}, as_json=True)


class Clock:
    """A clock that stands still until it is told to go on, and a step that fails as told."""

    def __init__(self) -> None:
        self.now_s, self.tries, self.error = 0.0, 0, None
        self.error: RatchetError | None

    def step(self) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now_s)
    return clock


def test_what_cannot_be_done_is_said_once_and_so_is_that_it_works_again(
    watched: Watch, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.error = UnreachableError("Argilla does not answer: start it.")
    for _ in range(1000):
        clock.now_s += 1.0
        attempt(watched, "fetching labels", clock.step)
    assert capsys.readouterr().err == "fetching labels has to wait: Argilla does not answer: start it.\n"

    clock.error, clock.now_s = None, 10_000.0
    for _ in range(3):
        attempt(watched, "fetching labels", clock.step)
    assert capsys.readouterr().err == "fetching labels works again\n"


def test_it_is_tried_less_and_less_often_and_every_five_minutes_in_the_end(watched: Watch, clock: Clock) -> None:
    clock.error, tried_at = UnreachableError("away"), []
    for second in range(2000):
        clock.now_s, before = float(second), clock.tries
        attempt(watched, "starting rounds", clock.step)
        if clock.tries > before:
            tried_at.append(second)

    assert tried_at == [0, 10, 30, 70, 150, 310, 610, 910, 1210, 1510, 1810]
    assert backoff_s(10_000) == 300.0


def test_a_problem_of_another_kind_is_said_too(
    watched: Watch, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (UnreachableError("away"), UnreachableError("still away"), ArgillaError("the key is wrong")):
        clock.error, clock.now_s = error, clock.now_s + 1000.0
        attempt(watched, "fetching labels", clock.step)

    assert capsys.readouterr().err.splitlines() == [
        "fetching labels has to wait: away",
        "fetching labels has to wait: the key is wrong",
    ]


def test_one_outage_keeps_nothing_else_from_being_done(watched: Watch, clock: Clock) -> None:
    clock.error = UnreachableError("away")
    attempt(watched, "fetching labels", clock.step)
    clock.error, before = None, clock.tries
    attempt(watched, "starting rounds", clock.step)

    assert clock.tries == before + 1
    assert list(watched.outages) == ["fetching labels"]


def test_a_damaged_log_ends_the_watcher(watched: Watch, clock: Clock) -> None:
    clock.error = IntegrityError("a segment was altered")
    with pytest.raises(IntegrityError):
        attempt(watched, "starting rounds", clock.step)


def test_each_event_is_one_json_object_on_stdout(watched: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    tell(watched, "labels", "3 of 5 new labels are in", new=1, count=3)

    told = capsys.readouterr()
    event = json.loads(told.out)
    assert told.err == "3 of 5 new labels are in\n"
    assert event.pop("at").startswith("20")
    assert event == {"event": "labels", "new": 1, "count": 3}
    assert told.out.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_block_and_a_second_one_does_not_disturb_the_tidying_up(number: signal.Signals) -> None:
    before, tidied = signal.getsignal(number), []
    with ended_by_signals():
        try:
            os.kill(os.getpid(), number)
            time.sleep(10.0)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            tidied.append(True)

    assert tidied == [True]
    assert signal.getsignal(number) is before
