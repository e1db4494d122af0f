"""Rounds through the real command line: a promotion, the commands after it, a second round, and back again."""

import json
from pathlib import Path
from typing import Any

import pytest

METRICS = ["rouge_l", "rouge_l_recall", "semantic_similarity", "token_overlap_recall"]
ARMS = ["base", "champion", "challenger"]


@pytest.fixture(scope="module")
def ratchet(promoted: tuple[Any, dict[str, Any]]) -> Any:
    """The domain after its first round. The tests of this file go on from each other's state, in their order."""
    return promoted[0]


def state(home: Path) -> dict[str, int]:
    """Every file that rounds leave behind, with the time of its last change."""
    folders = [home / name for name in ("rounds", "adapters", "snapshots", "objects", "feedback", "answers")]
    return {str(path): path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def with_config(ratchet: Any, *arguments: str) -> dict[str, Any]:
    shown: dict[str, Any] = ratchet.json(*arguments, "--config", str(ratchet.config))
    return shown


def test_a_challenger_that_learned_its_domain_is_promoted_for_reasons_that_can_be_read(ratchet: Any) -> None:
    decision = ratchet.record("promote")

    assert decision["promoted"]
    assert (decision["champion_before"]["version"], decision["champion"]["version"]) == (1, 2)
    assert [check["name"] for check in decision["certificate"]["checks"]] == [
        "enough_test_questions",
        "better_than_champion",
        "same_model",
        "same_champion",
        "not_taken_back",
        "no_secret_in_answers",
        "no_test_question_in_answers",
        "licences_recorded",
    ]


def test_the_report_keeps_its_contract(ratchet: Any) -> None:
    folder = ratchet.round_folder / "report"
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))

    assert list(report) == [
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
    assert (report["schema"], report["domain"], report["round"], report["questions"]) == (1, "tiny", 1, 12)
    assert list(report["arms"]) == ARMS
    for arm in report["arms"].values():
        assert sorted(arm["metrics"]) == METRICS
        assert all(low <= m["mean"] <= high for m in arm["metrics"].values() for low, high in [m["ci95"]])
        assert set(arm["tokens"]) == {"prompt", "completion"} and set(arm["latency_s"]) == {"p50", "p95"}
    assert report["decision"]["promoted"] is True
    assert report["provenance"]["adapter_sha256"] == ratchet.record("train")["sha256"]
    assert (folder / "report.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


def test_the_answers_are_one_line_a_question_and_arm_and_all_of_held_out_questions(ratchet: Any) -> None:
    text = (ratchet.round_folder / "report" / "answers.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]

    assert len({(row["question_id"], row["arm"]) for row in rows}) == len(rows) == 12 * len(ARMS)
    assert {row["arm"] for row in rows} == set(ARMS)
    assert all(row["question_id"].startswith(("generators-", "sequences-")) for row in rows)


def test_nothing_that_was_trained_on_was_held_out(ratchet: Any) -> None:
    folder = ratchet.home / "snapshots" / ratchet.record("curate")["sha256"]
    rows = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]

    assert {row["family"] for row in rows} == {"iterators", "elements", "functions", "modules"}


def test_the_round_left_one_finished_training_run_in_mlflow(ratchet: Any) -> None:
    assert ratchet.training_runs() == [("1", "FINISHED")]


def test_nothing_is_written_beside_the_home(ratchet: Any) -> None:
    assert sorted(path.name for path in ratchet.home.parent.iterdir()) == ["domain", "home"]
    assert sorted(path.name for path in ratchet.config.parent.iterdir()) == [
        "documents",
        "questions.jsonl",
        "ratchet.yaml",
    ]


def test_status_says_what_was_reached_and_that_nothing_is_due(ratchet: Any) -> None:
    shown = with_config(ratchet, "status")

    outcome = "promoted: version 2 is the champion, in place of version 1"
    stages = ["collect", "curate", "train", "evaluate", "promote"]
    assert shown["rounds"] == [{"round": 1, "stages": stages, "finished": True, "outcome": outcome}]
    assert (shown["due"], shown["why"]) == (
        False,
        "the config, questions, documents or feedback is as it was since round 1",
    )


def test_the_same_command_again_does_no_work(ratchet: Any) -> None:
    before = state(ratchet.home)

    again = ratchet.done("round", str(ratchet.config))

    assert again.stdout.startswith("Nothing to do: the config, questions, documents or feedback is as it was")
    assert state(ratchet.home) == before
    assert again.stderr == ""


def test_history_lists_the_base_and_the_champion_that_took_over_from_it(ratchet: Any) -> None:
    versions = with_config(ratchet, "history")["versions"]

    found = [(v["version"]["version"], v["aliases"], v["previous_champion"]) for v in versions]
    assert found == [(1, ["previous"], None), (2, ["champion"], 1)]


def test_why_gives_the_certificate_of_a_version_and_of_the_base(ratchet: Any) -> None:
    assert (
        with_config(ratchet, "why", "2")["decision"]
        == json.loads((ratchet.round_folder / "promote.json").read_text(encoding="utf-8"))["record"]
    )
    base = ratchet.done("why", "1", "--config", str(ratchet.config)).stdout
    assert base.startswith("Version 1 is the base model ") and base.endswith(
        "the first champion, compared with none.\n"
    )


def test_why_of_a_version_that_does_not_exist_says_where_they_are_listed(ratchet: Any) -> None:
    refused = ratchet.run("why", "9", "--config", str(ratchet.config))

    sentence = "'tiny' has no version 9: `ratchet history` lists those there are."
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", f"error: {sentence}\n")


def test_ask_answers_with_the_champion_of_the_last_round_wherever_one_stands(ratchet: Any, tmp_path: Path) -> None:
    asked = ratchet.done("ask", "What does the function sort do to the generators?", "--json", cwd=tmp_path)
    answer = json.loads(asked.stdout)

    report = (ratchet.round_folder / "report" / "answers.jsonl").read_text(encoding="utf-8")
    rows = {(row["question"], row["arm"]): row["answer"] for row in map(json.loads, report.splitlines())}
    assert answer["version"] == 2
    assert answer["text"] in {said for (_, arm), said in rows.items() if arm == "challenger"}


def test_a_second_round_starts_from_the_champion_and_samples_it(ratchet: Any) -> None:
    first = ratchet.record("train")

    shown = ratchet.go("--rounds", "2")

    batch, adapter = ratchet.record("collect", 2), ratchet.record("train", 2)
    assert shown["round"] == 2
    assert batch["model_version"]["version"] == 2
    assert adapter["parent_sha256"] == first["sha256"]
    assert [record["round"] for record in with_config(ratchet, "status")["rounds"]] == [1, 2]
    assert ratchet.training_runs() == [("1", "FINISHED"), ("2", "FINISHED")]


def test_rounds_that_were_run_are_not_run_again(ratchet: Any) -> None:
    before = state(ratchet.home)

    again = ratchet.done("round", str(ratchet.config), "--rounds", "2")

    assert again.stdout.startswith("Nothing to do: 2 of 2 rounds are finished.\n")
    assert state(ratchet.home) == before


def test_rollback_gives_back_the_champion_before_until_there_is_none(ratchet: Any) -> None:
    champion = ratchet.record("promote", 2)["champion"]["version"]
    shown = with_config(ratchet, "rollback")
    assert shown["champion_before"] == champion
    if shown["champion"] != 1:
        assert with_config(ratchet, "rollback")["champion"] == 1

    refused = ratchet.run("rollback", "--config", str(ratchet.config))

    assert refused.returncode == 1
    assert refused.stderr == (
        "error: Version 1 of 'tiny' took over from no other champion, so there is nothing to roll back to: "
        "`ratchet history` lists the versions, and `ratchet round` trains a new one.\n"
    )
