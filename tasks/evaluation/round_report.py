"""A round's report files, from the records of its stages."""

from pathlib import Path
from typing import Any

from tasks.config import Config
from tasks.curation.summary import read_summary
from tasks.evaluation.report import write_report
from tasks.files import read_rows
from tasks.home import Home
from tasks.records import Adapter, AnswerRow, ArmReport, LossPoint, PromotionDecision
from tasks.registry.environment import describe_environment
from tasks.rounds import Round


def write_round_report(
    config: Config, home: Home, opened: Round, report: ArmReport, decision: PromotionDecision | None
) -> Path:
    """Writes report.json, answers.jsonl and report.html below the round's folder; returns the HTML's path.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    return write_report(
        home.round(opened.domain.name, opened.number) / "report",
        report,
        decision,
        read_rows(home.objects, report.answers, AnswerRow),
        provenance(config, opened, report),
        read_curves(home, report.challenger),
        primary_metric=config.promote.primary_metric,
        feedback=read_summary(home.round(opened.domain.name, opened.number)),
    )


def read_curves(home: Home, adapter: Adapter) -> dict[str, list[tuple[int, float]]]:
    """The adapter's training losses by phase: (step, loss) points."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for point in read_rows(home.objects, adapter.losses, LossPoint):
        curves.setdefault(point.phase, []).append((point.step, point.loss))
    return curves


def provenance(config: Config, opened: Round, report: ArmReport) -> dict[str, Any]:
    """Everything one needs to make the report's numbers again."""
    return {
        "questions_sha256": opened.domain.questions.sha256,
        "documents_sha256": opened.domain.documents.sha256,
        "test_set_sha256": report.test_set_sha256,
        "base": report.challenger.base.id,
        "base_sha256": report.challenger.base.sha256,
        "snapshot_sha256": report.challenger.snapshot_sha256,
        "adapter_sha256": report.challenger.sha256,
        "parent_sha256": report.challenger.parent_sha256,
        "dpo_reference": report.challenger.dpo_reference,
        "mlflow_run_id": report.challenger.mlflow_run_id,
        "train_tokens": report.challenger.train_tokens,
        "train_s": round(report.challenger.train_s, 1),
        "seed": config.seed,
        **describe_environment(config),
    }
