"""What the command line shows of a benchmark, read from its report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.printing import align
from tasks.config import load_config
from tasks.evaluation.benchmark.plan import open_benchmark, report_folder
from tasks.evaluation.report_text import format_interval
from tasks.home import find_home, lock

_SHOWN = (
    "domain",
    "warnings",
    "questions",
    "primary_metric",
    "arms",
    "correct",
    "comparisons",
    "win_rates",
    "groundedness",
    "abstention",
    "retrieval",
    "suggestions",
)


def finished_benchmark(config_path: Path, arms: Sequence[str], version: int | None) -> Path | None:
    """The page of a benchmark that ran before with the same domain, models and settings; None when it has to run.

    Raises:
        RatchetError: when an arm lacks what it needs.
    """
    config, home = load_config(config_path), find_home()
    with lock(home, "looking for a benchmark"):
        page = report_folder(home, open_benchmark(config, home, arms, version)) / "report.html"
    return page if page.exists() else None


def summarise_benchmark(page: Path) -> tuple[dict[str, Any], list[str]]:
    """The report's figures as a JSON object, and the same as lines of text; `page` is its report.html."""
    report = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    result = {
        "report": str(page),
        **{name: report[name] for name in _SHOWN},
        "recommendation": report["roi"]["recommendation"],
    }
    lines = [
        *(f"note: {warning}" for warning in report["warnings"]),
        f"{report['questions']} unseen test questions, means with 95 % intervals",
        *align(_arms_table(report)),
    ]
    if report["retrieval"]:
        lines += ["", *align(_stages_table(report["retrieval"]))]
        lines += ["", *align(_ablations_table(report["retrieval"]))] if report["retrieval"]["ablations"] else []
    if any(found["unanswerable"]["questions"] for found in report["abstention"].values()):
        lines += ["", *align(_abstention_table(report["abstention"]))]
    lines += ["", report["roi"]["recommendation"]["sentence"]]
    if report["suggestions"]:
        numbered = (f"  {number}. {each['sentence']}" for number, each in enumerate(report["suggestions"], 1))
        lines += ["", "What to try next:", *numbered]
    return result, [*lines, "", f"report: {page}"]


def _arms_table(report: dict[str, Any]) -> list[list[str]]:
    metrics = list(dict.fromkeys(name for arm in report["arms"].values() for name in arm["metrics"]))
    rows = [["arm", "correct", *metrics, "s/answer p50", "prompt tokens"]]
    for arm, result in report["arms"].items():
        usage = report["roi"]["arms"][arm]["usage"]
        rows.append(
            [
                arm,
                _shown(report["correct"]["arms"][arm]),
                *(_shown(result["metrics"][name]) if name in result["metrics"] else "-" for name in metrics),
                f"{result['latency_s']['p50']:.2f}",
                f"{usage['prompt_tokens_per_query']['mean']:.0f}",
            ]
        )
    return rows


def _stages_table(retrieval: dict[str, Any]) -> list[list[str]]:
    metrics = list(next(iter(retrieval["stages"].values()))["metrics"])
    rows = [["retrieval", *metrics, "ms p50", "ms p95"]]
    for stage, found in retrieval["stages"].items():
        latency = found["latency_s"]
        rows.append(
            [
                stage,
                *(_shown(found["metrics"][name]) for name in metrics),
                *(f"{1000 * latency[name]:.1f}" for name in ("p50", "p95")),
            ]
        )
    return rows


def _ablations_table(retrieval: dict[str, Any]) -> list[list[str]]:
    metric = f"mrr_at_{retrieval['depth']}"
    rows = [["pipeline", metric, "difference", "p (Holm)"]]
    for ablation in retrieval["ablations"]:
        test = ablation["against_full"].get(metric)
        rows.append([ablation["change"], _shown(ablation["metrics"][metric]), *(_tested(test) if test else "--")])
    return rows


def _abstention_table(abstention: dict[str, Any]) -> list[list[str]]:
    rows = [["abstained", "unanswerable", "answerable"]]
    for arm, found in abstention.items():
        counts = [f"{found[kind]['abstained']} of {found[kind]['questions']}" for kind in rows[0][1:]]
        rows.append([arm, *counts])
    return rows


def _tested(test: dict[str, Any]) -> list[str]:
    low, high = test["ci95"]
    return [f"{test['difference']:+.3f} ({low:+.3f} to {high:+.3f})", f"{test['p_value_holm']:.3f}"]


def _shown(summary: dict[str, Any]) -> str:
    return format_interval(summary["mean"], summary["ci95"])
