"""report.json of a benchmark keeps the report contract, and adds to it what a benchmark knows besides."""

import json
from pathlib import Path

import pytest
from example_benchmark import SCORES, benchmark_report

from tasks.errors import HomeError
from tasks.evaluation.benchmark.report import FILES, copy_report, report_json

CONTRACT = {"schema", "domain", "questions", "arms", "comparisons", "decision", "provenance"}


def test_report_json_has_the_keys_of_the_contract_and_its_own() -> None:
    values = report_json(benchmark_report(), {"seed": 0})

    assert set(values) >= CONTRACT
    assert set(values) - CONTRACT == {
        "warnings",
        "shared_families",
        "primary_metric",
        "synthetic_questions",
        "correct",
        "win_rates",
        "groundedness",
        "abstention",
        "retrieval",
        "roi",
        "suggestions",
    }
    assert (values["schema"], values["domain"], values["questions"], values["decision"]) == (1, "tiny", 4, None)
    assert list(values["arms"]) == list(SCORES) == list(values["correct"]["arms"])
    for arm in values["arms"].values():
        assert {"metrics", "tokens", "latency_s", "cost"} <= set(arm)
        assert set(arm["tokens"]) == {"prompt", "completion"} and set(arm["latency_s"]) == {"p50", "p95"}
        assert all(low <= each["mean"] <= high for each in arm["metrics"].values() for low, high in [each["ci95"]])
        assert set(arm["cost"]) == {"usd_per_query", "usd_per_correct_answer"}
    assert {"p_value", "p_value_holm", "difference", "ci95"} <= set(values["comparisons"][0])
    assert values["provenance"] == {"seed": 0}


def test_it_is_json_without_nan_and_the_first_lines_say_that_families_are_shared() -> None:
    text = json.dumps(report_json(benchmark_report(shared_families=3), {}), allow_nan=False, indent=2)

    assert "3 families are in both train and test" in "\n".join(text.splitlines()[:6])


def test_arms_that_do_not_retrieve_have_no_retrieval() -> None:
    assert report_json(benchmark_report(("base", "ft")), {})["retrieval"] is None


def test_a_report_is_copied_whole_and_replaces_an_earlier_one(tmp_path: Path) -> None:
    for folder, text in (("new", "new"), ("old", "old")):
        (tmp_path / folder).mkdir()
        for name in FILES:
            (tmp_path / folder / name).write_text(f"{text} {name}")

    page = copy_report(tmp_path / "new", tmp_path / "old")

    assert page == tmp_path / "old" / "report.html"
    assert [(tmp_path / "old" / name).read_text() for name in FILES] == [f"new {name}" for name in FILES]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_text("x")

    with pytest.raises(HomeError, match=r"report\.json failed"):
        copy_report(tmp_path, tmp_path / FILES[0] / "out")
