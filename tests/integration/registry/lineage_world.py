"""A home with a registry of three versions, and the feedback behind them.

round   feedback read           rows of the snapshot come from   version   starts from
1       ann, bob, judge         ann, bob                         2         the base
2       the same and carol      carol, judge                     3         2
3       the same and dave       dave                             4         3; registered, not promoted
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from example_decisions import promotion_decision
from example_judges import NO_ROWS
from example_records import judgement
from example_snapshots import write_snapshot

from tasks.config import Config
from tasks.curation.summary import summarise_feedback
from tasks.feedback import log
from tasks.files import canonical_json, sha256_of, write_atomically
from tasks.home import Home
from tasks.records import (
    BaseModelRef,
    Certificate,
    Check,
    Domain,
    FileRef,
    Message,
    ModelVersion,
    PreferencePair,
    Snapshot,
)
from tasks.registry import mlflow_registry as registry
from tasks.rounds import begin_round, write_stage

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


def build_world(config: Config, home: Home, base: BaseModelRef, train: Callable[[int], Any]) -> World:
    """The rounds of this module's table."""
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
        snapshot = write_snapshot(home.snapshots, [], [pair(name) for name in learned])
        summary = summarise_feedback(segments, {}, log.read(home, "demo", segments), NO_ROWS, 0)
        write_atomically(folder / "feedback.json", canonical_json(summary).encode())
        write_stage(folder, "curate", "key", snapshot)
        trained = train(number)
        parent = start.adapter.sha256 if start.adapter else None
        adapter = trained.adapter.model_copy(update={"snapshot_sha256": snapshot.sha256, "parent_sha256": parent})
        write_stage(folder, "train", "key", adapter)
        version = registry.register_adapter(config, home, adapter, trained.folder, tags={})
        certificate = Certificate(checks=(Check(name="better", passed=number < 3, sentence="It is.", evidence={}),))
        decision = promotion_decision(version, champion, round=number, certificate=certificate)
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
