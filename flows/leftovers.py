"""Processes that a killed round leaves behind.

Prefect's temporary server is a child of the round and ends with it, but not when the round dies by kill -9: then
it stays, unused, until the machine restarts.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

OWNER = "RATCHET_ROUND_PID"
_SERVER = "prefect.server"


def own_servers() -> None:
    """Marks the servers that this process will start as its own; they inherit the mark."""
    os.environ[OWNER] = str(os.getpid())


def end_orphaned_servers() -> list[int]:
    """Ends temporary servers whose round is no longer alive; returns their pids."""
    import psutil

    orphans = [process for process in psutil.process_iter() if _is_orphan(process)]
    for process in orphans:
        process.terminate()
    _, stubborn = psutil.wait_procs(orphans, timeout=10)
    for process in stubborn:
        process.kill()
    return [process.pid for process in orphans]


def _is_orphan(process: "psutil.Process") -> bool:
    import psutil

    try:
        if not any(_SERVER in word for word in process.cmdline()):
            return False
        owner = process.environ().get(OWNER, "")
    except psutil.Error:
        return False  # it ended meanwhile, or is another user's
    return owner.isdigit() and not _is_alive(int(owner))


def _is_alive(pid: int) -> bool:
    import psutil

    try:
        # A killed process that nobody has waited for still has its pid.
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
