"""The three files of a report: whole, the same each time, and with the contract's keys."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from integration.evaluation.report_pages import MakeRound

from tasks.errors import HomeError
from tasks.evaluation.report import report_json, write_report
from tasks.records import AnswerRow


def write(sample: Any, folder: Path) -> Path:
    return write_report(folder, sample.report, sample.decision, sample.answers, sample.provenance, sample.curves)


def test_report_json_has_exactly_the_keys_of_the_contract(make_round: MakeRound) -> None:
    sample = make_round()
    values = report_json(sample.report, sample.decision, sample.provenance)
    assert list(values) == [
        "schema",
        "domain",
        "round",
        "questions",
        "arms",
        "comparisons",
        "win_rates",
        "decision",
        "ledger",
        "feedback",
        "judging",
        "provenance",
    ]
    assert (values["schema"], values["domain"], values["round"], values["questions"]) == (1, "python-stdlib", 4, 80)
    assert list(values["arms"]) == ["base", "champion", "challenger"]
    for arm in values["arms"].values():
        assert list(arm) == ["metrics", "tokens", "latency_s"]
        assert set(arm["metrics"]) == {"rouge_l", "rouge_l_recall", "token_overlap_recall", "semantic_similarity"}
        assert all(list(metric) == ["mean", "ci95"] and len(metric["ci95"]) == 2 for metric in arm["metrics"].values())
        assert list(arm["tokens"]) == ["prompt", "completion"]
        assert list(arm["latency_s"]) == ["p50", "p95"]
    assert values["decision"]["promoted"] is True
    assert [check["name"] for check in values["decision"]["certificate"]["checks"]][1] == "better_than_champion"
    assert values["provenance"] == sample.provenance


def test_without_a_decision_report_json_says_null(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    assert report_json(sample.report, None, {})["decision"] is None


def test_a_model_that_came_back_broken_is_reported_with_null_and_not_nan(make_round: MakeRound, tmp_path: Path) -> None:
    sample = make_round(questions=5)
    evidence = sample.decision.evidence
    comparison = evidence.comparison.model_copy(update={"difference": math.nan})
    broken = sample.decision.model_copy(update={"evidence": evidence.model_copy(update={"comparison": comparison})})
    write_report(tmp_path, sample.report, broken, sample.answers, {}, {})
    assert (
        json.loads((tmp_path / "report.json").read_text())["decision"]["evidence"]["comparison"]["difference"] is None
    )


def test_provenance_that_is_not_json_is_refused_before_anything_is_written(
    make_round: MakeRound, tmp_path: Path
) -> None:
    sample = make_round(questions=5)
    with pytest.raises(ValueError, match="Out of range float"):
        write_report(tmp_path / "out", sample.report, None, sample.answers, {"loss": math.nan}, {})
    assert not (tmp_path / "out").exists()


def test_the_folder_holds_three_files_and_every_answer(make_round: MakeRound, tmp_path: Path) -> None:
    sample = make_round(questions=12)
    page = write(sample, tmp_path / "new" / "folder")
    assert page == tmp_path / "new" / "folder" / "report.html"
    assert {path.name for path in page.parent.iterdir()} == {"report.json", "answers.jsonl", "report.html"}
    lines = (page.parent / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert tuple(AnswerRow.model_validate_json(line) for line in lines) == sample.answers
    assert {"question_id", "arm", "question", "reference", "answer", "contexts"} <= set(json.loads(lines[0]))
    written = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert written == report_json(sample.report, sample.decision, sample.provenance)


def test_the_same_round_gives_the_same_bytes(make_round: MakeRound, tmp_path: Path) -> None:
    pages = [write(make_round(questions=12), tmp_path / name) for name in ("a", "b")]
    for name in ("report.json", "answers.jsonl", "report.html"):
        first, second = ((page.parent / name).read_bytes() for page in pages)
        assert first == second


def test_a_folder_that_cannot_be_made_is_one_clear_error(make_round: MakeRound, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HomeError, match=r"report\.json failed"):
        write(make_round(questions=5), tmp_path / "file" / "report")
