"""What tests have Ray do: functions of a module that its processes can import."""

import os
import signal
from pathlib import Path

from tasks.errors import ModelError


def double_or_die(shard: tuple[int, Path]) -> int:
    """Twice the number; the first process that gets an odd one is killed in the middle of it."""
    number, marker = shard
    if number % 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def always_die(shard: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return shard


def refuse(shard: int) -> int:
    raise ModelError(f"Shard {shard} is refused.", "And a second sentence.")


def break_down(shard: int) -> int:
    raise KeyError(shard)
