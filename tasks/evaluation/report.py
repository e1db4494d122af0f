"""A round's report: report.json for machines, answers.jsonl with every answer, report.html for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.evaluation.forgetting import LedgerRow
from tasks.evaluation.report_html import render_report
from tasks.evaluation.report_view import Curves
from tasks.evaluation.round_feedback import NOTHING_SAID, RoundFeedback
from tasks.evaluation.round_win_rates import RoundWinRates
from tasks.files import encode_rows, write_atomically
from tasks.judging.work import STAGES
from tasks.records import AnswerRow, ArmReport, ArmResult, PromotionDecision

SCHEMA = 1


def report_json(
    report: ArmReport,
    decision: PromotionDecision | None,
    provenance: Mapping[str, Any],
    feedback: RoundFeedback = NOTHING_SAID,
    ledger: Sequence[LedgerRow] = (),
) -> dict[str, Any]:
    """The report as JSON values, in the order and with exactly the keys of the report contract.

    Args:
        report: arms, comparisons, and the number of questions; `with_win_rate` adds that metric.
        decision: None becomes null: nothing has been decided.
        provenance: hashes, versions, seeds; JSON values, kept as they are.
        feedback: what people and judges said; None in it becomes null.
        ledger: what each round's challenger lost on each skill.
    """
    summary = feedback.summary
    return {
        "schema": SCHEMA,
        "domain": report.domain,
        "round": report.round,
        "questions": report.questions,
        "arms": {arm: _arm_json(result) for arm, result in report.arms.items()},
        "comparisons": [comparison.model_dump(mode="json") for comparison in report.comparisons],
        "win_rates": _win_rates_json(feedback.win_rates),
        # By way of text, which turns NaN into null: a model that came back broken has NaN for its logit difference.
        "decision": json.loads(decision.model_dump_json()) if decision else None,
        "ledger": [row.model_dump(mode="json") for row in ledger],
        "feedback": summary.model_dump(mode="json", exclude={"segments"}) if summary else None,
        "judging": {
            stage: {each.judge: each.counts.model_dump(mode="json") for each in feedback.work if each.stage == stage}
            for stage in STAGES
        },
        "provenance": dict(provenance),
    }


def with_win_rate(report: ArmReport, win_rates: RoundWinRates | None) -> ArmReport:
    """The report with `win_rate` among the challenger's metrics, where one of the win rates is evidence."""
    metric = win_rates.metric if win_rates else None
    if metric is None:
        return report
    challenger = report.arms["challenger"]
    measured = challenger.model_copy(update={"metrics": {**challenger.metrics, "win_rate": metric}})
    return report.model_copy(update={"arms": {**report.arms, "challenger": measured}})


def _win_rates_json(win_rates: RoundWinRates | None) -> dict[str, Any] | None:
    if win_rates is None:
        return None
    return {source: rate.model_dump(mode="json") for source, rate in win_rates.rates.items()}


def _arm_json(result: ArmResult) -> dict[str, Any]:
    return {
        "metrics": {name: summary.model_dump(mode="json") for name, summary in result.metrics.items()},
        "tokens": result.tokens.model_dump(mode="json"),
        "latency_s": result.latency_s.model_dump(mode="json"),
    }


def write_report(  # noqa: PLR0913  what a report is made from
    folder: Path,
    report: ArmReport,
    decision: PromotionDecision | None,
    answers: Sequence[AnswerRow],
    provenance: Mapping[str, Any],
    curves: Curves,
    *,
    primary_metric: str = "rouge_l",
    feedback: RoundFeedback = NOTHING_SAID,
    ledger: Sequence[LedgerRow] = (),
) -> Path:
    """Writes report.json, answers.jsonl and report.html into the folder, each whole or not at all.

    Args:
        folder: created when absent; files of an earlier report are replaced.
        report: arms, comparisons, and what was compared.
        decision: None writes a report without a verdict.
        answers: what every arm said, a row a question and arm.
        provenance: hashes, versions, git commit, seeds; JSON values.
        curves: training losses by phase (`sft`, `dpo`): optimizer step and loss.
        primary_metric: the metric that decides, by which questions are ranked.
        feedback: what people and judges said.
        ledger: what each round's challenger lost on each skill.

    Returns:
        The path of report.html.

    Raises:
        HomeError: when the folder cannot be written.
        ValueError: when the provenance holds NaN or an infinity, which JSON cannot hold.
    """
    shown = with_win_rate(report, feedback.win_rates)
    values = report_json(shown, decision, provenance, feedback, ledger)
    data = json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False)
    page = render_report(shown, decision, answers, provenance, curves, primary_metric, feedback, ledger)
    rows, _ = encode_rows(answers)
    write_atomically(folder / "report.json", f"{data}\n".encode())
    write_atomically(folder / "answers.jsonl", rows)
    # Last, so that whoever sees the page finds the files it links to.
    write_atomically(folder / "report.html", page.encode("utf-8"))
    return folder / "report.html"
