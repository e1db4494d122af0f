"""Progress of long work: a bar with an ETA on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

LINE_EVERY_S = 10.0


def say(message: str) -> None:
    """Prints one line of progress to stderr, so that stdout stays machine-readable."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def listed(counts: Mapping[str, int]) -> str:
    """`3 unsure, 2 diverse`: the counts above zero, in their order; empty when there are none."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)


@contextmanager
def track(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields `advance(steps)`; shows how far `total` is reached and when it will be.

    On a terminal it is a bar; elsewhere a line at the start of the work, every ten seconds, and at the end.
    """
    if sys.stderr.isatty():
        with _bar(label, total) as advance:
            yield advance
        return
    started = last = time.monotonic()
    done = 0

    def advance_line(steps: int) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= LINE_EVERY_S and 0 < done < total:
            last = now
            left_s = (now - started) / done * (total - done)
            say(f"{label}: {done}/{total}, about {left_s:.0f} s left")

    say(f"{label}: {total} to do")
    yield advance_line
    say(f"{label}: {done}/{total} in {time.monotonic() - started:.1f} s")


@contextmanager
def _bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda steps: progress.advance(task, steps)
