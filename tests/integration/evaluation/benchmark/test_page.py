"""The benchmark's page in a real browser without a network: charts are drawn, and no text of a document runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from example_benchmark import PRICES, benchmark_report, benchmark_rows, retrieval_report

from tasks.config import Config
from tasks.evaluation.benchmark.abstention import measure_abstention
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
        "<h2>Win rates by the judges</h2>",
        "<h3>RAG + fine-tuned against Base</h3>",
        "<h2>Groundedness and citations</h2>",
        "<h2>Abstention</h2>",
        "1 of 2 <span",
        "<h2>Retrieval</h2>",
        "Each stage on and off",
        "Without BM25",
        "What each arm is worth",
        "Speed and tokens",
        "What they said",
        "Claims and citations",
        "docs/0.md, characters 0 to 13",
        "cites [1]",
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
    assert ("Win rates by the judges" in page) == (len(arms) > 1)
    assert ("Groundedness and citations" in page) == any(arm.startswith("rag") for arm in arms)


def test_retrieval_without_sources_has_latencies_only(config: Config) -> None:
    stages = {name: stage.model_copy(update={"metrics": {}}) for name, stage in retrieval_report().stages.items()}
    unknown = retrieval_report(stages=stages, ablations=(), questions_with_sources=0, sources_in_prompts=None)

    page = render_benchmark(config, benchmark_report(retrieval=unknown), benchmark_rows(), {})

    assert "No question names a source among the documents" in page
    assert "12.0 ms" in page and "Hit at 1" not in page and "Each stage on and off" not in page


def test_without_unanswerable_questions_and_abstentions_the_page_does_not_speak_of_them(config: Config) -> None:
    answered = {"base": measure_abstention([], [False] * 4)}

    page = render_benchmark(config, benchmark_report(("base",), abstention=answered), benchmark_rows(("base",)), {})

    assert "<h2>Abstention</h2>" not in page


def test_answers_that_rest_on_several_documents_are_among_the_examples(config: Config) -> None:
    first, second = benchmark_rows(("rag",))[0].claims
    both = (first, second.model_copy(update={"supported": True}))
    rows = [row.model_copy(update={"claims": both, "metrics": {"rouge_l": 0.6}}) for row in benchmark_rows(("rag",))]

    page = render_benchmark(config, benchmark_report(("rag",)), rows, {})

    shown = page[page.index("Answers from several documents", page.index("What they said")) :]
    assert "docs/0.md, characters 0 to 13" in shown and "docs/1.md, characters 0 to 13" in shown
