"""A round that is killed, with everything it started, ends as if nothing had happened.

SIGKILL leaves a process no chance to tidy up. One round is killed at every point that matters, one after the
other, and gone on with each time; another, in a home of its own, is left alone. Both must come to the same.
"""

from collections.abc import Callable
from typing import Any

import pytest

Reached = Callable[[Any], bool]


def left(stage: str) -> Reached:
    """The stage has just written its record."""
    return lambda ratchet: bool((ratchet.round_folder / f"{stage}.json").exists())


def checkpointed(phase: str) -> Reached:
    """The training phase has a whole checkpoint, and is not finished."""

    def reached(ratchet: Any) -> bool:
        return any(ratchet.round_folder.glob(f"work/*/{phase}/checkpoints/checkpoint-*/complete.json"))

    return reached


def registered(ratchet: Any) -> bool:
    """The challenger is in the registry; nothing is decided yet."""
    return bool(ratchet.query("select version from model_versions where version = 2"))


POINTS: dict[str, Reached] = {
    "after collect": left("collect"),
    "in SFT": checkpointed("sft"),
    "in DPO": checkpointed("dpo"),
    "after train": left("train"),
    "after the challenger was registered": registered,
}
LATER = {"in SFT": "train", "in DPO": "train", "after the challenger was registered": "promote"}


@pytest.fixture(scope="module")
def killed(make_ratchet: Callable[..., Any]) -> tuple[Any, dict[str, dict[str, bool]]]:
    """A round that was killed at every point and then ended, and which stages had ended at each kill."""
    ratchet = make_ratchet()
    stages: dict[str, dict[str, bool]] = {}
    for point, reached in POINTS.items():
        ratchet.kill_when(lambda reached=reached: reached(ratchet), "round", str(ratchet.config))
        names = ("collect", "curate", "train", "evaluate", "promote")
        stages[point] = {stage: left(stage)(ratchet) for stage in names}
    ratchet.go()
    return ratchet, stages


@pytest.mark.parametrize("point", LATER)
def test_the_kill_came_before_the_stage_had_ended(killed: tuple[Any, dict[str, dict[str, bool]]], point: str) -> None:
    assert not killed[1][point][LATER[point]]


@pytest.fixture(scope="module")
def came_to(killed: tuple[Any, Any], outcome_of: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """What the killed round came to."""
    return outcome_of(killed[0])


@pytest.mark.parametrize("what", ["snapshot", "adapter", "decision", "judgements", "versions", "training runs"])
def test_a_killed_round_comes_to_the_same_as_one_left_alone(
    came_to: dict[str, Any], promoted: tuple[Any, dict[str, Any]], what: str
) -> None:
    assert came_to[what] == promoted[1][what]


def test_a_killed_round_leaves_one_version_and_one_finished_training_run(came_to: dict[str, Any]) -> None:
    assert came_to["versions"] == [(1, []), (2, ["champion"])]
    assert came_to["training runs"] == [("1", "FINISHED")]


def test_no_half_written_file_is_left_behind(killed: tuple[Any, Any]) -> None:
    folders = [killed[0].home / name for name in ("rounds", "adapters", "snapshots", "objects", "feedback", "answers")]

    assert [str(path) for folder in folders for path in folder.rglob("*.tmp")] == []


def test_after_all_the_kills_nothing_is_due(killed: tuple[Any, Any]) -> None:
    again = killed[0].done("round", str(killed[0].config))

    assert again.stdout.startswith("Nothing to do: ")
