"""What the command line shows of a benchmark: its arms, its stages on and off, and who abstains."""

import json
from pathlib import Path

from example_benchmark import benchmark_report

from flows.benchmark_summary import summarise_benchmark
from tasks.evaluation.benchmark.abstention import measure_abstention
from tasks.evaluation.benchmark.report import report_json
from tasks.records import BenchmarkReport


def shown(folder: Path, report: BenchmarkReport) -> tuple[dict[str, object], list[str]]:
    (folder / "report.json").write_text(json.dumps(report_json(report, {})), encoding="utf-8")
    return summarise_benchmark(folder / "report.html")


def test_stages_on_and_off_and_abstentions_have_their_tables(tmp_path: Path) -> None:
    result, lines = shown(tmp_path, benchmark_report())

    text = "\n".join(" ".join(line.split()) for line in lines)
    assert "pipeline mrr_at_3 difference p (Holm)" in text
    assert "full 0.700 (0.000-1.000) - -" in text
    assert "without_bm25 0.700 (0.000-1.000) -0.200 (-0.300 to -0.100) 0.010" in text
    assert "abstained unanswerable answerable" in text and "rag 1 of 2 0 of 4" in text
    assert {"win_rates", "groundedness", "abstention"} <= set(result)


def test_without_sources_or_unanswerable_questions_there_are_no_such_tables(tmp_path: Path) -> None:
    answered = {arm: measure_abstention([], [False] * 4) for arm in ("base", "ft")}

    _, lines = shown(tmp_path, benchmark_report(("base", "ft"), abstention=answered))

    text = "\n".join(lines)
    assert "pipeline" not in text and "unanswerable" not in text
