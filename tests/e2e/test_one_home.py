"""One home, one round at a time; a home that cannot be written or is full costs a sentence, never the round."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ONE_MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 MiB."""
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes all the space that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = ONE_MIB
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return ballast


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_of_two_rounds_at_once_the_second_names_the_first_and_the_first_ends_well_without_a_verdict(
    make_ratchet: Callable[..., Any],
) -> None:
    # Twelve test questions are too few for this gate: the round ends all the same, and says so.
    ratchet = make_ratchet(promote={"min_test_questions": 30})
    collected = ratchet.done("collect", str(ratchet.config))
    assert collected.stdout.startswith("Round 1 of tiny: collect done\n")
    assert ratchet.json("status", "--config", str(ratchet.config))["rounds"] == [
        {"round": 1, "stages": ["collect"], "finished": False, "outcome": "unfinished"}
    ]
    sampled = (ratchet.round_folder / "collect.json").read_bytes()

    with ratchet.start("round", str(ratchet.config), "--json") as first:
        wait_for(ratchet.round_folder / "curate.json", first)
        second = ratchet.run("round", str(ratchet.config))
        assert first.poll() is None
        out, err = first.communicate(timeout=300)

    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        f"error: {ratchet.home} is in use by process {first.pid} (a round of tiny): "
        "wait until it ends, or set RATCHET_HOME to another folder.\n"
    )
    # The round that `collect` left open was gone on with: nothing was sampled twice.
    assert "round 1: collect was done before\n" in err and "collect: candidates" not in err
    assert (ratchet.round_folder / "collect.json").read_bytes() == sampled
    result = json.loads(out)
    checks = {check["name"]: check for check in result["decision"]["certificate"]["checks"]}
    assert (first.returncode, result["decision"]["promoted"]) == (0, False)
    assert checks["enough_test_questions"]["sentence"] == (
        "12 test questions are too few for a verdict (at least 30 needed): add test questions or lower "
        "promote.min_test_questions."
    )
    assert result["decision"]["champion"]["version"] == 1


@pytest.mark.parametrize("command", ["round", "collect"])
def test_a_home_below_a_file_is_refused_in_one_sentence(
    make_ratchet: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    ratchet = make_ratchet(home=tmp_path / "file" / "home")

    refused = ratchet.run(command, str(ratchet.config))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: Writing {ratchet.home} failed (Not a directory): check the disk, or set RATCHET_HOME elsewhere.\n"
    )


def test_a_disk_that_is_full_from_the_start_is_refused_before_anything_runs(
    make_ratchet: Callable[..., Any], small_disk: Path
) -> None:
    ratchet = make_ratchet(home=small_disk / "home")
    fill(small_disk)

    refused = ratchet.run("round", str(ratchet.config))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: No space left to write {ratchet.home}: free some disk, or set RATCHET_HOME to a larger one.\n"
    )


def test_a_disk_that_fills_up_stops_the_round_with_one_sentence_and_space_lets_it_end(
    make_ratchet: Callable[..., Any], small_disk: Path
) -> None:
    ratchet = make_ratchet(home=small_disk / "home")
    with ratchet.start("round", str(ratchet.config)) as stopped:
        wait_for(ratchet.round_folder / "collect.json", stopped)
        ballast = fill(small_disk)
        _, err = stopped.communicate(timeout=300)
    assert stopped.returncode == 1
    assert [line for line in err.splitlines() if line.startswith("error: ")] == err.splitlines()[-1:]
    assert "No space left to write" in err.splitlines()[-1]
    assert "Traceback" not in err

    ballast.unlink()
    ended = ratchet.go()

    assert ended["stages"] == ["collect", "curate", "train", "evaluate", "promote"]
    assert ended["decision"]["promoted"]
