"""A decision that is replayed from the stored answers comes to the same, and names the file when it does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.registry.decided_world import NO_BETTER, Deciding

from tasks.files import canonical_json
from tasks.records import PromotionDecision
from tasks.registry import mlflow_registry as registry
from tasks.registry.approval import settle
from tasks.registry.replaying import ReplayedDecision, describe_replay, replay_decision
from tasks.rounds import read_last

Alter = Callable[[dict[str, Any]], None]


def replay(world: Deciding, number: int = 1) -> ReplayedDecision:
    decision = read_last(world.home.round("demo", number), "promote", PromotionDecision)
    assert decision is not None
    return replay_decision(world.config, world.home, decision)


def altered(path: Path, alter: Alter) -> Path:
    """The file, after somebody changed the record in it."""
    entry = json.loads(path.read_text())
    alter(entry["record"])
    path.write_text(canonical_json(entry))
    return path


def test_decisions_of_old_rounds_come_to_the_same_after_many_more(deciding: Deciding):
    """Each round's level depends on the decisions before it, and on none after it; so do config and champion."""
    deciding.round(1)
    asking = deciding.with_approval()
    asking.round(2)
    asking.round(3, NO_BETTER)
    settle(asking.config, asking.home, 3, approved=True, by="ann", through="command")
    deciding.round(4)
    registry.rollback(deciding.config, deciding.home)
    changes = {"seed": 7, "evaluate": deciding.config.evaluate.model_copy(update={"bootstrap_resamples": 2000})}
    changes["promote"] = deciding.config.promote.model_copy(update={"primary_metric": "semantic_similarity"})
    other = Deciding(deciding.config.model_copy(update=changes), deciding.home, deciding.base, deciding.train)
    levels = set()
    for number in (1, 2, 3, 4):
        found = replay(other, number)
        assert found.problems == () and found.same
        decision = read_last(other.home.round("demo", number), "promote", PromotionDecision)
        assert decision is not None and found.certificate == decision.certificate
        levels.add(decision.evidence.superiority.level)
    assert len(levels) == 4
    assert describe_replay(found) == [
        "Replayed from the stored answers: the same certificate (questions, comparison, superiority, compared_with, "
        f"skills worked out again; {', '.join(found.kept)} as written down)."
    ]
    assert {"max_logit_difference", "champion_now", "taken_back"} <= set(found.kept)


def answers_of(world: Deciding) -> Path:
    report = json.loads((world.home.round("demo", 1) / "evaluate.json").read_text())["record"]
    return world.home.objects / f"{report['answers']['sha256']}.jsonl"


def test_whatever_was_altered_is_named(deciding: Deciding):
    first = deciding.round(1)
    deciding.round(2)
    folder = deciding.home.round("demo", 1)
    evaluated, decided, answers = folder / "evaluate.json", folder / "promote.json", answers_of(deciding)
    adapter = deciding.home.adapters / first.challenger.weights_sha256 / "adapter_model.safetensors"
    kept = {path: path.read_bytes() for path in (evaluated, decided, answers, adapter)}

    def problems(path: Path, number: int = 1) -> str:
        found = replay(deciding, number)
        path.write_bytes(kept[path])
        assert not found.same
        assert describe_replay(found)[0] == "NOT the same when replayed from the stored answers:"
        return "\n".join(found.problems)

    answers.write_bytes(kept[answers].replace(b"0.6", b"0.9", 1))
    assert f"{answers} was altered or truncated" in problems(answers)
    answers.unlink()
    assert f"{answers} is missing" in problems(answers)
    altered(evaluated, lambda record: record.update(questions=39))
    assert f"{evaluated} was altered: it is not the report that was decided on" in problems(evaluated)
    evaluated.write_text("{")
    assert f"{evaluated} is damaged" in problems(evaluated)
    evaluated.unlink()
    assert f"{evaluated} is missing" in problems(evaluated)
    adapter.write_bytes(kept[adapter][:-1])
    assert f"{adapter.parent} was altered: its weights are not those that were evaluated." in problems(adapter)
    altered(decided, lambda record: record["evidence"]["superiority"].update(p_value=0.5))
    assert "superiority.p_value was 0.5 and comes to " in (found := problems(decided))
    assert f"{decided} was altered" in found
    altered(decided, lambda record: record["certificate"]["checks"][1].update(passed=False))
    assert f"{decided} says that the certificate fails (better_than_champion), and the replay that it passes" in (
        problems(decided)
    )
    altered(decided, lambda record: record["evidence"]["superiority"].update(p_value=0.5))
    assert f"a record of a round before it in {folder.parent}, was altered" in problems(decided, 2)
    assert replay(deciding).same and replay(deciding, 2).same


@pytest.mark.parametrize("gain", [0.3, NO_BETTER])
def test_a_decision_that_was_passed_on_to_a_person_is_replayed_as_the_gate_made_it(deciding: Deciding, gain: float):
    asking = deciding.with_approval()
    decision = asking.round(1, gain)
    found = replay(asking)
    assert found.same and found.certificate == decision.certificate
