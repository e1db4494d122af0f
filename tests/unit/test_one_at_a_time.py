"""One process at a time holds a lock, and its end, however it comes, lets the next one go on."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import HomeError
from tasks.files import one_at_a_time

REPOSITORY = Path(__file__).parents[2]


def is_held(path: Path) -> bool:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_lock_is_held_while_the_block_runs_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    with one_at_a_time(path):
        assert is_held(path)
    assert not is_held(path)
    with pytest.raises(KeyError), one_at_a_time(path):
        raise KeyError
    assert not is_held(path)


def test_who_finds_a_lock_held_goes_on_when_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    hold = f"""
import sys
from pathlib import Path
from tasks.files import one_at_a_time
with one_at_a_time(Path({str(path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_held(path)
        holder.kill()
        with one_at_a_time(path):
            assert holder.wait(timeout=20) < 0


@pytest.mark.parametrize("folder", ["a file", "/proc"])
def test_a_lock_in_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").write_bytes(b"")
    path = tmp_path / folder / "below" / "lock"
    with pytest.raises(HomeError) as caught, one_at_a_time(path):
        pass
    assert str(path.parent) in str(caught.value)
    assert "RATCHET_HOME" in str(caught.value)
