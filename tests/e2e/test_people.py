"""Rounds with people in them, through the real command line and a real Argilla: from the push to the report."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

WORKSPACE = "e2e-people"


@pytest.fixture(scope="module")
def ratchet(make_ratchet: Callable[..., Any], embedded_argilla: Any) -> Any:
    """A domain whose people answer in the tests' Argilla, reached as any server is: by URL and key.

    The tests of this file go on from each other's state, in their order.
    """
    os.environ["ARGILLA_API_KEY"] = embedded_argilla.api_key
    settings = {"argilla": embedded_argilla.url, "workspace": WORKSPACE, "labels": 10, "audit_share": 0.25}
    yield make_ratchet(human_feedback=settings)
    del os.environ["ARGILLA_API_KEY"]


@pytest.fixture(scope="module")
def answer(ratchet: Any, embedded_argilla: Any) -> Callable[..., int]:
    """Answers, as a user of this name, whatever the first round asks; returns how many records that were."""
    from tasks.feedback.argilla_connection import ArgillaConnection, connect
    from tasks.feedback.argilla_responses import ensure_annotator, submit_responses

    def as_user(username: str, audit: bool, values: dict[str, str]) -> int:
        connection = ArgillaConnection(embedded_argilla.url, embedded_argilla.api_key, WORKSPACE)
        owner = connect(connection)
        user = ensure_annotator(owner, connection, username)
        client = connect(replace(connection, api_key=user.api_key))
        given = 0
        for dataset in ratchet.record("collect")["label_datasets"]:
            if dataset["audit"] == audit:
                rows = (ratchet.home / "objects" / f"{dataset['requests']['sha256']}.jsonl").read_text()
                answers = {json.loads(line)["id"]: values for line in rows.splitlines()}
                given += submit_responses(owner, client, user.id, dataset["id"], answers)
        return given

    return as_user


def show(ratchet: Any, command: str) -> dict[str, Any]:
    shown: dict[str, Any] = ratchet.json(command, "--config", str(ratchet.config))
    return shown


def test_collect_asks_and_does_not_wait(ratchet: Any) -> None:
    ratchet.json("collect", str(ratchet.config))
    datasets = ratchet.record("collect")["label_datasets"]
    # Of eight records a quarter is audited, with two labels each; the other six are asked once.
    assert [(each["name"], each["requests"]["rows"]) for each in datasets] == [
        ("tiny-round-1", 6),
        ("tiny-round-1-audit", 2),
    ]
    everyone = show(ratchet, "status")["labels"]
    assert everyone == [{"round": 1, "annotator": None, "pushed": 8, "answered": 0, "agreed": 0, "discarded": 0}]


def test_too_many_labels_are_not_waited_for(ratchet: Any) -> None:
    refused = ratchet.run("curate", str(ratchet.config), "--wait-for-labels", "11")
    assert refused.returncode == 1
    assert "Round 1 asks people for 10 labels, fewer than the 11 to wait for" in refused.stderr


def test_what_people_submitted_is_waited_for_counted_and_learned_from(ratchet: Any, answer: Callable[..., int]) -> None:
    preferred = {"preference": "a", "correction": "It returns an iterator over the elements, lazily."}
    assert answer("ann", False, preferred) == 6
    assert answer("ann", True, {"preference": "b"}) == 2
    assert answer("bob", True, {"preference": "b", "reason": "shorter"}) == 2

    ratchet.go("--wait-for-labels", "10")

    everyone, *annotators = show(ratchet, "labels")["labels"]
    assert (everyone["pushed"], everyone["answered"], everyone["agreed"]) == (8, 8, 2)
    assert sorted(each["answered"] for each in annotators) == [2, 8]
    assert not {"ann", "bob"} & {each["annotator"] for each in annotators}
    report = json.loads((ratchet.round_folder / "report" / "report.json").read_text(encoding="utf-8"))
    feedback = report["feedback"]
    assert feedback["judgements"]["human"] == 10
    assert feedback["demonstrations"]["correction"] > 0
    assert feedback["preference_pairs"]["correction"] > 0
    assert (feedback["agreement"]["comparisons"], feedback["agreement"]["agreed"]) == (2, 1.0)
    assert [each["judge"] for each in feedback["judges"]] == ["judge:reference"]
    page = (ratchet.round_folder / "report" / "report.html").read_text(encoding="utf-8")
    assert ">corrections<" in page and "2 annotators answered 2 comparisons twice or more" in page


def test_nothing_new_makes_no_round_due_and_an_edited_answer_does(ratchet: Any, embedded_argilla: Any) -> None:
    assert not show(ratchet, "status")["due"]
    again = show(ratchet, "labels")
    assert again["pull"] == {"new": 0, "test": 0, "skipped": {}, "missing": []}

    discard_one(ratchet, embedded_argilla)

    pulled = show(ratchet, "labels")
    assert pulled["pull"]["new"] == 1
    assert (pulled["labels"][0]["answered"], pulled["labels"][0]["discarded"]) == (7, 1)
    assert show(ratchet, "status")["due"]


def discard_one(ratchet: Any, argilla: Any) -> None:
    """Discards one of ann's answers, as she would in the browser."""
    from tasks.feedback.argilla_connection import ArgillaConnection, call, connect
    from tasks.feedback.argilla_responses import ensure_annotator

    connection = ArgillaConnection(argilla.url, argilla.api_key, WORKSPACE)
    owner = connect(connection)
    ann = ensure_annotator(owner, connection, "ann")
    client = connect(replace(connection, api_key=ann.api_key))
    dataset = ratchet.record("collect")["label_datasets"][0]["id"]
    records = call(owner, "GET", f"/api/v1/datasets/{dataset}/records", params={"include": "responses"})["items"]
    response = records[0]["responses"][0]
    call(client, "PUT", f"/api/v1/responses/{response['id']}", body={"status": "discarded"})


def test_the_oracle_answers_in_people_s_place_and_says_so(ratchet: Any) -> None:
    assert ratchet.json("oracle", str(ratchet.config))["answered"] == 8
    assert ratchet.json("oracle", str(ratchet.config))["answered"] == 0

    assert show(ratchet, "labels")["pull"]["new"] == 8
    log = Path(ratchet.home / "feedback" / "tiny")
    rows = [json.loads(line) for segment in log.glob("*.jsonl") for line in segment.read_text().splitlines()]
    said = [row for row in rows if row["source"] == "oracle"]
    assert len(said) == 8
    assert {row["reason"] for row in said} == {"scripted annotator, from the reference answer"}
    assert all(row["annotator"] for row in said)


def test_an_argilla_that_is_away_is_one_clear_sentence_and_costs_no_label(ratchet: Any, tmp_path: Path) -> None:
    config = json.loads(ratchet.config.read_text())
    config["human_feedback"]["argilla"] = "http://127.0.0.1:9"
    elsewhere = ratchet.config.parent / "away.yaml"
    elsewhere.write_text(json.dumps(config))
    before = show(ratchet, "status")["feedback"]

    refused = ratchet.run("labels", "--config", str(elsewhere))

    assert refused.returncode == 1
    assert refused.stderr.startswith("error: Argilla at http://127.0.0.1:9 does not answer")
    assert show(ratchet, "status")["feedback"] == before
