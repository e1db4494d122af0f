"""Feedback followed from the log to the champion and back, in a home with a registry of three versions."""

from pathlib import Path

from integration.registry.lineage_world import CONFIG_PATH, IDS, PEOPLE, World, adapters_of, versions_of

from flows.inspection import explain_version
from flows.lineage import trace, withdraw
from tasks.config import Config
from tasks.feedback import log
from tasks.feedback.withdrawals import keep_left_out, withdrawn
from tasks.home import Home


def test_a_judgement_is_followed_to_snapshots_adapters_and_versions_and_what_descends_from_them(
    config: Config, world: World
) -> None:
    found, lines = trace(config, IDS["ann"][:10])

    first, second, third = world.snapshots
    uses = [(each["sha256"], each["rounds"], each["rows"]) for each in found["snapshots"]]
    assert uses == [(first.sha256, [1], {"preference_pairs": 1}), (second.sha256, [2], {}), (third.sha256, [3], {})]
    assert adapters_of(found) == [(1, False), (2, True), (3, True)]
    assert versions_of(found) == [(2, ("previous",), False), (3, ("champion",), True), (4, (), True)]
    assert (found["feedback"], found["withdrawn"], found["rounds"]) == (IDS["ann"], False, [1, 2, 3])
    assert lines[0] == f"Feedback {IDS['ann']}"
    assert lines[1] == "  by human ann000000000000 on question question of ann, round 1; counts"
    assert f"  snapshot {first.sha256[:12]} (round 1): rows that come from it: 1 preference pairs" in lines
    assert f"  snapshot {second.sha256[:12]} (round 2): read it, and no row comes from it" in lines
    assert "  version 3 (champion): descends from one that learned from it" in lines


def test_a_judgement_that_was_read_and_became_no_row_is_behind_no_model(
    config: Config, home: Home, world: World
) -> None:
    log.append(home, "demo", [PEOPLE["eve"]])
    found, lines = trace(config, IDS["eve"])
    assert not found["snapshots"] and not found["versions"]
    assert lines[-1] == "  nothing has seen it"

    found, _ = trace(config, IDS["judge"])
    assert [each["rounds"] for each in found["snapshots"] if each["rows"]] == [[2]]
    assert [each["rounds"] for each in found["snapshots"] if not each["rows"]] == [[1], [3]]
    assert versions_of(found) == [(3, ("champion",), False), (4, (), True)]


def test_a_round_curated_after_a_withdrawal_has_not_read_it(config: Config, home: Home, world: World) -> None:
    withdraw(config, CONFIG_PATH, None, IDS["ann"], False)
    keep_left_out(home.round("demo", 3), withdrawn(home, "demo"))
    found, lines = trace(config, IDS["ann"])
    assert [each["rounds"] for each in found["snapshots"]] == [[1], [2]]
    assert found["withdrawn"] and lines[1].endswith("; withdrawn")


def test_a_snapshot_that_is_gone_is_said_and_the_others_are_found(
    config: Config, home: Home, world: World, tmp_path: Path
) -> None:
    (home.snapshots / world.snapshots[0].sha256).rename(tmp_path / "elsewhere")
    found, lines = trace(config, IDS["carol"])
    assert versions_of(found) == [(3, ("champion",), False), (4, (), True)]
    assert len(found["unknown"]) == 1
    assert lines[-1].startswith("  unknown: ") and "manifest.json is missing" in lines[-1]


def test_the_feedback_behind_a_version_is_told_by_source_and_annotator_inherited_apart(
    config: Config, world: World
) -> None:
    result, lines = explain_version(config, 3)
    behind = result["feedback"]
    assert behind["own"] == sorted([IDS["carol"], IDS["judge"]])
    assert behind["inherited"] == sorted([IDS["ann"], IDS["bob"]])
    shares = [(each["source"], each["annotator"], each["own"], each["inherited"]) for each in behind["shares"]]
    assert shares == [
        ("human", "ann000000000000", 0, 1),
        ("human", "bob000000000000", 0, 1),
        ("human", "carol000000000000", 1, 0),
        ("judge:reference", None, 1, 0),
    ]
    assert (behind["withdrawn"], behind["unknown"]) == ([], [])
    assert lines[-5:] == [
        "feedback behind it  annotator          own  inherited",
        "human               ann000000000000    0    1",
        "human               bob000000000000    0    1",
        "human               carol000000000000  1    0",
        "judge:reference     -                  1    0",
    ]


def test_what_is_withdrawn_by_now_is_told_of_a_version(config: Config, world: World) -> None:
    withdraw(config, CONFIG_PATH, "ann000000000000", None, False)
    result, lines = explain_version(config, 3)
    assert result["feedback"]["withdrawn"] == [IDS["ann"]]
    assert lines[-1] == "1 of these judgements were withdrawn since: a new round leaves them out."


def test_the_base_model_has_no_feedback_behind_it(config: Config, world: World) -> None:
    assert explain_version(config, 1)[0]["feedback"] is None
