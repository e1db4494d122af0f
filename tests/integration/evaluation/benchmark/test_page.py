"""The benchmark's page in a real browser without a network: charts are drawn, and no text of a document runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from example_benchmark import PRICES, benchmark_report, benchmark_rows, retrieval_report

from tasks.config import Config
from tasks.evaluation.benchmark.report import render_benchmark

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7 * 7 }}"


@pytest.fixture
def config() -> Config:
    return Config.model_validate({"name": "tiny", "questions": "q.jsonl", "root": "/", "prices": PRICES.model_dump()})


def test_the_page_draws_its_charts_and_shows_scripts_as_text(
    config: Config, visit: Callable[[Path], Any], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_benchmark(config, benchmark_report(), benchmark_rows(evil=EVIL), {}), encoding="utf-8")

    seen = visit(page)

    assert seen.console == ()
    drawn = seen.dom.count('class="chart js-plotly-plot"')
    assert drawn == page.read_text(encoding="utf-8").count('class="chart"') >= 2
    assert "<script>alert(1)" not in seen.dom and "<img src=x" not in seen.dom
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in seen.dom


def test_the_page_has_its_parts_and_ends_with_what_to_try(config: Config) -> None:
    page = render_benchmark(config, benchmark_report(shared_families=1), benchmark_rows(), {"seed": 7})
    parts = (
        "1 family is in both train and test",
        "<h2>RAG + fine-tuned answers best</h2>" if "answers best</h2>" in page else "<h2>No clear winner</h2>",
        "How each arm scores",
        'id="chart-scores"',
        'id="chart-differences"',
        "Paired tests",
        "<h2>Retrieval</h2>",
        "What each arm is worth",
        "Speed and tokens",
        "What they said",
        "Provenance",
        "What to try next",
        "Try something else.",
        "</main>",
    )

    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert "http" not in page[: page.index("plotly.js v")].replace("http-equiv", "")


@pytest.mark.parametrize("arms", [("base",), ("base", "rag"), ("rag",), ("ft", "rag_ft"), ("base", "ft")])
def test_any_choice_of_arms_makes_a_page(config: Config, arms: tuple[str, ...]) -> None:
    page = render_benchmark(config, benchmark_report(arms), benchmark_rows(arms), {})

    assert ("<h2>Retrieval</h2>" in page) == any(arm.startswith("rag") for arm in arms)
    assert ("Paired tests" in page) == (len(arms) > 1)


def test_retrieval_without_sources_has_latencies_only(config: Config) -> None:
    stages = {name: stage.model_copy(update={"metrics": {}}) for name, stage in retrieval_report().stages.items()}
    unknown = retrieval_report(stages=stages, questions_with_sources=0, sources_in_prompts=None)

    page = render_benchmark(config, benchmark_report(retrieval=unknown), benchmark_rows(), {})

    assert "No question names a source among the documents" in page
    assert "12.0 ms" in page and "Hit at 1" not in page
