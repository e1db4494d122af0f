"""`ratchet benchmark` through the real command line: four arms after a round, and again for nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ARMS = ["base", "rag", "ft", "rag_ft"]
CONTRACT = {"rouge_l", "rouge_l_recall", "semantic_similarity", "token_overlap_recall"}
FILES = ["answers.jsonl", "report.html", "report.json"]


@pytest.fixture(scope="module")
def ratchet(make_ratchet: Callable[..., Any]) -> Any:
    """A domain whose questions name their sources, after its first round. The tests go on from each other's state."""
    made = make_ratchet(benchmark={"correct_from": 0.4}, retrieval={"dense": False})
    path = made.config.parent / "questions.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        source = made.config.parent / "documents" / f"{row['id']}.md"
        source.write_text(f"# {row['id']}\n\n{row['question']} {row['answer']}\n", encoding="utf-8")
        row["sources"] = [f"documents/{row['id']}.md"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    made.go()
    return made


@pytest.fixture(scope="module")
def shown(ratchet: Any) -> dict[str, Any]:
    """What the benchmark prints with --json."""
    result: dict[str, Any] = ratchet.json("benchmark", str(ratchet.config))
    return result


def state(home: Path) -> dict[str, int]:
    """Every file of reports and answers, with the time of its last change."""
    folders = [home / name for name in ("benchmarks", "answers", "objects", "indexes")]
    return {str(path): path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_the_report_keeps_its_contract_for_four_arms(ratchet: Any, shown: dict[str, Any]) -> None:
    folder = Path(shown["report"]).parent
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))

    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert folder.parent == ratchet.home / "benchmarks" / "tiny"
    assert list(report["arms"]) == ARMS == list(shown["arms"])
    assert (report["schema"], report["domain"], report["questions"], report["decision"]) == (1, "tiny", 12, None)
    for arm, result in report["arms"].items():
        retrieves = {"context_overlap", "groundedness"} if arm.startswith("rag") else set()
        judged = {"win_rate"} if arm != "base" else set()
        assert set(result["metrics"]) == CONTRACT | retrieves | judged
        assert {"tokens", "latency_s", "cost"} <= set(result)
    assert len(report["comparisons"]) == 6 * 4 + 2
    assert set(report["win_rates"]) == {"rag", "ft", "rag_ft"} and set(report["groundedness"]) == {"rag", "rag_ft"}
    assert {arm: each["answerable"]["questions"] for arm, each in report["abstention"].items()} == dict.fromkeys(
        ARMS, 12
    )
    changes = [each["change"] for each in report["retrieval"]["ablations"]]
    assert changes == ["full", "without_near_duplicates"]
    assert report["warnings"] == []
    assert report["provenance"]["version"] == 2


def test_every_answer_is_there_with_the_passages_it_was_given(shown: dict[str, Any]) -> None:
    text = (Path(shown["report"]).parent / "answers.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]

    assert len({(row["question_id"], row["arm"]) for row in rows}) == len(rows) == 12 * 4
    assert all(bool(row["contexts"]) == row["arm"].startswith("rag") for row in rows)


def test_retrieval_is_scored_against_the_sources(shown: dict[str, Any]) -> None:
    retrieval = shown["retrieval"]

    assert retrieval["questions_with_sources"] == 12
    assert retrieval["stages"]["full"]["metrics"]["mrr_at_10"]["mean"] > 0.9


def test_what_was_learned_shows_and_passages_cost_tokens(shown: dict[str, Any]) -> None:
    arms = shown["arms"]

    assert arms["ft"]["metrics"]["rouge_l"]["mean"] > arms["base"]["metrics"]["rouge_l"]["mean"] + 0.3
    assert arms["rag"]["tokens"]["prompt"] == arms["rag_ft"]["tokens"]["prompt"] > arms["base"]["tokens"]["prompt"]


def test_a_second_time_nothing_is_done_anew(ratchet: Any, shown: dict[str, Any]) -> None:
    before = state(ratchet.home)

    again = ratchet.done("benchmark", str(ratchet.config))

    assert again.stdout.startswith(f"Nothing has changed since this benchmark of {ratchet.config} was run.")
    assert "answers" not in again.stderr
    assert state(ratchet.home) == before


def test_the_report_is_copied_to_where_it_is_wanted(ratchet: Any, shown: dict[str, Any], tmp_path: Path) -> None:
    copied = ratchet.json("benchmark", str(ratchet.config), "--out", str(tmp_path / "out"))

    assert copied == {**shown, "report": str(tmp_path / "out" / "report.html")}
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (Path(shown["report"]).parent / name).read_bytes()


def test_fewer_arms_take_over_the_answers_that_are_there(ratchet: Any, shown: dict[str, Any]) -> None:
    fewer = ratchet.done("benchmark", str(ratchet.config), "--arms", "rag,base", "--json")

    assert list(json.loads(fewer.stdout)["arms"]) == ["base", "rag"]
    assert "base answered these 12 questions before" in fewer.stderr
    assert "rag answered these 12 questions before" in fewer.stderr


def test_mlflow_has_a_finished_run_for_each_benchmark_with_its_figures(ratchet: Any, shown: dict[str, Any]) -> None:
    statuses = ratchet.query(
        "select r.status from runs r join tags t using (run_uuid) where t.key = 'ratchet.benchmark'"
    )
    assert statuses == [("FINISHED",)] * 2
    [[logged]] = ratchet.query("select max(value) from metrics where key = 'rag_ft/rouge_l'")
    assert logged == pytest.approx(shown["arms"]["rag_ft"]["metrics"]["rouge_l"]["mean"])
    assert list((ratchet.home / "mlartifacts").rglob("report/report.html"))
    assert ratchet.training_runs() == [("1", "FINISHED")]


@pytest.mark.parametrize(
    ("arguments", "status", "problem"),
    [
        (("--arms", "base,raft"), 2, "'raft' is no arm; choose from base, rag, ft, rag_ft."),
        (("--arms", ","), 2, "name at least one arm of base, rag, ft, rag_ft."),
        (("--version", "9"), 1, "error: 'tiny' has no version 9: `ratchet history` lists those there are."),
    ],
)
def test_wrong_use_is_one_clear_sentence(ratchet: Any, arguments: tuple[str, ...], status: int, problem: str) -> None:
    finished = ratchet.run("benchmark", str(ratchet.config), *arguments)

    assert finished.returncode == status
    assert problem in " ".join(finished.stderr.replace("│", " ").split())
    assert "Traceback" not in finished.stderr


def test_a_benchmark_that_is_killed_goes_on_where_it_stopped(ratchet: Any) -> None:
    text = ratchet.config.read_text(encoding="utf-8").replace('"max_new_tokens": 8', '"max_new_tokens": 7')
    ratchet.config.write_text(text, encoding="utf-8")
    answers = ratchet.home / "answers"
    before = len(list(answers.glob("*.json")))

    ratchet.kill_when(lambda: len(list(answers.glob("*.json"))) > before, "benchmark", str(ratchet.config))
    finished = ratchet.done("benchmark", str(ratchet.config), "--json")

    assert "base answered these 12 questions before" in finished.stderr
    assert list(json.loads(finished.stdout)["arms"]) == ARMS
    assert not list(ratchet.home.rglob("*.tmp"))
