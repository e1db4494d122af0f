"""`ratchet watch` beside a real Prefect server: labels become an event, the event a run, the run a real round.

The labels are written into the feedback log, as fetching them from Argilla would.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2e.watching import (
    PrefectServer,
    Watcher,
    give_labels,
    living_group,
    wait_until,
    watch_environment,
)
from standardwebhooks.webhooks import Webhook

from flows.webhook_listener import listen
from tasks.feedback import log
from tasks.files import sha256_of
from tasks.home import Home


@pytest.fixture(scope="module")
def start_watching(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts watchers; none outlives the module."""
    watchers: list[Watcher] = []

    def start(ratchet: Any, *arguments: str, **variables: str) -> Watcher:
        folder = tmp_path_factory.mktemp("watch")
        # A folder that would be taken for the project's own package, if runs looked where they start.
        (folder / "flows").mkdir()
        (folder / "flows" / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
        # Relative paths, and a folder that is neither the domain's nor the home's.
        config, home = os.path.relpath(ratchet.config, folder), Path(os.path.relpath(ratchet.home, folder))
        out, err = folder / "out.txt", folder / "err.txt"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.cli", "watch", config, "--json", *(arguments or ("--every", "1"))],
            env=watch_environment(home, prefect_server.url) | variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out.open("wb"),
            stderr=err.open("wb"),
            start_new_session=True,
        )
        watchers.append(Watcher(process, out, err))
        watchers[-1].wait_for("watching")
        return watchers[-1]

    yield start
    for watcher in watchers:
        with suppress(ProcessLookupError):
            os.killpg(watcher.process.pid, signal.SIGKILL)
        watcher.process.wait(timeout=30.0)


@dataclass
class Story:
    """What happened while a domain was watched, in the order of the fields."""

    ratchet: Any = None
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    ready_too_early: int = -1
    ready: dict[str, Any] = field(default_factory=dict)
    finished: dict[str, Any] = field(default_factory=dict)
    looked: dict[str, Any] = field(default_factory=dict)
    ready_afterwards: int = -1
    stopped: list[dict[str, Any]] = field(default_factory=list)
    resumed: list[dict[str, Any]] = field(default_factory=list)
    ready_again: dict[str, Any] = field(default_factory=dict)
    exit_status: int = -1
    left_behind: list[str] = field(default_factory=list)
    said: str = ""
    went_on: str = ""
    exit_status_idle: int = -1


@pytest.fixture(scope="module")
def story(make_ratchet: Callable[..., Any], prefect_server: PrefectServer, start_watching: Any) -> Story:
    told = Story(make_ratchet(human_feedback={"round_after": 3}))
    watcher = start_watching(told.ratchet)
    for each in prefect_server.post("/deployments/filter"):
        flow = prefect_server.get(f"/flows/{each['flow_id']}")["name"]
        told.deployments[f"{flow}/{each['name']}"] = each
    told.triggers = prefect_server.post("/automations/filter")

    give_labels(told.ratchet, "one", "two")
    time.sleep(3.0)  # several looks
    told.ready_too_early = len(watcher.events("ready"))
    give_labels(told.ratchet, "three")
    told.ready = watcher.wait_for("ready")
    told.finished = watcher.wait_for("round")

    prefect_server.post(f"/deployments/{told.deployments['monitor/tiny']['id']}/create_flow_run")
    told.looked = watcher.wait_for("looked")

    prefect_server.end()
    told.stopped.append(watcher.wait_for("stopped"))
    told.ready_afterwards = len(watcher.events("ready"))
    _lengthen_training(told.ratchet.config)
    give_labels(told.ratchet, "four", "five", "six", "seven")
    prefect_server.start()
    told.resumed.append(watcher.wait_for("resumed"))
    told.ready_again = watcher.wait_for("ready", times=2)
    told.stopped, told.resumed = watcher.events("stopped"), watcher.events("resumed")

    watcher.wait_to_say("round 2: curate")
    told.exit_status = watcher.end(signal.SIGINT)
    told.left_behind = living_group(watcher.process.pid)
    told.said = watcher.said()

    again = start_watching(told.ratchet)
    again.wait_to_say("round 2: going on where it stopped")
    told.went_on = again.said()
    told.exit_status_idle = again.end(signal.SIGTERM)
    told.left_behind += living_group(again.process.pid)
    return told


def _lengthen_training(config: Path) -> None:
    """A round longer than the watcher takes to end it, however often a signal is lost on the way."""
    changed = json.loads(config.read_text())
    changed["train"]["sft"]["epochs"] = 3000
    config.write_text(json.dumps(changed))


def test_the_domain_has_a_deployment_that_runs_one_round_at_a_time_wherever_it_starts(story: Story) -> None:
    assert sorted(story.deployments) == ["improve/tiny", "improve/tiny.collect", "monitor/tiny"]
    deployment = story.deployments["improve/tiny"]

    assert deployment["entrypoint"] == "flows.improve.improve"
    assert deployment["parameters"] == {"config_path": str(story.ratchet.config.resolve())}
    assert deployment["global_concurrency_limit"]["limit"] == 1
    assert deployment["work_pool_name"] is None


def test_the_deployment_is_triggered_by_labels_drift_and_documents_of_its_domain(story: Story) -> None:
    expected = []
    for automation in story.triggers:
        trigger, (action,) = automation["trigger"], automation["actions"]
        expected += trigger["expect"]
        assert (trigger["posture"], trigger["threshold"]) == ("Reactive", 1)
        assert trigger["match"] == {"prefect.resource.id": "ratchet.domain.tiny"}
        assert (action["type"], action["deployment_id"]) == ("run-deployment", story.deployments["improve/tiny"]["id"])

    assert sorted(expected) == ["ratchet.documents.changed", "ratchet.drift.found", "ratchet.labels.ready"]


def test_labels_below_the_number_start_nothing_and_the_last_of_them_starts_a_real_round(story: Story) -> None:
    assert story.ready_too_early == 0
    assert {name: story.ready[name] for name in ("labels", "round_after", "after_round")} == {
        "labels": 3,
        "round_after": 3,
        "after_round": 0,
    }
    assert story.finished["round"] == 1
    assert story.finished["outcome"] == "promoted: version 2 is the champion, in place of version 1"
    assert story.ratchet.record("promote")["promoted"]


def test_a_look_at_a_production_that_nobody_has_asked_yet_finds_nothing(story: Story) -> None:
    assert story.looked["production"]["found"] == []


def test_the_event_is_emitted_once_however_long_its_round_takes(story: Story) -> None:
    assert story.ready_afterwards == 1


def test_the_round_knows_which_labels_it_has_learned_from(story: Story) -> None:
    learned = json.loads((story.ratchet.round_folder / "end.json").read_text())["feedback"]
    labels = {row.id for row in log.read(Home(story.ratchet.home), "tiny", learned) if row.source == "human"}

    assert labels == {sha256_of(name) for name in ("one", "two", "three")}


def test_a_server_that_was_away_is_said_once_and_labels_given_meanwhile_are_not_forgotten(story: Story) -> None:
    assert (
        [event["what"] for event in story.stopped] == [event["what"] for event in story.resumed] == ["starting rounds"]
    )
    assert story.stopped[0]["errors"][0].startswith("Prefect does not answer at http://127.0.0.1:")
    assert story.stopped[0]["errors"][0].endswith("start it with `prefect server start`, or correct PREFECT_API_URL.")
    assert (story.ready_again["labels"], story.ready_again["after_round"]) == (4, 1)


def test_ctrl_c_in_the_middle_of_a_round_ends_everything_quietly(story: Story) -> None:
    assert story.exit_status == 0
    assert story.said.endswith("watching has ended\n")
    assert "Traceback" not in story.said and "Warning" not in story.said
    assert not (story.ratchet.round(2) / "end.json").exists()


def test_after_a_restart_the_round_goes_on_without_another_label(story: Story) -> None:
    assert "4 new labels: asking Prefect for a round\n" in story.went_on
    assert story.exit_status_idle == 0


def test_no_process_outlives_its_watcher(story: Story) -> None:
    assert story.left_behind == []


def test_a_round_that_fails_is_told_with_the_reason_and_tried_again_later(
    make_ratchet: Callable[..., Any], start_watching: Any
) -> None:
    ratchet = make_ratchet(human_feedback={"round_after": 1})
    watcher = start_watching(ratchet)
    (ratchet.config.parent / "questions.jsonl").unlink()

    give_labels(ratchet, "one")
    failed = watcher.wait_for("failed")

    assert "DomainError" in failed["why"] and "questions.jsonl does not exist" in failed["why"]
    assert ": it is tried again in 10 minutes, or when more labels are in; `ratchet round " in watcher.said()
    note = json.loads((ratchet.home / "watch" / "tiny.json").read_text())
    minutes = (datetime.fromisoformat(note["again_at"]) - datetime.now(UTC)).total_seconds() / 60
    assert note["failures"] == 1 and 8 < minutes <= 10
    assert watcher.end(signal.SIGTERM) == 0
    assert len(watcher.events("ready")) == 1


@pytest.fixture
def argilla(embedded_argilla: Any) -> Iterator[httpx.Client]:
    """The API of a real Argilla."""
    headers = {"X-Argilla-Api-Key": embedded_argilla.api_key}
    with httpx.Client(base_url=f"{embedded_argilla.url}/api/v1", headers=headers) as client:
        yield client


def test_what_argilla_signs_is_taken(argilla: httpx.Client) -> None:
    kicks: list[int] = []
    secret: list[str] = []
    with listen("127.0.0.1", 0, lambda: secret[0] if secret else None, lambda: kicks.append(1)) as url:
        webhook = argilla.post("/webhooks", json={"url": url, "events": ["response.created"]}).json()
        argilla.post(f"/webhooks/{webhook['id']}/ping")
        assert kicks == []
        secret.append(webhook["secret"])
        argilla.post(f"/webhooks/{webhook['id']}/ping")
        assert kicks == [1]
        argilla.delete(f"/webhooks/{webhook['id']}")


def test_argilla_knows_the_watcher_while_it_watches_and_no_longer(
    make_ratchet: Callable[..., Any],
    start_watching: Any,
    embedded_argilla: Any,
    argilla: httpx.Client,
    free_port: Callable[[], int],
) -> None:
    ratchet, port = make_ratchet(human_feedback={"argilla": embedded_argilla.url}), free_port()
    watcher = start_watching(ratchet, "--webhook-port", str(port), ARGILLA_API_KEY=embedded_argilla.api_key)

    called = watcher.wait_for("webhook")["url"]
    (webhook,) = [each for each in argilla.get("/webhooks").json()["items"] if each["url"] == called]
    moment = datetime.now(UTC)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(moment.timestamp()))}
    signature = Webhook(webhook["secret"]).sign("msg_1", moment, "{}")

    assert called == f"http://127.0.0.1:{port}/"
    assert sorted(webhook["events"]) == ["response.created", "response.deleted", "response.updated"]
    assert httpx.post(called, content="{}", headers=headers | {"webhook-signature": signature}).status_code == 204
    assert httpx.post(called, content="{}", headers=headers).status_code == 401
    assert watcher.end(signal.SIGTERM) == 0
    assert called not in [each["url"] for each in argilla.get("/webhooks").json()["items"]]


def test_an_answer_in_argilla_is_in_the_log_at_once(
    make_ratchet: Callable[..., Any],
    start_watching: Any,
    embedded_argilla: Any,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ARGILLA_API_KEY", embedded_argilla.api_key)
    people = {"argilla": embedded_argilla.url, "workspace": "e2e-watch", "labels": 3, "audit_share": 0.0}
    ratchet = make_ratchet(human_feedback=people)
    ratchet.json("collect", str(ratchet.config))
    # It would not look by itself before the test is over.
    watching = ("--every", "100000", "--webhook-port", str(free_port()))
    watcher = start_watching(ratchet, *watching, ARGILLA_API_KEY=embedded_argilla.api_key)
    watcher.wait_for("webhook")
    assert watcher.events("labels") == []

    ratchet.json("oracle", str(ratchet.config))

    watcher.wait_for("labels")
    wait_until(lambda: sum(each["new"] for each in watcher.events("labels")) == 3, "three labels", watcher.said)
    assert [row.source for row in log.read(Home(ratchet.home), "tiny") if row.source != "judge:reference"] == [
        "oracle",
        "oracle",
        "oracle",
    ]
    assert watcher.end(signal.SIGTERM) == 0
