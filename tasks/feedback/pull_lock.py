"""One pull at a time: what an older one read must not reach the log after what a newer one read."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.files import one_at_a_time
from tasks.home import Home, make_writable


@contextmanager
def one_pull_at_a_time(home: Home, domain: str) -> Iterator[None]:
    """Waits until no other process pulls for the domain, and keeps others waiting while the block runs.

    What an older pull read could otherwise reach the log after a newer one, and bring back an answer that was
    cleared meanwhile.

    Raises:
        HomeError: when the home cannot be written.
    """
    make_writable(home)
    with one_at_a_time(home.feedback_log(domain) / "pull.lock"):
        yield
