"""The sign of life of a `ratchet watch`: what others can know of it without asking it."""

import os
import time
from pathlib import Path

from pydantic import ValidationError

from tasks.feedback.new_labels import notes_folder
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.records import Count, Record

SILENT_AFTER_S = 120.0  # it signs every 5 s, unless a server that it asks takes long to answer


class WatcherNote(Record):
    """What a watcher does.

    Attributes:
        running: a round is running, which may take hours without another sign.
        problems: a sentence for each thing that it cannot do for now.
    """

    pid: Count
    running: bool
    problems: tuple[str, ...] = ()


def write_note(home: Home, domain: str, note: WatcherNote) -> None:
    """Leaves the sign.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    path = _note(home, domain)
    if read_note(home, domain) == note:
        os.utime(path)
    else:
        write_atomically(path, canonical_json(note).encode())


def read_note(home: Home, domain: str) -> WatcherNote | None:
    """The last sign; None when there is none, or it is unreadable."""
    try:
        return WatcherNote.model_validate_json(_note(home, domain).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def watcher_problem(home: Home, domain: str, pid: int) -> str:
    """Why the watcher with this pid does not work, as a clause; empty when it works."""
    note = read_note(home, domain)
    if note is None or note.pid != pid:
        return "it has not begun to watch"
    if note.problems:
        return note.problems[0]
    age_s = time.time() - _note(home, domain).stat().st_mtime
    if not note.running and age_s > SILENT_AFTER_S:
        return f"its last sign of life is {age_s:.0f} s old"
    return ""


def _note(home: Home, domain: str) -> Path:
    return notes_folder(home) / f"{domain}.watcher.json"
