"""Feedback withdrawn: what that affects, what training starts from then, and a rebuild that never saw it."""

from pathlib import Path

import pytest
from example_snapshots import write_snapshot
from integration.registry.lineage_world import CONFIG_PATH, IDS, PEOPLE, World, versions_of

from flows.lineage import trace, withdraw
from tasks.config import Config
from tasks.errors import RatchetError
from tasks.feedback import log
from tasks.feedback.withdrawals import withdrawn
from tasks.files import sha256_of
from tasks.home import Home
from tasks.lineage.starting import choose_start, training_start
from tasks.models.hardware import Hardware
from tasks.records import (
    BaseModelRef,
    Demonstration,
    Message,
    ModelVersion,
)
from tasks.registry import mlflow_registry as registry
from tasks.registry import tracking
from tasks.registry.fetching import download_adapter
from tasks.settings.training import LoraSettings, SftSettings, TrainSettings
from tasks.training.train import TrainingRun, train_adapter


def test_withdrawing_names_what_is_affected_and_the_command_that_rebuilds(
    config: Config, home: Home, world: World
) -> None:
    found, lines = withdraw(config, CONFIG_PATH, "carol00000", None, False)

    assert withdrawn(home, "demo").annotators == ("carol000000000000",)
    assert (found["judgements"], found["changed"], found["withdrawn"]) == (1, True, True)
    assert versions_of(found) == [(3, ("champion",), False), (4, (), True)]
    assert lines[0] == "Withdrawn: 1 judgements of annotator carol000000000000, and any that may come"
    assert lines[-3:] == [
        "The champion, version 3, learned from it. To rebuild: `ratchet round demo/ratchet.yaml` curates without it,",
        "trains from version 2, and promotes what comes of it when it is proven better than the champion.",
        "At once: `ratchet rollback` gives consumers version 2 again, which did not learn from it.",
    ]


def test_when_every_champion_learned_from_it_the_rebuild_starts_from_the_base(config: Config, world: World) -> None:
    _, lines = withdraw(config, CONFIG_PATH, None, IDS["bob"], False)
    assert lines[-2].startswith("trains from the base model, ")
    assert lines[-1] == "At once: `ratchet rollback` gives consumers version 2 again, which learned from it as well."


def test_withdrawing_what_the_champion_did_not_learn_from_says_so(config: Config, home: Home, world: World) -> None:
    log.append(home, "demo", [PEOPLE["eve"]])
    command = "later snapshots are built without it: `ratchet round demo/ratchet.yaml` when there are to be new ones."
    _, lines = withdraw(config, CONFIG_PATH, None, IDS["dave"], False)
    assert lines[-1] == f"The champion did not learn from it; {command}"
    _, lines = withdraw(config, CONFIG_PATH, None, IDS["eve"], False)
    assert lines[-1] == f"No version learned from it; {command}"


def test_undoing_a_withdrawal_restores_what_counts(config: Config, home: Home, world: World) -> None:
    before = withdrawn(home, "demo")
    for user, feedback in (("ann000000000000", None), (None, IDS["judge"])):
        assert withdraw(config, CONFIG_PATH, user, feedback, False)[1][0].startswith("Withdrawn: ")
        assert withdraw(config, CONFIG_PATH, user, feedback, False)[1][0].startswith("Withdrawn before: ")
        found, lines = withdraw(config, CONFIG_PATH, user, feedback, True)
        assert (found["changed"], found["withdrawn"]) == (True, False)
        assert lines[0].startswith("Restored: ")
        assert lines[-1] == "The next round learns from it again: `ratchet round demo/ratchet.yaml`."
        assert withdraw(config, CONFIG_PATH, user, feedback, True)[1][0].startswith("Not withdrawn: ")
    assert withdrawn(home, "demo") == before


REFUSED = [
    ("mallory", None, "Nobody who gave feedback to demo is known as 'mallory'"),
    (None, "ffffffffff", "No feedback has an id that begins with ffffffffff"),
    (None, None, "give either a user or a feedback id"),
    ("ann", "f" * 8, "give either a user or a feedback id"),
]


def test_what_nobody_knows_is_refused_and_nothing_is_withdrawn(config: Config, home: Home, world: World) -> None:
    for user, feedback, message in REFUSED:
        with pytest.raises(RatchetError, match=message):
            withdraw(config, CONFIG_PATH, user, feedback, False)
    assert not withdrawn(home, "demo")


STARTS = [([], 3), (["dave"], 3), (["eve"], 3), (["carol"], 2), (["judge"], 2), (["ann"], 1), (["carol", "bob"], 1)]


def test_a_training_starts_from_the_nearest_champion_that_learned_from_nothing_withdrawn(
    config: Config, home: Home, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    log.append(home, "demo", [PEOPLE["eve"]])
    for taken_back, start in STARTS:
        for name in taken_back:
            withdraw(config, CONFIG_PATH, None, IDS[name], False)
        capsys.readouterr()
        found = training_start(config, home, world.champion)
        assert (found.version, found.adapter is None) == (start, start == 1), taken_back
        assert found.base == world.champion.base
        said, origin = capsys.readouterr().err, {1: "the base model", 2: "version 2", 3: ""}[start]
        assert said == "" if start == 3 else said.endswith(f": the training starts from {origin}\n")
        for name in taken_back:
            withdraw(config, CONFIG_PATH, None, IDS[name], True)
        assert choose_start(config, home, world.champion) == world.champion


def test_what_a_withdrawn_person_said_under_any_id_is_what_they_withdraw(
    config: Config, home: Home, world: World
) -> None:
    withdraw(config, CONFIG_PATH, "bob000000000000", None, False)
    assert choose_start(config, home, world.champion).version == 1


def test_a_champion_of_which_nobody_can_tell_is_passed_over(
    config: Config, home: Home, world: World, tmp_path: Path
) -> None:
    log.append(home, "demo", [PEOPLE["eve"]])
    withdraw(config, CONFIG_PATH, None, IDS["eve"], False)
    assert choose_start(config, home, world.champion) == world.champion
    (home.snapshots / world.snapshots[1].sha256).rename(tmp_path / "elsewhere")
    assert choose_start(config, home, world.champion).version == 2


def test_after_a_rollback_the_line_is_that_of_the_champion_again(config: Config, home: Home, world: World) -> None:
    _, again = registry.rollback(config, home)
    withdraw(config, CONFIG_PATH, None, IDS["carol"], False)
    assert choose_start(config, home, again) == again
    withdraw(config, CONFIG_PATH, None, IDS["ann"], False)
    assert choose_start(config, home, again).version == 1


def demonstration(name: str, *feedback: str) -> Demonstration:
    return Demonstration(
        id=sha256_of(name),
        question_id=name,
        family=name,
        prompt=(Message(role="user", content=f"What is {name}?"),),
        completion=f"It is {name}.",
        source=f"correction:{feedback[0]}" if feedback else "reference",
        feedback=feedback,
    )


def test_a_rebuild_after_a_withdrawal_makes_a_champion_that_did_not_learn_from_it(
    config: Config, home: Home, base: BaseModelRef, tmp_path: Path
) -> None:
    """Real trainings of the tiny model: with Ann's corrections, then, when she has withdrawn, without."""
    log.append(home, "demo", [PEOPLE["ann"], PEOPLE["bob"]])
    settings = TrainSettings(lora=LoraSettings(r=4), sft=SftSettings(epochs=1, batch_size=4), max_length=256)
    trained = config.model_copy(update={"train": settings})
    references = [demonstration(f"reference {number}") for number in range(6)]

    def improve(number: int, rows: list[Demonstration]) -> ModelVersion:
        champion = registry.ensure_champion(config, home, base)
        snapshot = write_snapshot(home.snapshots, rows, [])
        start = training_start(trained, home, champion)
        folder = download_adapter(trained, home, start)
        run_id = tracking.open_run(config, home, key=f"train:{number}", name=f"round {number}", tags={})
        run = TrainingRun(tmp_path / f"work-{number}", run_id, lambda phase, step, metrics: None)
        adapter = train_adapter(trained, home, start, folder, snapshot, number, Hardware("cpu", "float32", 1), run)
        version = registry.register_adapter(config, home, adapter, home.adapters / adapter.sha256, tags={})
        registry.promote(config, home, version)
        return version

    with_ann = improve(1, [*references, demonstration("ann", IDS["ann"]), demonstration("bob", IDS["bob"])])
    again = improve(2, [*references, demonstration("bob", IDS["bob"])])
    withdraw(config, CONFIG_PATH, "ann000000000000", None, False)
    without = improve(3, [*references, demonstration("bob", IDS["bob"])])

    assert with_ann.adapter and again.adapter and without.adapter
    assert again.adapter.parent_sha256 == with_ann.adapter.sha256
    assert again.adapter.snapshot_sha256 == without.adapter.snapshot_sha256
    assert without.adapter.parent_sha256 is None
    assert without.adapter.sha256 not in (with_ann.adapter.sha256, again.adapter.sha256)
    found, _ = trace(config, IDS["ann"])
    assert versions_of(found) == [(with_ann.version, (), False), (again.version, ("previous",), True)]
    assert versions_of(trace(config, IDS["bob"])[0])[-1] == (without.version, ("champion",), False)
    assert withdraw(config, CONFIG_PATH, "ann000000000000", None, False)[1][-1].startswith(
        "The champion did not learn from it; "
    )
