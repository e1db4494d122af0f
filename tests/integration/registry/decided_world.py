"""Rounds that were evaluated and decided, each on answers that lie in the home, with versions in a real registry."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from example_snapshots import write_snapshot

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.arms import compare_arms, summarise_arm
from tasks.evaluation.metrics import METRICS
from tasks.evaluation.round_report import write_round_report
from tasks.evaluation.round_superiority import prove_superiority
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.generation import Generation
from tasks.records import AnswerRow, ArmReport, BaseModelRef, ChallengerFindings, Domain, FileRef, PromotionDecision
from tasks.registry import mlflow_registry as registry
from tasks.registry.promotion import decide_and_promote, register_challenger
from tasks.rounds import begin_round, end_round, write_stage

EMPTY = FileRef(sha256="e" * 64, rows=0)
DOMAIN = Domain(name="demo", questions=EMPTY, documents=EMPTY, train_questions=4, test_questions=40, shared_families=0)
QUESTIONS = 40
BETTER, NO_BETTER = 0.3, 0.0


@dataclass(frozen=True)
class Deciding:
    """Runs the end of rounds: from what the arms answered to the decision."""

    config: Config
    home: Home
    base: BaseModelRef
    train: Callable[[int], Any]

    def with_approval(self) -> "Deciding":
        """The same, where promotions wait for a person."""
        promote = self.config.promote.model_copy(update={"approval": "approve"})
        config = self.config.model_copy(update={"promote": promote})
        return Deciding(config, self.home, self.base, self.train)

    def evaluate(self, number: int, gain: float) -> ArmReport:
        """Opens the round with today's champion, and leaves the report of its challenger in the ledger."""
        champion = registry.ensure_champion(self.config, self.home, self.base)
        begin_round(self.home, number, DOMAIN, champion)
        trained = self.train(number)
        folder = self.home.adapters / trained.adapter.sha256
        shutil.copytree(trained.folder, folder, dirs_exist_ok=True)
        changes = {
            "snapshot_sha256": write_snapshot(self.home.snapshots, [], []).sha256,
            "losses": write_rows(self.home.objects, []),
        }
        adapter = trained.adapter.model_copy(update=changes)
        scored = {arm: _rows(arm, gain) for arm in ("base", "champion", "challenger")}
        answer = Generation(text="That.", prompt_tokens=5, completion_tokens=2, latency_s=0.1)
        said = ArmAnswers(weights_sha256="a" * 64, version=None, generations=(answer,) * QUESTIONS)
        report = ArmReport(
            domain="demo",
            round=number,
            questions=QUESTIONS,
            test_set_sha256="d" * 64,
            arms={arm: summarise_arm(said, rows, 1000, 0) for arm, rows in scored.items()},
            comparisons=compare_arms(scored, self.config.evaluate.bootstrap_resamples, self.config.seed),
            challenger=adapter,
            champion=champion,
            answers=write_rows(self.home.objects, [row for rows in scored.values() for row in rows]),
        )
        write_stage(self.home.round("demo", number), "evaluate", "key", report)
        return report

    def promote(self, report: ArmReport) -> PromotionDecision:
        """The promote stage, without its Prefect flow and without loading the model back."""
        challenger = register_challenger(self.config, self.home, report)
        superiority = prove_superiority(self.config, self.home, report)
        return decide_and_promote(self.config, self.home, report, superiority, challenger, 0.0, ChallengerFindings())

    def round(self, number: int, gain: float = BETTER) -> PromotionDecision:
        """A whole round, finished."""
        report = self.evaluate(number, gain)
        decision = self.promote(report)
        write_stage(self.home.round("demo", number), "promote", "key", decision)
        opened = begin_round(self.home, number, DOMAIN, report.champion)
        write_round_report(self.config, self.home, opened, report, decision)
        end_round(self.home, opened, "f" * 64)
        return decision

    def champion(self) -> int:
        """The version that consumers get."""
        version = registry.read_alias(self.config, self.home, registry.CHAMPION_ALIAS)
        assert version is not None
        return version.version


def _rows(arm: str, gain: float) -> list[AnswerRow]:
    # Each question is a little easier or harder than the next, so that bootstrap intervals have a width.
    gains = [gain + place % 3 / 50 if arm == "challenger" and gain else 0.0 for place in range(QUESTIONS)]
    scores = [0.3 + place % 5 / 100 + gain for place, gain in enumerate(gains)]
    return [
        AnswerRow(
            question_id=f"question-{place}",
            arm=arm,
            question="What?",
            reference="That.",
            answer="That.",
            metrics=dict.fromkeys(METRICS, score),
        )
        for place, score in enumerate(scores)
    ]
