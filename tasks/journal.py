"""An append-only file of JSON objects that a kill in mid-write cannot damage beyond its last line.

Each line is a checksum and an object. A line that is torn or altered is left out and counted. What was appended
outlives the process at once, and a power cut after a second or so.
"""

import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import HomeError
from tasks.files import canonical_json, describe_write_error

_SYNC_EVERY_S = 1.0
_CHECKSUM_DIGITS = 16


@dataclass
class Journal:
    """An open journal.

    Attributes:
        entries: what it held when it was opened, in the order of writing.
        damaged: lines left out because they are not what was once written.
    """

    entries: list[dict[str, Any]]
    damaged: int
    _path: Path
    _file: int
    _torn: bool = False
    _synced_at: float = 0.0

    def append(self, entry: Mapping[str, Any]) -> None:
        """Adds one object.

        Raises:
            HomeError: when the disk is full or not writable.
        """
        text = canonical_json(entry)
        # A line that a kill or a full disk cut short is ended first.
        line = b"\n" * self._torn + f"{_checksum(text)} {text}\n".encode()
        with _translated(self._path):
            self._torn = os.write(self._file, line) < len(line)
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if time.monotonic() - self._synced_at > _SYNC_EVERY_S:
                os.fsync(self._file)
                self._synced_at = time.monotonic()


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Opens the journal, which is made when it is missing, readable by its owner only.

    Raises:
        HomeError: when it cannot be read or written.
    """
    with _translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield _opened(path, file)
        with _translated(path):
            os.fsync(file)
    finally:
        os.close(file)


def _opened(path: Path, file: int) -> Journal:
    with _translated(path):
        data = path.read_bytes()
    entries, damaged = _read(data)
    return Journal(entries, damaged, path, file, _torn=data[-1:] not in (b"", b"\n"))


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeError(describe_write_error(path, error)) from error


def _read(data: bytes) -> tuple[list[dict[str, Any]], int]:
    entries, damaged = [], 0
    for line in data.split(b"\n"):
        checksum, _, text = line.partition(b" ")
        if checksum == _checksum_of(text).encode():
            entries.append(json.loads(text))
        elif line:
            damaged += 1
    return entries, damaged


def _checksum(text: str) -> str:
    return _checksum_of(text.encode("utf-8"))


def _checksum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_CHECKSUM_DIGITS]
