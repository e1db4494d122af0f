"""What the command line shows of a benchmark, read from its report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.printing import align
from tasks.config import load_config
from tasks.evaluation.benchmark.plan import open_benchmark, report_folder
from tasks.home import find_home, lock

_SHOWN = (
    "domain",
    "warnings",
    "questions",
    "primary_metric",
    "arms",
    "correct",
    "comparisons",
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
                _interval(report["correct"]["arms"][arm]),
                *(_interval(result["metrics"][name]) if name in result["metrics"] else "-" for name in metrics),
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
                *(_interval(found["metrics"][name]) for name in metrics),
                *(f"{1000 * latency[name]:.1f}" for name in ("p50", "p95")),
            ]
        )
    return rows


def _interval(summary: dict[str, Any]) -> str:
    low, high = summary["ci95"]
    return f"{summary['mean']:.3f} ({low:.3f}-{high:.3f})"
