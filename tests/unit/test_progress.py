"""Progress goes to stderr: a bar with an ETA on a terminal, plain lines elsewhere."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import progress

REPOSITORY = Path(__file__).parents[2]


class Clock:
    """Stands in for `time` and only moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_message_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say("downloading “naïve”")
    assert capsys.readouterr() == ("", "downloading “naïve”\n")


def test_lines_come_at_the_start_every_ten_seconds_and_at_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.track("judging", 8) as advance:
        for seconds in (4, 4, 4, 4, 4, 4):
            clock.now += seconds
            advance(1)
        advance(2)
    assert capsys.readouterr() == (
        "",
        "judging: 8 to do\njudging: 3/8, about 20 s left\njudging: 6/8, about 8 s left\njudging: 8/8 in 24.0 s\n",
    )


@pytest.mark.parametrize(("steps", "end"), [((), "0/0"), ((0,), "0/0")])
def test_nothing_to_do_is_said_and_divides_by_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str], steps: tuple[int, ...], end: str
) -> None:
    with progress.track("judging", 0) as advance:
        clock.now += 60
        for step in steps:
            advance(step)
    assert capsys.readouterr().err == f"judging: 0 to do\njudging: {end} in 60.0 s\n"


def test_work_that_fails_is_not_reported_as_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), progress.track("judging", 2) as advance:
        advance(1)
        _ = 1 / 0
    assert capsys.readouterr().err == "judging: 2 to do\n"


def test_on_a_terminal_there_is_a_bar_with_an_eta_and_stdout_stays_clean() -> None:
    script = """
from tasks.progress import track
with track("judging", 3) as advance:
    for _ in range(3):
        advance(1)
"""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.stdout == b""
    assert all(part in shown for part in ("judging", "3/3", "ETA", "━"))
    assert "to do" not in shown
