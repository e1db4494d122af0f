"""What is known of a watcher from its sign of life alone."""

import os
import time

from tasks.feedback.new_labels import notes_folder
from tasks.home import Home
from tasks.services.watcher import SILENT_AFTER_S, WatcherNote, read_note, watcher_problem, write_note

PID = 4711


def age(home: Home, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(notes_folder(home) / "docs.watcher.json", (moment, moment))


def test_before_its_first_sign_it_has_not_begun(home: Home) -> None:
    assert watcher_problem(home, "docs", PID) == "it has not begun to watch"
    write_note(home, "docs", WatcherNote(pid=1, running=False))
    assert watcher_problem(home, "docs", PID) == "it has not begun to watch"


def test_a_fresh_sign_without_problems_is_a_working_watcher(home: Home) -> None:
    write_note(home, "docs", WatcherNote(pid=PID, running=False))
    assert watcher_problem(home, "docs", PID) == ""


def test_what_it_cannot_do_is_its_problem(home: Home) -> None:
    write_note(home, "docs", WatcherNote(pid=PID, running=False, problems=("fetching labels has to wait: away",)))
    assert watcher_problem(home, "docs", PID) == "fetching labels has to wait: away"


def test_one_that_is_silent_hangs_unless_it_runs_a_round(home: Home) -> None:
    for running, problem in ((False, "its last sign of life is 121 s old"), (True, "")):
        write_note(home, "docs", WatcherNote(pid=PID, running=running))
        age(home, SILENT_AFTER_S + 1)
        assert watcher_problem(home, "docs", PID) == problem


def test_the_same_sign_again_is_fresh_again(home: Home) -> None:
    note = WatcherNote(pid=PID, running=False)
    write_note(home, "docs", note)
    age(home, 1000.0)
    write_note(home, "docs", note)
    assert watcher_problem(home, "docs", PID) == ""


def test_an_unreadable_sign_is_none(home: Home) -> None:
    notes_folder(home).mkdir(parents=True)
    (notes_folder(home) / "docs.watcher.json").write_text("{", encoding="utf-8")
    assert read_note(home, "docs") is None
