"""A round's report files, from the records of its stages."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.config import Config
from tasks.curation.summary import read_summary
from tasks.evaluation.report import write_report
from tasks.evaluation.round_feedback import RoundFeedback
from tasks.evaluation.round_skills import read_ledger
from tasks.evaluation.round_win_rates import RoundWinRates, have_labels_changed, keep_win_rates, measure_round
from tasks.files import read_rows
from tasks.home import Home
from tasks.judging.work import read_work
from tasks.records import Adapter, AnswerRow, ArmReport, LossPoint, PromotionDecision
from tasks.registry.environment import describe_environment
from tasks.rounds import Round, read_last, read_reports, read_rounds


def write_round_report(
    config: Config, home: Home, opened: Round, report: ArmReport, decision: PromotionDecision | None
) -> Path:
    """Writes report.json, answers.jsonl and report.html below the round's folder; returns the HTML's path.

    Win rates are measured with the labels on test answers that stand now, and kept in the round's folder.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when a file that the report is made from is damaged.
    """
    found = measure_round(home, report)
    return _write(config, home, opened, report, decision, found, provenance(config, opened, report))


def renew_reports(config: Config, home: Home) -> list[int]:
    """Writes the reports anew of rounds whose labels on test answers are others by now; returns which rounds.

    Their decisions stay, and so does what they say of the machine that ran the round.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when a file that a report is made from is damaged.
    """
    opened = {each.number: each for each, _ in read_rounds(home, config.name)}
    renewed = []
    for report in read_reports(home, config.name):
        compared = report.head_to_head
        if compared is None or not report.label_datasets or not have_labels_changed(home, report, compared):
            continue
        decision = read_last(home.round(config.name, report.round), "promote", PromotionDecision)
        renew_report(config, home, opened[report.round], report, decision)
        renewed.append(report.round)
    return renewed


def renew_report(
    config: Config, home: Home, opened: Round, report: ArmReport, decision: PromotionDecision | None
) -> Path:
    """Writes a round's report anew, with what it says of the machine that ran the round; returns the HTML's path.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when a file that the report is made from is damaged.
    """
    found = measure_round(home, report, after_round=decision is not None)
    of_round = _read_provenance(home.round(config.name, report.round) / "report" / "report.json")
    return _write(config, home, opened, report, decision, found, of_round or provenance(config, opened, report))


def _write(
    config: Config,
    home: Home,
    opened: Round,
    report: ArmReport,
    decision: PromotionDecision | None,
    found: RoundWinRates | None,
    made_with: Mapping[str, Any],
) -> Path:
    folder = home.round(opened.domain.name, opened.number)
    path = write_report(
        folder / "report",
        report,
        decision,
        read_rows(home.objects, report.answers, AnswerRow),
        made_with,
        read_curves(home, report.challenger),
        primary_metric=_primary_metric(config, decision),
        feedback=RoundFeedback(summary=read_summary(folder), win_rates=found, work=tuple(read_work(folder))),
        ledger=read_ledger(home, report, decision),
    )
    # Last: until it is there, the report counts as not written with these labels.
    if found is not None:
        keep_win_rates(folder, found)
    return path


def _primary_metric(config: Config, decision: PromotionDecision | None) -> str:
    """The metric that decided; the config may name another by now."""
    checks = decision.certificate.checks if decision else ()
    decided_on = (check.evidence.get("metric") for check in checks if check.name == "better_than_champion")
    return str(next(decided_on, None) or config.promote.primary_metric)


def _read_provenance(path: Path) -> dict[str, Any] | None:
    """What the report that is there says of its making; None when there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["provenance"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


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
        "synthetic_train_questions": opened.domain.synthetic_train_questions,
        "synthetic_test_questions": opened.domain.synthetic_test_questions,
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
