"""A round that is killed, with everything it started, ends as if nothing had happened.

SIGKILL leaves a process no chance to tidy up. One round is killed at every point that matters, one after the
other, and gone on with each time; another is killed at ten random moments; a third, in a home of its own, is left
alone. All must come to the same.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
from e2e.watching import PrefectServer

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
    assert came_to["versions"] == [(1, ["previous"]), (2, ["champion"])]
    assert came_to["training runs"] == [("1", "FINISHED")]


def test_no_half_written_file_is_left_behind(killed: tuple[Any, Any]) -> None:
    folders = [killed[0].home / name for name in ("rounds", "adapters", "snapshots", "objects", "feedback", "answers")]

    assert [str(path) for folder in folders for path in folder.rglob("*.tmp")] == []


def test_after_all_the_kills_nothing_is_due(killed: tuple[Any, Any]) -> None:
    again = killed[0].done("round", str(killed[0].config))

    assert again.stdout.startswith("Nothing to do: ")


# Which stage each kill comes in, and the largest part of it, as long as it takes undisturbed, that may have passed.
# Of promote it is small: what is registered already takes no time any more. Two to spare, for a round that ends sooner
# because the machine has become less busy.
KILLED_IN = [
    *[("collect", 0.6)] * 2,
    *[("curate", 0.6)] * 2,
    *[("train", 0.6)] * 3,
    *[("evaluate", 0.6)] * 3,
    ("promote", 0.4),
    ("promote", 0.2),
]
KILLS, SEED = 10, 6


def durations(ratchet: Any) -> dict[str, float]:
    """Seconds that each stage of the round took, from the times at which records were written."""
    names = ("round", "collect", "curate", "train", "evaluate", "promote")
    written = [(ratchet.round_folder / f"{name}.json").stat().st_mtime for name in names]
    return {name: end - start for name, start, end in zip(names[1:], written, written[1:], strict=False)}


@pytest.fixture(scope="module")
def killed_at_random(
    make_ratchet: Callable[..., Any], promoted: tuple[Any, dict[str, Any]], prefect_server: PrefectServer
) -> Any:
    """A round that was killed ten times or more, in every stage, and then ended."""
    ratchet, took, moments, kills = make_ratchet(), durations(promoted[0]), random.Random(SEED), 0
    for stage, most in KILLED_IN:
        delay_s = moments.uniform(0.0, most) * took[stage]
        command = ("round", str(ratchet.config))
        if not ratchet.kill_after(f"round 1: {stage}", delay_s, *command, PREFECT_API_URL=prefect_server.url):
            break
        kills += 1
    assert kills >= KILLS, f"the round ended after {kills} kills"
    ratchet.go()
    return ratchet


def test_ten_kills_at_random_moments_change_nothing(
    killed_at_random: Any, promoted: tuple[Any, dict[str, Any]], outcome_of: Callable[[Any], dict[str, Any]]
) -> None:
    assert outcome_of(killed_at_random) == promoted[1]


def test_ten_kills_leave_no_half_registered_version_and_nothing_to_do(killed_at_random: Any) -> None:
    recorded = "select version from model_version_tags where key = 'ratchet.record' order by 1"
    assert killed_at_random.query("select version from model_versions order by 1") == [(1,), (2,)]
    assert killed_at_random.query(recorded) == [(1,), (2,)]
    assert killed_at_random.query("select alias, version from registered_model_aliases order by 1") == [
        ("champion", 2),
        ("previous", 1),
    ]
    assert [str(path) for path in killed_at_random.home.rglob("*.tmp")] == []
    assert killed_at_random.done("round", str(killed_at_random.config)).stdout.startswith("Nothing to do: ")
