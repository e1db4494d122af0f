"""One pull at a time: what an older one read must not reach the log after what a newer one read."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.home import Home, make_writable


@contextmanager
def one_pull_at_a_time(home: Home, domain: str) -> Iterator[None]:
    """Waits until no other process pulls for the domain, and keeps others waiting while the block runs.

    What an older pull read could otherwise reach the log after a newer one, and bring back an answer that was
    cleared meanwhile. The system releases the lock when the process dies.

    Raises:
        HomeError: when the home cannot be written.
    """
    make_writable(home)
    folder = home.feedback_log(domain)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pull.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
