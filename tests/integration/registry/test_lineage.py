"""Feedback followed from the log to the champion and back, and withdrawn, in a home with a registry of three versions.

round   feedback read           rows of the snapshot come from   version   starts from
1       ann, bob, judge         ann, bob                         2         the base
2       the same and carol      carol, judge                     3         2
3       the same and dave       dave                             4         3; registered, not promoted
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_judges import NO_ROWS
from example_records import judgement

from flows.inspection import explain_version
from flows.lineage import trace, withdraw
from tasks.config import Config
from tasks.curation.summary import summarise_feedback
from tasks.errors import RatchetError
from tasks.feedback import log
from tasks.feedback.withdrawals import keep_left_out, withdrawn
from tasks.files import canonical_json, sha256_of, write_atomically
from tasks.home import Home
from tasks.lineage.starting import choose_start, training_start
from tasks.models.hardware import Hardware
from tasks.records import (
    BaseModelRef,
    Certificate,
    Check,
    Demonstration,
    Domain,
    FileRef,
    Message,
    ModelVersion,
    PreferencePair,
    PromotionDecision,
    Snapshot,
)
from tasks.registry import mlflow_registry as registry
from tasks.registry import tracking
from tasks.registry.fetching import download_adapter
from tasks.rounds import begin_round, write_stage
from tasks.settings.training import LoraSettings, SftSettings, TrainSettings
from tasks.snapshots import write_snapshot
from tasks.training.train import TrainingRun, train_adapter

NAMES = ("ann", "bob", "carol", "dave", "eve")
PEOPLE = {name: judgement(name=f"question of {name}", annotator=f"{name}{'0' * 12}") for name in NAMES}
JUDGE = judgement(by="judge:reference")
IDS = {**{name: row.id for name, row in PEOPLE.items()}, "judge": JUDGE.id}
EMPTY = FileRef(sha256="e" * 64, rows=0)
CONFIG_PATH = Path("demo/ratchet.yaml")


def pair(name: str) -> PreferencePair:
    row = {**PEOPLE, "judge": JUDGE}[name]
    return PreferencePair(
        id=sha256_of(name),
        question_id=row.question_id,
        family=row.question_id,
        prompt=(Message(role="user", content="What?"),),
        chosen="x",
        rejected="y",
        source=f"{row.source}:{row.id}",
        feedback=(row.id,),
    )


@dataclass(frozen=True)
class World:
    """Three rounds: the snapshot of each, and the version it was registered as."""

    snapshots: list[Snapshot]
    versions: list[ModelVersion]

    @property
    def champion(self) -> ModelVersion:
        return self.versions[1]


@pytest.fixture
def world(config: Config, home: Home, base: BaseModelRef, train: Callable[[int], Any]) -> World:
    rounds = [(["ann", "bob", "judge"], ["ann", "bob"]), (["carol"], ["carol", "judge"]), (["dave"], ["dave"])]
    domain = Domain(
        name="demo", questions=EMPTY, documents=EMPTY, train_questions=4, test_questions=2, shared_families=0
    )
    champion = registry.ensure_champion(config, home, base)
    start, snapshots, versions = champion, [], []
    for number, (said, learned) in enumerate(rounds, start=1):
        begin_round(home, number, domain, champion)
        folder = home.round("demo", number)
        log.append(home, "demo", [JUDGE if name == "judge" else PEOPLE[name] for name in said])
        segments = log.segments(home, "demo")
        snapshot = write_snapshot(home.snapshots, [], [pair(name) for name in learned], parents=[], dropped={})
        summary = summarise_feedback(segments, {}, log.read(home, "demo", segments), NO_ROWS, 0)
        write_atomically(folder / "feedback.json", canonical_json(summary).encode())
        write_stage(folder, "curate", "key", snapshot)
        trained = train(number)
        parent = start.adapter.sha256 if start.adapter else None
        adapter = trained.adapter.model_copy(update={"snapshot_sha256": snapshot.sha256, "parent_sha256": parent})
        write_stage(folder, "train", "key", adapter)
        version = registry.register_adapter(config, home, adapter, trained.folder, tags={})
        decision = PromotionDecision(
            round=number,
            promoted=number < 3,
            challenger=version,
            champion_before=champion,
            champion=version if number < 3 else champion,
            certificate=Certificate(checks=(Check(name="better", passed=number < 3, sentence="It is.", evidence={}),)),
            max_logit_difference=0.0,
        )
        write_stage(folder, "promote", "key", decision)
        if number < 3:
            registry.promote(config, home, version)
            champion = version
        start = version
        snapshots.append(snapshot)
        versions.append(version)
    return World(snapshots, versions)


def adapters_of(found: dict[str, Any]) -> list[tuple[int, bool]]:
    return [(each["round"], each["inherited"]) for each in found["adapters"]]


def versions_of(found: dict[str, Any]) -> list[tuple[int, tuple[str, ...], bool]]:
    return [(each["version"], tuple(each["aliases"]), each["inherited"]) for each in found["versions"]]


# --- where it went ----------------------------------------------------------------------------------


def test_a_judgement_is_followed_to_snapshots_adapters_and_versions_and_what_descends_from_them(
    config: Config, world: World
) -> None:
    found, lines = trace(config, IDS["ann"][:10])

    first, second, third = world.snapshots
    uses = [(each["sha256"], each["rounds"], each["rows"]) for each in found["snapshots"]]
    assert uses == [(first.sha256, [1], {"preference_pairs": 1}), (second.sha256, [2], {}), (third.sha256, [3], {})]
    assert adapters_of(found) == [(1, False), (2, True), (3, True)]
    assert versions_of(found) == [(2, (), False), (3, ("champion",), True), (4, (), True)]
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


# --- what is behind a version -----------------------------------------------------------------------


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


# --- withdrawing ------------------------------------------------------------------------------------


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


# --- where the next training starts -----------------------------------------------------------------


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


# --- the rebuild ------------------------------------------------------------------------------------


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
        snapshot = write_snapshot(home.snapshots, rows, [], parents=[], dropped={})
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
    assert versions_of(found) == [(with_ann.version, (), False), (again.version, (), True)]
    assert versions_of(trace(config, IDS["bob"])[0])[-1] == (without.version, ("champion",), False)
    assert withdraw(config, CONFIG_PATH, "ann000000000000", None, False)[1][-1].startswith(
        "The champion did not learn from it; "
    )
