"""The benchmark's report: report.json for machines, answers.jsonl with every answer, report.html for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.config import Config
from tasks.evaluation.benchmark.plan import Benchmark, report_folder
from tasks.evaluation.benchmark.view import build_view, leading_warnings
from tasks.evaluation.report_html import render_page
from tasks.files import encode_rows, read_rows, write_atomically
from tasks.home import Home
from tasks.records import AnswerRow, BenchmarkAnswer, BenchmarkReport, Record
from tasks.registry.environment import describe_environment

SCHEMA = 1
FILES = ("report.json", "answers.jsonl", "report.html")


def report_json(report: BenchmarkReport, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The report as JSON values, in the order and with the keys of the report contract.

    `decision` is null, for a benchmark promotes nothing; beside the contract's keys it has `warnings`,
    `primary_metric`, `correct`, `win_rates`, `groundedness`, `abstention`, `retrieval`, `roi` and `suggestions`.
    """
    costs = report.roi.arms
    return {
        "schema": SCHEMA,
        "domain": report.domain,
        "warnings": leading_warnings(report),
        "questions": report.questions,
        "shared_families": report.shared_families,
        "synthetic_questions": report.synthetic_questions,
        "primary_metric": report.primary_metric,
        "arms": {
            arm: {
                **result.model_dump(mode="json"),
                "cost": {
                    "usd_per_query": costs[arm].usd_per_query.model_dump(mode="json"),
                    "usd_per_correct_answer": costs[arm].usd_per_correct_answer.model_dump(mode="json"),
                },
            }
            for arm, result in report.arms.items()
        },
        "correct": {
            "correct_from": report.correct_from,
            "arms": {arm: summary.model_dump(mode="json") for arm, summary in report.correct_share.items()},
        },
        "comparisons": [comparison.model_dump(mode="json") for comparison in report.comparisons],
        "decision": None,
        "win_rates": _by_arm(report.win_rates),
        "groundedness": _by_arm(report.groundedness),
        "abstention": _by_arm(report.abstention),
        "retrieval": report.retrieval.model_dump(mode="json") if report.retrieval else None,
        "roi": report.roi.model_dump(mode="json"),
        "suggestions": [suggestion.model_dump(mode="json") for suggestion in report.suggestions],
        "provenance": dict(provenance),
    }


def _by_arm(records: Mapping[str, Record]) -> dict[str, Any]:
    return {arm: record.model_dump(mode="json") for arm, record in records.items()}


def write_benchmark_report(config: Config, home: Home, benchmark: Benchmark, report: BenchmarkReport) -> Path:
    """Writes report.json, answers.jsonl and report.html below the home, each whole or not at all.

    Returns:
        The path of report.html, which is written last: a benchmark that has one is finished.

    Raises:
        HomeError: when the folder cannot be written.
    """
    answers, origin = read_rows(home.objects, report.answers, BenchmarkAnswer), provenance(config, benchmark, report)
    data = json.dumps(report_json(report, origin), ensure_ascii=False, indent=2, allow_nan=False)
    rows, _ = encode_rows(answers)
    folder = report_folder(home, benchmark)
    contents = (f"{data}\n".encode(), rows, render_benchmark(config, report, answers, origin).encode())
    for name, content in zip(FILES, contents, strict=True):
        write_atomically(folder / name, content)
    return folder / FILES[-1]


def render_benchmark(
    config: Config, report: BenchmarkReport, answers: Sequence[AnswerRow], provenance: Mapping[str, Any]
) -> str:
    """The whole page as HTML text."""
    from tasks.roi.page import roi_css, roi_fragment, roi_scripts

    return render_page(
        "benchmark.html.j2",
        build_view(report, answers, provenance),
        scripts=roi_scripts(),
        css=roi_css(),
        fragments={"roi": roi_fragment(config.prices, report.usages, report.roi, config.seed)},
    )


def copy_report(folder: Path, target: Path) -> Path:
    """Copies a finished report to another folder, in place of one that is there; returns its report.html.

    Raises:
        HomeError: when the folder cannot be written.
    """
    for name in FILES:
        write_atomically(target / name, (folder / name).read_bytes())
    return target / FILES[-1]


def provenance(config: Config, benchmark: Benchmark, report: BenchmarkReport) -> dict[str, Any]:
    """Everything one needs to make the report's numbers again."""
    version = benchmark.version
    adapter = version.adapter if version else None
    return {
        "benchmark": benchmark.key,
        "questions_sha256": benchmark.domain.questions.sha256,
        "documents_sha256": benchmark.domain.documents.sha256,
        "test_set_sha256": report.test_set_sha256,
        "index_sha256": report.retrieval.index_sha256 if report.retrieval else None,
        "base": benchmark.base.id,
        "base_sha256": benchmark.base.sha256,
        "version": version.version if version else None,
        "adapter_sha256": adapter.sha256 if adapter else None,
        "snapshot_sha256": adapter.snapshot_sha256 if adapter else None,
        "train_tokens": adapter.train_tokens if adapter else None,
        "train_s": round(adapter.train_s, 1) if adapter else None,
        "answers_sha256": report.answers.sha256,
        "retrieval": config.retrieval.model_dump(mode="json"),
        "seed": config.seed,
        **describe_environment(config),
    }
