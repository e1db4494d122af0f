"""A promotion that waits for a person: a run of a deployment is suspended with a form until somebody fills it in.

The server is a real one. Between the two halves of the run no process of Ratchet's is alive.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from e2e.watching import PrefectServer, watch_environment

TIMEOUT_S = 600.0
FORM = "suspended-approval-2"
FILLED_IN = {"approve": True, "name": "ann", "reason": "read ten answers"}


@dataclass
class Story:
    """What happened, in the order of the fields."""

    ratchet: Any
    suspended: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    refused: dict[str, Any] = field(default_factory=dict)
    accepted: dict[str, Any] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)
    said: str = ""


@pytest.fixture(scope="module")
def story(
    make_ratchet: Callable[..., Any], prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    told, server = Story(make_ratchet(promote={"approval": "approve"})), prefect_server
    deployment = server.post(
        "/deployments/",
        name="tiny",
        flow_id=server.post("/flows/", name="improve")["id"],
        entrypoint="flows.improve.improve",
        path=".",
        parameters={"config_path": str(told.ratchet.config)},
    )
    run = server.post(f"/deployments/{deployment['id']}/create_flow_run")["id"]

    def execute() -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "flow-run", "execute", run],
            env=watch_environment(told.ratchet.home, server.url),
            cwd=tmp_path_factory.mktemp("worker"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        told.said += done.stdout + done.stderr
        state: dict[str, Any] = server.get(f"/flow_runs/{run}")["state"]
        return state

    told.suspended = execute()
    told.waiting = told.ratchet.json("status", "--config", str(told.ratchet.config))
    told.schema = server.get(f"/flow_runs/{run}/input/{FORM}-schema")
    told.description = server.get(f"/flow_runs/{run}/input/{FORM}-description")
    told.refused = server.post(f"/flow_runs/{run}/resume", run_input={"approve": True, "name": " "})
    told.accepted = server.post(f"/flow_runs/{run}/resume", run_input=FILLED_IN)
    told.ended = execute()
    return told


def test_a_run_whose_challenger_passed_is_suspended_and_its_round_is_over(story: Story) -> None:
    assert (story.suspended["type"], story.suspended["name"]) == ("PAUSED", "Suspended"), story.said
    (told,) = story.waiting["rounds"]
    assert told["finished"]
    assert told["outcome"] == (
        "waiting for approval: version 2 passed every check; version 1 is the champion until then"
    )
    (waits,) = story.waiting["waiting"]
    assert (waits["version"], waits["round"], waits["void"]) == (2, 1, False)
    assert not story.waiting["due"]


def test_the_form_says_what_there_is_to_approve_and_asks_who_does(story: Story) -> None:
    assert sorted(story.schema["properties"]) == ["approve", "name", "reason"]
    assert sorted(story.schema["required"]) == ["approve", "name"]
    lines = story.description.splitlines()
    assert lines[0] == "# Shall version 2 of tiny become the champion?"
    assert "against version 1, the champion (95 % interval +" in story.description
    checks = [line.split("**")[1] for line in lines if line.startswith("- **")]
    assert checks[:2] == ["enough_test_questions", "better_than_champion"] and "same_model" in checks


def test_a_form_without_a_name_is_refused_and_one_with_it_goes_on(story: Story) -> None:
    assert story.refused["status"] == "REJECT"
    assert story.accepted["status"] == "ACCEPT"
    assert story.ended["type"] == "COMPLETED", story.said


def test_what_the_form_said_is_recorded_and_carried_out(story: Story) -> None:
    decision = story.ratchet.record("promote")
    said = {name: decision["approval"][name] for name in ("approved", "by", "reason", "through", "carried_out")}
    assert said == {
        "approved": True,
        "by": "ann",
        "reason": "read ten answers",
        "through": "form",
        "carried_out": True,
    }
    assert decision["promoted"] and decision["champion"]["version"] == 2
    shown = story.ratchet.json("history", "--config", str(story.ratchet.config))["versions"]
    assert [entry["aliases"] for entry in shown] == [["previous"], ["champion"]]
    assert shown[1]["approval"].endswith(" approved by ann: read ten answers")


def test_the_command_is_told_that_the_form_was_quicker(story: Story) -> None:
    refused = story.ratchet.run("approve", "2", "--reject", "--by", "bob", "--config", str(story.ratchet.config))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: Version 2 of 'tiny' does not wait for approval: Approved by ann in Prefect's form on "
    )


def test_why_replays_the_decision_and_fails_when_an_answer_was_altered(story: Story) -> None:
    why = ("why", "2", "--config", str(story.ratchet.config))
    explained = story.ratchet.json(*why)
    assert explained["replay"]["same"]
    assert explained["replay"]["certificate"] == explained["decision"]["certificate"]
    sha256 = story.ratchet.record("evaluate")["answers"]["sha256"]
    answers: Path = story.ratchet.home / "objects" / f"{sha256}.jsonl"
    kept = answers.read_bytes()
    answers.write_bytes(kept.replace(b"It", b"at", 1))
    altered = story.ratchet.run(*why)
    answers.write_bytes(kept)
    assert altered.returncode == 1
    assert "Promoted: version 2 is the champion, in place of version 1, approved by ann" in altered.stdout
    assert f"  {answers} was altered or truncated" in altered.stdout
