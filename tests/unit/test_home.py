"""One home, one round at a time: the lock names its holder and dies with it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.errors import HomeError
from tasks.home import Home, find_home, lock, make_writable

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def holder(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of the home until it is told to end."""
    script = """
from tasks.home import find_home, lock
with lock(find_home(), "round 7"):
    print("held", flush=True)
    input()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("/somewhere/home", "/somewhere/home"),
        ("relative", "{cwd}/relative"),
        ("~/ratchet", "{user}/ratchet"),
        ("", "{cwd}/.ratchet"),
        (None, "{cwd}/.ratchet"),
    ],
)
def test_the_home_is_where_the_variable_says_or_beside_you(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("RATCHET_HOME")
    if variable is not None:
        monkeypatch.setenv("RATCHET_HOME", variable)
    assert find_home().root == Path(expected.format(cwd=tmp_path.resolve(), user=tmp_path.resolve() / "user"))
    assert list(tmp_path.iterdir()) == []


def test_every_folder_lies_below_the_root_and_domains_are_apart() -> None:
    home = Home(Path("/h"))
    folders = [
        home.models,
        home.objects,
        home.snapshots,
        home.adapters,
        home.answers,
        home.prefect,
        home.mlflow_database,
        home.mlflow_artifacts,
        home.feedback_log("d"),
        home.feedback_log("e"),
        home.rounds("d"),
        home.round("d", 7),
    ]
    assert all(folder.is_relative_to(home.root) for folder in folders)
    assert len(set(folders)) == len(folders)
    assert home.round("d", 7) == Path("/h/rounds/d/0007")


def test_a_new_home_is_readable_by_its_owner_only_and_stays_empty(home: Home) -> None:
    make_writable(home)
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert list(home.root.iterdir()) == []


def test_many_may_try_whether_the_home_is_writable_at_once(home: Home) -> None:
    failures: list[HomeError] = []

    def probe() -> None:
        for _ in range(200):
            try:
                make_writable(home)
            except HomeError as error:
                failures.append(error)

    threads = [threading.Thread(target=probe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("folder", ["a file/home", "/proc/home"])
def test_a_home_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").write_bytes(b"")
    home = Home(tmp_path / folder)
    for use in (lambda: make_writable(home), lambda: lock(home, "round 1").__enter__()):
        with pytest.raises(HomeError) as caught:
            use()
        assert str(home.root) in str(caught.value)
        assert "set RATCHET_HOME elsewhere" in str(caught.value)


def test_a_second_process_is_refused_and_told_who_holds_the_lock(home: Home, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(HomeError) as caught, lock(home, "round 8"):
        pytest.fail("the lock was given twice")
    assert str(caught.value) == (
        f"{home.root} is in use by process {holder.pid} (round 7): "
        "wait until it ends, or set RATCHET_HOME to another folder."
    )


def test_the_lock_is_free_when_its_holder_ends(home: Home, holder: subprocess.Popen[str]) -> None:
    holder.communicate("\n", timeout=60)
    assert holder.returncode == 0
    with lock(home, "round 8"):
        pass


def test_the_lock_is_free_when_its_holder_is_killed(home: Home, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    assert holder.wait(60) == -signal.SIGKILL
    with lock(home, "round 8"), pytest.raises(HomeError, match=rf"process {os.getpid()} \(round 8\)"):
        lock(home, "round 9").__enter__()


def test_the_lock_is_free_after_an_error_in_the_block(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), lock(home, "round 1"):
        _ = 1 / 0
    with lock(home, "round 2"):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"pid": 1}'])
def test_a_holder_who_left_no_readable_name_is_another_process(
    home: Home, holder: subprocess.Popen[str], text: str
) -> None:
    (home.root / "lock").write_text(text)
    with pytest.raises(HomeError, match="is in use by another process: wait"):
        lock(home, "round 8").__enter__()


def test_homes_do_not_share_a_lock(home: Home, tmp_path: Path) -> None:
    with lock(home, "round 1"), lock(Home(tmp_path / "other"), "round 1"):
        pass


def test_who_waits_for_the_lock_gets_it_when_its_holder_dies(home: Home, holder: subprocess.Popen[str]) -> None:
    threading.Timer(0.2, holder.kill).start()

    with lock(home, "an approval", wait=True):
        assert holder.wait(timeout=30) == -signal.SIGKILL
        with pytest.raises(HomeError, match=r"is in use by process \d+ \(an approval\)"), lock(home, "round 8"):
            pass
