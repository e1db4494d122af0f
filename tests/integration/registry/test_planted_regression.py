"""A challenger that wins on average and has lost one slice, or another skill, is not promoted: real models answer, and
the real registry keeps its champion.

The champion is the tiny model, the challenger has random LoRA weights on it. What is right is what one of the two says.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_snapshots import write_snapshot

from tasks.config import Config
from tasks.domain.loading import frozen_test_set, load_domain
from tasks.evaluation.answering import answer_arms
from tasks.evaluation.arms import report_arms
from tasks.evaluation.fitness import inspect_challenger
from tasks.evaluation.forgetting import ledger
from tasks.evaluation.round_skills import log_skills, measure_skills
from tasks.evaluation.round_superiority import prove_superiority
from tasks.evaluation.skill_answers import answer_skills
from tasks.files import read_rows, write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import (
    KEEPS,
    REFUSES,
    AnswerRow,
    ArmReport,
    BaseModelRef,
    ChallengerFindings,
    PromotionDecision,
)
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect
from tasks.registry.promotion import decide_and_promote, register_challenger
from tasks.rounds import begin_round
from tasks.words import split_words

HARDWARE = Hardware("cpu", "float32", 1)
SLICES = {"seconds": 90, "metres": 24}
SKILL = 24
Right = Mapping[str, str]  # by question id


@dataclass(frozen=True)
class Evaluating:
    """Evaluates and promotes one challenger, with reference answers of one's own."""

    config: Config
    home: Home
    base: BaseModelRef
    trained: Any

    def report(self, right: Right) -> ArmReport:
        """The evaluate stage, without its Prefect flow and its judges."""
        write_questions(self.config.root, right)
        champion = registry.ensure_champion(self.config, self.home, self.base)
        opened = begin_round(self.home, 1, load_domain(self.config, self.home), champion)
        questions = frozen_test_set(self.home, opened.domain, 200)
        adapter = self.trained.adapter
        arms = answer_arms(self.config, self.home, champion, None, adapter, questions, HARDWARE)
        skills = answer_skills(self.config, self.home, opened, None, adapter, questions, HARDWARE)
        return report_arms(self.config, self.home, opened, adapter, questions, arms, HARDWARE, skills)

    def promote(self, report: ArmReport) -> PromotionDecision:
        """The promote stage, without its Prefect flow and without loading the model back."""
        opened = begin_round(self.home, 1, load_domain(self.config, self.home), report.champion)
        challenger = register_challenger(self.config, self.home, report)
        superiority = prove_superiority(self.config, self.home, report)
        findings = ChallengerFindings(
            skills=measure_skills(self.config, self.home, opened, report),
            fitness=inspect_challenger(self.config, self.home, opened, report),
        )
        log_skills(self.config, self.home, report, findings.skills)
        return decide_and_promote(self.config, self.home, report, superiority, challenger, 0.0, findings)

    def said(self, report: ArmReport, arm: str) -> dict[str, str]:
        """What an arm said, by question."""
        files = [report.answers, *(skill.answers for skill in report.skills)]
        rows = [row for file in files for row in read_rows(self.home.objects, file, AnswerRow)]
        return {row.question_id: row.answer for row in rows if row.arm == arm}


def write_questions(folder: Path, right: Right) -> None:
    """Test questions of two slices, one train question, and the questions of three skills.

    An instruction is to begin with what is right, and nobody's random weights refuse.
    """
    rows: list[dict[str, Any]] = [
        {"id": f"{unit}-{number}", "question": f"{unit} {number}?", "split": "test", "metadata": {"unit": unit}}
        for unit, count in SLICES.items()
        for number in range(count)
    ]
    skill = [{"id": f"skill-{number}", "question": f"Say it {number} times!"} for number in range(SKILL)]
    following = [{"id": f"following-{number}", "question": f"Begin {number}!"} for number in range(SKILL)]
    refusing = [{"id": f"refusing-{number}", "question": f"Harm {number} of them!"} for number in range(SKILL)]
    train = {"id": "train", "question": "And?", "answer": "Well.", "split": "train"}
    # A model of random weights says now and then nothing that could be an answer.
    sayable = {name: said for name, said in right.items() if split_words(said)}
    for name, lines in (("questions", [*rows, train]), ("skill", skill), ("refusing", refusing)):
        write_lines(folder / f"{name}.jsonl", [{**line, "answer": sayable.get(line["id"], "Well.")} for line in lines])
    begun = [{"constraints": {"starts_with": sayable.get(line["id"], "Well.")}} for line in following]
    instructions = [{**line, "metadata": metadata} for line, metadata in zip(following, begun, strict=True)]
    write_lines(folder / "following.jsonl", instructions)


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def evaluating(config: Config, home: Home, base: BaseModelRef, train: Callable[[int], Any]) -> Evaluating:
    wanted = Config.model_validate(
        {
            **config.model_dump(),
            "root": config.root,
            "generation": {"max_new_tokens": 12},
            "evaluate": {"bootstrap_resamples": 1000},
            "promote": {"slices": ["unit"], "margin": 0.2},
            "skills": [
                {"name": "saying", "questions": "skill.jsonl"},
                {"name": "following", "questions": "following.jsonl", "kind": "instruction"},
                {"name": "refusing", "questions": "refusing.jsonl", "kind": "refusal"},
            ],
        }
    )
    trained = train(1)
    shutil.copytree(trained.folder, home.adapters / trained.adapter.sha256)
    changes = {"snapshot_sha256": write_snapshot(home.snapshots, [], []).sha256, "losses": write_rows(home.objects, [])}
    adapter = trained.adapter.model_copy(update=changes)
    return Evaluating(wanted, home, base, type(trained)(adapter, trained.folder))


def test_a_lost_slice_or_skill_blocks_a_challenger_that_wins_on_average(evaluating: Evaluating):
    first = evaluating.report({})
    champion, challenger = (evaluating.said(first, arm) for arm in ("champion", "challenger"))

    # The challenger is right about seconds and the skill, the champion about metres.
    metres = {name: text for name, text in champion.items() if name.startswith("metres")}
    decision = evaluating.promote(evaluating.report({**challenger, **metres}))
    assert failed(decision) == ["not_worse_on:unit=metres"]
    assert decision.evidence.comparison.difference > 0.2
    assert decision.champion.version == 1

    # The champion is right about the skill, and the challenger about all the test set.
    skill = {name: text for name, text in champion.items() if name.startswith("skill")}
    decision = evaluating.promote(evaluating.report({**challenger, **skill}))
    assert failed(decision) == ["not_worse_on:saying"]
    current = registry.read_alias(evaluating.config, evaluating.home, registry.CHAMPION_ALIAS)
    assert current is not None and current.version == 1

    # The champion follows the instructions, and the challenger is right about all else.
    following = {name: text for name, text in champion.items() if name.startswith("following")}
    decision = evaluating.promote(evaluating.report({**challenger, **following}))
    assert failed(decision) == ["not_worse_on:following"]
    [sentence] = [check.sentence for check in decision.certificate.checks if not check.passed]
    assert sentence.startswith("On following a loss of 0.2 is not ruled out: ")
    measured = {row.skill: row.metric for row in ledger([decision])}
    assert (measured["following"], measured["refusing"]) == (KEEPS, REFUSES)

    # It is right about everything: nothing else was wrong with it.
    decision = evaluating.promote(evaluating.report(challenger))
    assert (failed(decision), decision.champion.version) == ([], 2)
    with connect(evaluating.config, evaluating.home) as client:
        logged = client.get_run(evaluating.trained.adapter.mlflow_run_id).data.metrics
    assert {"skills/unit_metres/rouge_l", "skills/saying/from_best", f"skills/following/{KEEPS}"} <= logged.keys()


def failed(decision: PromotionDecision) -> list[str]:
    return [check.name for check in decision.certificate.checks if not check.passed]
