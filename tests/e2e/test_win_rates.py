"""Challenger against champion, end to end: judged, labelled blind, corrected, and nothing learned from any of it.

A scripted LLM judge on a real endpoint, a real Argilla, the tiny model and the real command line.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripted_endpoint import ScriptedEndpoint, always_first, serve, status

WORKSPACE = "e2e-win-rates"
ASKED = 5  # of the twelve test questions
TEST_SHARE = 0.25


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ScriptedEndpoint]:
    """A judge that sees nothing but the place, and so says that all are ties."""
    with serve(ScriptedEndpoint(always_first)) as server:
        yield server


@pytest.fixture(scope="module")
def ratchet(make_ratchet: Callable[..., Any], embedded_argilla: Any, endpoint: ScriptedEndpoint) -> Iterator[Any]:
    """A domain with judges and people; the tests of this file go on from each other's state, in their order."""
    os.environ["ARGILLA_API_KEY"] = embedded_argilla.api_key
    asked = {"argilla": embedded_argilla.url, "workspace": WORKSPACE, "labels": 4, "test_labels": ASKED}
    budget = {"comparisons": 32, "test_share": TEST_SHARE}
    judge = {"name": "placed", "url": endpoint.url, "model": "m", "retries": 0, "budget": budget}
    yield make_ratchet(human_feedback=asked, judges=[judge])
    del os.environ["ARGILLA_API_KEY"]


@pytest.fixture(scope="module")
def answer(ratchet: Any, embedded_argilla: Any) -> Callable[[str, str], int]:
    """Answers every test record as a user of this name, always for the `challenger` or always for the `champion`."""
    from tasks.feedback.argilla_connection import ArgillaConnection, connect
    from tasks.feedback.argilla_responses import ensure_annotator, submit_responses

    def as_user(username: str, prefers: str) -> int:
        connection = ArgillaConnection(embedded_argilla.url, embedded_argilla.api_key, WORKSPACE)
        owner = connect(connection)
        user = ensure_annotator(owner, connection, username)
        client = connect(replace(connection, api_key=user.api_key))
        side = {"champion": "a", "challenger": "b"}[prefers]
        wanted = {row[side]["id"] for row in compared(ratchet)}
        [dataset] = ratchet.record("evaluate")["head_to_head"]["label_datasets"]
        rows = objects(ratchet, dataset["requests"]["sha256"])
        answers = {row["id"]: {"preference": "a" if row["candidate_a"] in wanted else "b"} for row in rows}
        return submit_responses(owner, client, user.id, dataset["id"], answers)

    return as_user


def objects(ratchet: Any, sha256: str) -> list[dict[str, Any]]:
    lines = (ratchet.home / "objects" / f"{sha256}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def compared(ratchet: Any) -> list[dict[str, Any]]:
    return objects(ratchet, ratchet.record("evaluate")["head_to_head"]["comparisons"]["sha256"])


def show(ratchet: Any, command: str, *more: str) -> dict[str, Any]:
    shown: dict[str, Any] = ratchet.json(command, *more, "--config", str(ratchet.config))
    return shown


def report(ratchet: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ratchet.round_folder / "report" / "report.json").read_text(encoding="utf-8"))
    return read


def test_a_judge_that_refuses_in_evaluate_stops_the_round_and_the_next_start_goes_on(
    ratchet: Any, endpoint: ScriptedEndpoint
) -> None:
    ratchet.json("train", str(ratchet.config))
    before = len(endpoint.asked)
    assert 0 < before <= 48  # three quarters of 32 comparisons, both orders
    endpoint.faults = [None] * (before + 4) + [status(401)] * 99

    refused = ratchet.run("round", str(ratchet.config))

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("error: The judge's endpoint ")
    assert "asks for an API key (401: no)" in refused.stderr.splitlines()[-1]
    assert not (ratchet.round_folder / "evaluate.json").exists()
    endpoint.faults, asked = [], len(endpoint.asked)
    ratchet.go()
    paid = report(ratchet)["judging"]["evaluate"]
    [counts] = paid.values()
    # A quarter of its budget, whatever collect left; the four replies paid for before the failure are among it.
    assert (counts["judged"], counts["skipped"]["budget"]) == (8, len(compared(ratchet)) - 8)
    assert (counts["spent"]["comparisons"], counts["spent"]["calls"]) == (8, 16)
    assert len(endpoint.asked) - asked == 12


def argilla_dataset(dataset_id: str, argilla: Any) -> dict[str, Any]:
    from tasks.feedback.argilla_connection import ArgillaConnection, call, connect

    client = connect(ArgillaConnection(argilla.url, argilla.api_key, WORKSPACE))
    found: dict[str, Any] = call(client, "GET", f"/api/v1/datasets/{dataset_id}")
    return found


def test_test_answers_are_judged_and_put_before_people_blind(ratchet: Any, embedded_argilla: Any) -> None:
    rows = compared(ratchet)
    [dataset] = ratchet.record("evaluate")["head_to_head"]["label_datasets"]
    assert dataset["name"] == "tiny-round-1-test" and not dataset["audit"]
    requests = objects(ratchet, dataset["requests"]["sha256"])
    assert [request["question_id"] for request in requests] == [row["question"]["id"] for row in rows[:ASKED]]
    assert all(request["suggestion"] is None and request["judge_confidence"] is None for request in requests)
    assert {row["question"]["split"] for row in rows} == {"test"}
    told = argilla_dataset(dataset["id"], embedded_argilla)["guidelines"]
    assert told.startswith("These answers are to test questions") and "**tiny**" in told
    sources = {row["source"].partition("@")[0] for row in objects(ratchet, head_to_head(ratchet)["verdicts"]["sha256"])}
    assert sources == {"judge:reference", "judge:placed"}


def head_to_head(ratchet: Any) -> dict[str, Any]:
    found: dict[str, Any] = ratchet.record("evaluate")["head_to_head"]
    return found


def test_without_labels_no_win_rate_is_called_evidence(ratchet: Any) -> None:
    found = report(ratchet)
    assert {name.partition("@")[0] for name in found["win_rates"]} == {"judge:reference", "judge:placed"}
    assert not any(rate["corrected"] or rate["evidence"] for rate in found["win_rates"].values())
    assert "win_rate" not in found["arms"]["challenger"]["metrics"]
    page = (ratchet.round_folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "<h2>Win rates</h2>" in page and "and so no evidence" in page
    lines = ratchet.done("round", str(ratchet.config)).stdout
    assert "reference: " in lines and "uncorrected: not evidence" in lines


def test_labels_on_test_answers_correct_the_report_and_are_learned_from_by_nobody(
    ratchet: Any, answer: Callable[[str, str], int]
) -> None:
    before = {name: (ratchet.round_folder / name).read_bytes() for name in ("evaluate.json", "promote.json")}
    made_with = report(ratchet)["provenance"]
    log_before, judgements = segments(ratchet), show(ratchet, "status")["feedback"]
    assert answer("ann", "challenger") == ASKED

    fetched = ratchet.done("labels", "--config", str(ratchet.config)).stdout

    assert f"{ASKED} new labels on test answers" in fetched
    assert "the report of round 1 is written anew" in fetched and f"corrected by people on {ASKED}" in fetched
    found = report(ratchet)
    people = found["win_rates"]["people"]
    assert (people["corrected"], people["evidence"], people["labelled"]) == (True, True, ASKED)
    assert found["win_rates"]["judge:reference"]["corrected"]
    share = len(compared(ratchet)) / 12
    assert people["mean"] == pytest.approx(0.5 + share / 2)
    assert found["arms"]["challenger"]["metrics"]["win_rate"]["mean"] >= 0.5
    assert found["provenance"] == made_with
    assert found["decision"] == json.loads(before["promote.json"])["record"]
    page = (ratchet.round_folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "Written anew after the round" in page
    # Nothing that a round learns from has changed, and none is due.
    state = show(ratchet, "status")
    assert (state["feedback"], state["due"]) == (judgements, False)
    assert segments(ratchet) == log_before
    assert before == {name: (ratchet.round_folder / name).read_bytes() for name in before}
    assert [each["answered"] for each in state["test_labels"]] == [ASKED, ASKED]
    assert [each["answered"] for each in state["labels"]] == [0]
    # Nor has what is known of judges.
    assert show(ratchet, "judges")["audit_labels"] == 0
    assert show(ratchet, "labels")["renewed_reports"] == []


def segments(ratchet: Any) -> list[str]:
    return sorted(path.name for path in Path(ratchet.home / "feedback" / "tiny").glob("*.jsonl"))


def test_a_label_on_a_test_answer_is_traced_as_one_that_only_measures(ratchet: Any) -> None:
    [segment] = (ratchet.home / "feedback" / "tiny" / "test").glob("*.jsonl")
    row = json.loads(segment.read_text().splitlines()[0])
    traced = show(ratchet, "trace", row["id"])
    assert traced["only_measures"] and not (traced["snapshots"] or traced["adapters"] or traced["versions"])
    assert "it only measures" in ratchet.done("trace", row["id"][:12], "--config", str(ratchet.config)).stdout


def test_who_withdraws_is_left_out_of_win_rates_and_back_in_when_that_is_undone(ratchet: Any) -> None:
    with_labels = report(ratchet)["win_rates"]
    _, ann = show(ratchet, "status")["test_labels"]

    assert show(ratchet, "withdraw", "--user", ann["annotator"])["renewed_reports"] == [1]
    assert "people" not in report(ratchet)["win_rates"]
    assert "win_rate" not in report(ratchet)["arms"]["challenger"]["metrics"]

    assert show(ratchet, "withdraw", "--user", ann["annotator"], "--undo")["renewed_reports"] == [1]
    assert report(ratchet)["win_rates"] == with_labels


def test_the_oracle_answers_test_records_too(ratchet: Any) -> None:
    asked = sum(each["requests"]["rows"] for each in ratchet.record("collect")["label_datasets"])
    assert ratchet.json("oracle", str(ratchet.config))["answered"] == asked + ASKED
    pulled = show(ratchet, "labels")
    assert (pulled["pull"]["new"], pulled["pull"]["test"], pulled["renewed_reports"]) == (asked, ASKED, [1])
    page = (ratchet.round_folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "Some of the labels are the scripted annotator&#39;s" in page
    # What the oracle said of candidates is new to learn from; that makes the next round due, and nothing else does.
    assert show(ratchet, "status")["due"]


def test_what_judges_were_asked_is_shown_by_stage(ratchet: Any) -> None:
    work = show(ratchet, "judges")["work"]
    assert [(each["round"], each["stage"], each["judge"].partition("@")[0]) for each in work] == [
        (1, "collect", "judge:placed"),
        (1, "evaluate", "judge:placed"),
    ]
    shown = ratchet.done("judges", "--config", str(ratchet.config)).stdout
    assert "What LLM judges were asked" in shown and "budget" in shown
    page = (ratchet.round_folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "<h2>What judges were asked</h2>" in page
