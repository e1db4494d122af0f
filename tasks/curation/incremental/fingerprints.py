"""Whether files are as they were when they were last looked at, told without reading them.

Their bytes are verified once. After that, inode, size and times of change show whether anybody has written to them, as
they do for git and make; to read a gigabyte again for each thousand judgements would cost what history costs. Where
they differ, after a copy or a restored backup, say, the bytes are verified again. What they do not show is a disk that
returns other bytes than were written to it.
"""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

# It changes with every start of the system, after which files that were not forced to the disk may hold anything.
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# Times of change tick every 10 ms at the slowest on common file systems.
_TICK_NS = 20_000_000


def fingerprint(paths: Iterable[Path]) -> str:
    """A hash over all that the file system notes when somebody writes to these files.

    Empty, which no fingerprint is like, where a file is missing or the system does not tell when it was started.
    """
    return _fingerprint(paths)[0]


def settled_fingerprint(paths: Iterable[Path]) -> str:
    """The `fingerprint`, taken so late that whoever writes to a file from now on changes it: 20 ms after the last."""
    found, changed_ns = _fingerprint(paths)
    if found:
        time.sleep(min(max(changed_ns + _TICK_NS - time.time_ns(), 0), _TICK_NS) / 1e9)
    return found


def is_untouched(paths: Iterable[Path], before: str) -> bool:
    """Whether nobody has written to these files since their `settled_fingerprint` was taken."""
    return bool(before) and fingerprint(paths) == before


def _fingerprint(paths: Iterable[Path]) -> tuple[str, int]:
    """The fingerprint, and when the last of the files was changed, in nanoseconds since 1970."""
    last_ns = 0
    try:
        lines = [_BOOT.read_text(encoding="ascii").strip()]
        for path in sorted(paths):
            seen = path.stat()
            last_ns = max(last_ns, seen.st_ctime_ns)
            lines.append(f"{path.name} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}")
    except OSError:
        return "", 0
    return hashlib.sha256("\n".join(lines).encode()).hexdigest(), last_ns
