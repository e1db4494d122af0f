"""What the benchmark's page shows, as plain values: every figure formatted, every list chosen and in order."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.evaluation import report_text as text
from tasks.evaluation.benchmark.examples import example_groups
from tasks.evaluation.benchmark.suggestions import SURE
from tasks.evaluation.benchmark.view_answers import show_abstention, show_answers, show_groundedness, show_win_rates
from tasks.evaluation.benchmark.view_figures import format_share, show_cell, show_comparison, state_p
from tasks.evaluation.benchmark.view_retrieval import show_retrieval
from tasks.evaluation.intervals import TIE
from tasks.evaluation.report_charts import Chart, arm_colour, chart_scores, metric_names
from tasks.evaluation.report_dots import Dot, describe_dots, draw_dots, label_width
from tasks.evaluation.report_view import show_metric
from tasks.records import (
    ADAPTER_ARMS,
    RETRIEVAL_ARMS,
    AnswerRow,
    ArmResult,
    BenchmarkReport,
    PairedTest,
)


def build_view(report: BenchmarkReport, answers: Sequence[AnswerRow], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Every name the template uses but for styles, scripts and the fragment on costs; nothing in it is HTML."""
    primary = report.primary_metric
    arms = [_show_arm(arm, result, report) for arm, result in report.arms.items()]
    on_primary = [comparison for comparison in report.comparisons if comparison.metric == primary]
    return {
        "report": report,
        "arms": arms,
        "facts": _facts(report),
        "warnings": leading_warnings(report),
        "verdict": state_verdict(report),
        "figures": [
            (f"{text.arm_label(arm)} correct", format_share(summary.mean))
            for arm, summary in report.correct_share.items()
        ],
        "correct": _show_correct(report),
        "metrics": [show_metric(name, report.arms) for name in metric_names(report)],
        "scores": chart_scores(report),
        "differences": chart_pairs(on_primary, primary) if on_primary else None,
        "comparisons": _show_comparisons(report.comparisons),
        "retrieval": show_retrieval(report.retrieval) if report.retrieval else None,
        "win_rates": show_win_rates(report),
        "groundedness": show_groundedness(report),
        "abstention": show_abstention(report),
        "suggestions": [suggestion.sentence for suggestion in report.suggestions],
        "examples": [
            {"title": title, "rows": [show_answers(example, list(report.arms), primary) for example in examples]}
            for title, examples in example_groups(answers, list(report.arms), primary, report.correct_from)
        ],
        "primary_label": text.metric_label(primary),
        "key": _explain(report),
        "provenance": text.flatten(provenance),
    }


def leading_warnings(report: BenchmarkReport) -> list[str]:
    """What one has to know before any figure."""
    found = []
    if report.shared_families:
        families = "1 family is" if report.shared_families == 1 else f"{report.shared_families} families are"
        found.append(
            f"{families} in both train and test by explicit splits: the arms with an adapter may have learned what "
            "they are asked here, and look better than they are."
        )
    if report.synthetic_questions:
        found.append(
            f"{report.synthetic_questions} of the {text.count_of(report.questions, 'test question')} were written by a "
            "program from the documents; people may ask otherwise."
        )
    if report.version and not report.is_champion:
        found.append(
            f"Fine-tuned arms use version {report.version.version}, which is not the champion that consumers get."
        )
    return found


def state_verdict(report: BenchmarkReport) -> text.Verdict:
    """Which arm answers best on the primary metric, and whether that is more than chance."""
    metric = report.primary_metric
    ranked = sorted(report.arms, key=lambda arm: -report.arms[arm].metrics[metric].mean)
    if len(ranked) == 1:
        return text.Verdict("open", f"{text.arm_label(ranked[0])} alone", "There is no other arm beside it.", ())
    best, second = ranked[0], ranked[1]
    comparison = next(c for c in report.comparisons if c.metric == metric and {c.arm, c.against} == {best, second})
    ahead = abs(comparison.difference)
    sentence = (
        f"{text.arm_label(best)} is ahead of {text.arm_label(second)} by {ahead:.3f} {text.metric_label(metric)} on "
        f"{text.count_of(report.questions, 'unseen question')}"
    )
    if ahead <= TIE:
        title, tone, sentence = (
            "No difference",
            "open",
            f"The two best arms score the same on {report.questions} unseen questions.",
        )
    elif comparison.p_value_holm < SURE:
        title, tone = f"{text.arm_label(best)} answers best", "promoted"
        sentence += f" ({state_p(comparison.p_value_holm)} after Holm's correction)."
    else:
        title, tone = "No clear winner", "held"
        sentence += f", which chance alone could explain ({state_p(comparison.p_value_holm)})."
    return text.Verdict(tone, title, sentence, (report.roi.recommendation.sentence,))


def chart_pairs(comparisons: Sequence[PairedTest], metric: str) -> Chart:
    """How far each arm is from each before it on one metric, with intervals, around zero."""
    dots = [
        Dot(
            f"{text.arm_label(c.arm)} vs {text.arm_label(c.against)}",
            c.difference,
            c.ci95,
            text.format_signed(c.difference, 2),
            arm_colour(c.arm if c.difference >= 0 else c.against),
            "diamond" if c.p_value_holm < SURE else "diamond-open",
        )
        for c in comparisons
    ]
    groups = [(text.metric_label(metric), dots)]
    return Chart(
        "chart-differences",
        "Arms side by side",
        "Mean difference on the same questions with its 95 % interval; right of zero the first arm is better. Hollow: "
        "chance could explain it, by the corrected test.",
        describe_dots(groups),
        draw_dots(groups, label_px=label_width(groups)),
    )


def _facts(report: BenchmarkReport) -> list[str]:
    facts = [text.count_of(report.questions, "unseen test question"), f"base model {report.base.id}"]
    if report.version:
        facts.append(f"adapter of version {report.version.version}")
    return [*facts, f"test set {report.test_set_sha256[:12]}"]


def _show_arm(arm: str, result: ArmResult, report: BenchmarkReport) -> dict[str, Any]:
    adapted = f"version {result.version}" if arm in ADAPTER_ARMS else report.base.id
    cost = report.roi.arms[arm]
    return {
        "label": text.arm_label(arm),
        "colour": arm_colour(arm),
        "note": f"{adapted}, with passages" if arm in RETRIEVAL_ARMS else adapted,
        "p50": text.format_seconds(result.latency_s.p50),
        "p95": text.format_seconds(result.latency_s.p95),
        "prompt": f"{cost.usage.prompt_tokens_per_query.mean:,.1f}",
        "completion": f"{cost.usage.completion_tokens_per_query.mean:,.1f}",
        "server_s": text.format_seconds(cost.usage.server_s_per_query.mean),
    }


def _show_correct(report: BenchmarkReport) -> dict[str, Any]:
    printed = {arm: round(summary.mean, 3) for arm, summary in report.correct_share.items()}
    return {
        "label": f"Correct ({text.metric_label(report.primary_metric)} of {report.correct_from:g} or more)",
        "cells": [
            {**show_cell(text.arm_label(arm), summary), "best": printed[arm] == max(printed.values())}
            for arm, summary in report.correct_share.items()
        ],
    }


def _show_comparisons(comparisons: Sequence[PairedTest]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the table by pair of arms."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for comparison in comparisons:
        pair = f"{text.arm_label(comparison.arm)} against {text.arm_label(comparison.against)}"
        rows.setdefault(pair, []).append(show_comparison(text.metric_label(comparison.metric), comparison))
    return rows


def _explain(report: BenchmarkReport) -> list[tuple[str, str]]:
    """Terms and their meaning, a line each."""
    known = [name for name in metric_names(report) if name in text.METRIC_TEXTS]
    return [
        (
            "The arms",
            "Base is the untrained model, RAG gives it retrieved passages, Fine-tuned gives it the adapter, and RAG + "
            "fine-tuned both. Template, decoding, seed and questions are the same.",
        ),
        *((text.metric_label(name), text.METRIC_TEXTS[name].line) for name in known),
        (
            "Claim, groundedness",
            "A claim is a sentence of an answer. It is supported when sentences of the passages hold most of its "
            "words, rare ones counting more, and all of its numbers; each is cited by document and place. "
            "Groundedness is the share of an answer's claims that are. The same said in other words counts as missing.",
        ),
        ("Hit at k", "The share of questions for which a source is among the first k documents."),
        ("MRR, nDCG", "How far up the sources are: 1 where the first document is one. 0 to 1."),
        (
            "95 % interval",
            "A range that, made in this way, holds the mean over all such questions 95 times in 100 (bootstrap).",
        ),
        (
            "p",
            "How often chance alone would make a difference as large: a randomisation test on the same questions, "
            "corrected by Holm for all pairs on the same metric. Below 0.05 it is evidence.",
        ),
        ("What these figures cannot say", "Whether an answer is true. They measure likeness to the reference answer."),
    ]
