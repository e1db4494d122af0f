"""What the report page shows, as plain values: every figure formatted, every list chosen and in order."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.evaluation import report_text as text
from tasks.evaluation.forgetting import LedgerRow
from tasks.evaluation.report_charts import (
    arm_colour,
    chart_differences,
    chart_questions,
    chart_scores,
    chart_training,
    metric_names,
)
from tasks.evaluation.report_examples import (
    QuestionAnswers,
    choose_examples,
    group_by_question,
    sort_by_difference,
)
from tasks.evaluation.report_feedback import describe_feedback
from tasks.evaluation.report_forms import describe_forms
from tasks.evaluation.report_ledger import describe_ledger
from tasks.evaluation.report_win_rates import describe_win_rates
from tasks.evaluation.report_work import describe_work
from tasks.evaluation.round_feedback import NOTHING_SAID, RoundFeedback
from tasks.records import AnswerRow, ArmReport, ArmResult, Check, PairedDifference, PromotionDecision

Curves = Mapping[str, Sequence[tuple[int, float]]]

_LONGEST_TEXT = 600


def build_view(
    report: ArmReport,
    decision: PromotionDecision | None,
    answers: Sequence[AnswerRow],
    provenance: Mapping[str, Any],
    curves: Curves,
    primary_metric: str,
    feedback: RoundFeedback = NOTHING_SAID,
    ledger: Sequence[LedgerRow] = (),
) -> dict[str, Any]:
    """Every name the template uses but for styles and scripts; nothing in it is HTML."""
    questions = group_by_question(answers, primary_metric)
    return {
        "report": report,
        **_summarise(report, decision, provenance, primary_metric),
        **_tabulate(report),
        **_illustrate(report, questions, curves, primary_metric),
        "checks": [_show_check(check) for check in decision.certificate.checks] if decision else [],
        "forms": describe_forms(decision.evidence.forms) if decision else None,
        "ledger": describe_ledger(ledger),
        "primary_label": text.metric_label(primary_metric),
        "training_note": _describe_training(report),
        "win_rates": describe_win_rates(feedback.win_rates, report.head_to_head),
        "feedback": describe_feedback(feedback.summary) if feedback.summary else None,
        "work": describe_work(feedback.work),
        "key": _explain(report),
        "provenance": text.flatten({**_describe_origin(report), **provenance}),
    }


def _summarise(
    report: ArmReport, decision: PromotionDecision | None, provenance: Mapping[str, Any], metric: str
) -> dict[str, Any]:
    """The header and the banner."""
    facts = [
        text.count_of(report.questions, "unseen test question"),
        f"base model {report.champion.base.id}",
        f"champion is version {report.champion.version}",
        f"test set {report.test_set_sha256[:12]}",
    ]
    if synthetic := provenance.get("synthetic_test_questions"):
        facts.insert(1, f"{synthetic} of the test questions synthetic")
    if commit := provenance.get("git_commit"):
        name, dash, state = str(commit).partition("-")  # git describe says "-dirty" of files that differ
        facts.append(f"commit {name[:12]}{dash}{state}")
    figures = [
        (f"{text.arm_label(arm)} {text.metric_label(metric)}", text.format_number(result.metrics[metric].mean, 2))
        for arm, result in report.arms.items()
        if metric in result.metrics
    ]
    if comparison := report.comparison(metric):
        figures.append(("Wins / ties / losses", _outcomes(comparison)))
    return {"facts": facts, "verdict": text.state_verdict(report, decision, metric), "figures": figures}


def _tabulate(report: ArmReport) -> dict[str, Any]:
    """The tables of scores, comparisons and costs."""
    champion, base = report.arms.get("champion"), report.arms.get("base")
    return {
        "arms": [_show_arm(arm, result, report) for arm, result in report.arms.items()],
        "metrics": [show_metric(name, report.arms) for name in metric_names(report)],
        "comparisons": _show_comparisons(_worth_showing(report)),
        "champion_is_base": bool(champion and base and champion.weights_sha256 == base.weights_sha256),
    }


def _illustrate(report: ArmReport, questions: Sequence[QuestionAnswers], curves: Curves, metric: str) -> dict[str, Any]:
    """The charts and the examples; None or empty where there is nothing to show."""
    ranked = sort_by_difference(questions)
    of_challenger = [comparison for comparison in _worth_showing(report) if comparison.arm == "challenger"]
    comparison = report.comparison(metric)
    arms = list(dict.fromkeys(arm for question in questions for arm in question.answers))
    return {
        "scores": chart_scores(report),
        "differences": chart_differences(of_challenger) if of_challenger else None,
        "questions": chart_questions(ranked, comparison, metric) if ranked else None,
        "training": chart_training(curves),
        "example_arms": [_show_arm(arm, report.arms.get(arm), report) for arm in arms],
        "examples": [
            {"title": group.title, "rows": [show_example(example, arms, metric) for example in group.examples]}
            for group in choose_examples(questions)
        ],
    }


def _worth_showing(report: ArmReport) -> list[PairedDifference]:
    """Comparisons of arms with different weights, those against the champion first."""
    weights = {arm: result.weights_sha256 for arm, result in report.arms.items()}
    different = [c for c in report.comparisons if weights.get(c.arm, c.arm) != weights.get(c.against, c.against)]
    # The champion of a first round is the base: what is said against the one need not be said against the other.
    if weights.get("champion") is not None and weights.get("champion") == weights.get("base"):
        different = [c for c in different if "base" not in (c.arm, c.against)]
    return sorted(different, key=lambda c: (c.arm != "challenger", c.against != "champion"))


def _show_arm(arm: str, result: ArmResult | None, report: ArmReport) -> dict[str, Any]:
    notes = {"base": report.champion.base.id, "challenger": f"new in round {report.round}"}
    shown = {"label": text.arm_label(arm), "colour": arm_colour(arm), "note": notes.get(arm, "")}
    if result is None:
        return shown
    if arm not in notes and result.version is not None:
        shown["note"] = f"version {result.version}"
    return {
        **shown,
        "p50": text.format_seconds(result.latency_s.p50),
        "p95": text.format_seconds(result.latency_s.p95),
        "prompt": f"{result.tokens.prompt:,}",
        "completion": f"{result.tokens.completion:,}",
        "per_answer": f"{result.tokens.completion / report.questions:.1f}" if report.questions else "",
    }


def show_metric(name: str, arms: Mapping[str, ArmResult]) -> dict[str, Any]:
    """A row of the table of scores: the metric's label, and for each arm mean, interval and whether it is the best."""
    # Compared as printed: what looks equal is equally bold.
    printed = {arm: round(result.metrics[name].mean, 3) for arm, result in arms.items() if name in result.metrics}
    cells = []
    for arm, result in arms.items():
        summary = result.metrics.get(name)
        if summary is None:
            cells.append({"arm": text.arm_label(arm), "mean": "not measured", "interval": "", "best": False})
            continue
        low, high = (text.format_number(end) for end in summary.ci95)
        cells.append(
            {
                "arm": text.arm_label(arm),
                "mean": text.format_number(summary.mean),
                "interval": f"{low} to {high}",
                "best": printed[arm] == max(printed.values()),
            }
        )
    return {"label": text.metric_label(name), "cells": cells}


def _show_comparisons(comparisons: Sequence[PairedDifference]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the table by pair of arms."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for comparison in comparisons:
        low, high = comparison.ci95
        pair = f"{text.arm_label(comparison.arm)} against {text.arm_label(comparison.against).lower()}"
        rows.setdefault(pair, []).append(
            {
                "metric": text.metric_label(comparison.metric),
                "difference": text.format_signed(comparison.difference),
                "interval": f"{text.format_signed(low)} to {text.format_signed(high)}",
                "outcomes": _outcomes(comparison),
                "sure": low > 0 or high < 0,
            }
        )
    return rows


def _outcomes(comparison: PairedDifference) -> str:
    return f"{comparison.wins} / {comparison.ties} / {comparison.losses}"


def _show_check(check: Check) -> dict[str, Any]:
    return {
        "title": text.spell_out(check.name),
        "passed": check.passed,
        "sentence": check.sentence,
        "evidence": json.dumps(check.evidence, indent=2, ensure_ascii=False, default=str) if check.evidence else "",
    }


def show_example(example: QuestionAnswers, arms: Sequence[str], metric: str) -> dict[str, Any]:
    """A row of the examples: question, reference, and what each arm said, with its score and passages."""
    cells = []
    for arm in arms:
        row = example.answers.get(arm)
        score = row.metrics.get(metric) if row else None
        change = example.difference if arm == "challenger" else None
        contexts = row.contexts if row else ()
        cells.append(
            {
                "arm": text.arm_label(arm),
                "answer": _shorten(row.answer) if row else "",
                "missing": "empty answer" if row else "not asked",
                "score": text.format_number(score, 2) if score is not None else "",
                "change": text.format_signed(change, 2) if change is not None else "",
                "contexts": [_shorten(context) for context in contexts],
                "contexts_title": text.count_of(len(contexts), "retrieved passage"),
            }
        )
    return {"question": _shorten(example.question), "reference": _shorten(example.reference), "cells": cells}


def _shorten(value: str) -> str:
    """The text, cut where it would fill the page; answers.jsonl has all of it."""
    stripped = value.strip()
    return stripped if len(stripped) <= _LONGEST_TEXT else f"{stripped[:_LONGEST_TEXT].rstrip()} […]"


def _describe_training(report: ArmReport) -> str:
    adapter = report.challenger
    if adapter.rated_answers:
        preferences = f"and {text.count_of(adapter.rated_answers, 'single answer')}, good or bad (KTO)"
    elif adapter.preference_pairs:
        preferences = f"and {text.count_of(adapter.preference_pairs, 'preference pair')} (DPO)"
    else:
        preferences = "and no preference pairs, so without DPO"
    return (
        f"The challenger learned from {text.count_of(adapter.demonstrations, 'demonstration')} (SFT) {preferences}: "
        f"{adapter.train_tokens:,} tokens in {text.format_seconds(adapter.train_s)}."
        + (f" Of these rows: {adapter.contexts.describe()}." if adapter.contexts else "")
        + (f" Among the demonstrations are {adapter.replay.describe()}." if adapter.replay else "")
    )


def _explain(report: ArmReport) -> list[tuple[str, str]]:
    """Terms and their meaning, a line each."""
    known = [name for name in metric_names(report) if name in text.METRIC_TEXTS]
    return [
        ("Base, champion, challenger", "The untrained model; the model in use before this round; the new one."),
        *((text.metric_label(name), text.METRIC_TEXTS[name].line) for name in known),
        (
            "95 % interval",
            "A range that, made in this way, holds the mean over all such questions 95 times in 100 (bootstrap).",
        ),
        (
            "Paired difference",
            "The mean of the differences on the same questions. An interval that leaves out zero is evidence; "
            "one that contains it could be chance.",
        ),
        ("What these figures cannot say", "Whether an answer is true. They measure likeness to the reference answer."),
    ]


def _describe_origin(report: ArmReport) -> dict[str, Any]:
    """What the report's own records say about where it comes from, under the keys a round's provenance uses."""
    champion, challenger = report.champion, report.challenger
    return {
        "base": champion.base.id,
        "base_sha256": champion.base.sha256,
        "champion": f"{champion.name} version {champion.version}",
        "champion_weights_sha256": champion.weights_sha256,
        "adapter_sha256": challenger.sha256,
        "snapshot_sha256": challenger.snapshot_sha256,
        "parent_sha256": challenger.parent_sha256,
        "dpo_reference": challenger.dpo_reference,
        "mlflow_run_id": challenger.mlflow_run_id,
        "test_set_sha256": report.test_set_sha256,
        "answers_sha256": report.answers.sha256,
    }
