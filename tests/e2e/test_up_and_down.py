"""`ratchet up` on a clean home: a round by schedule, one because of changed documents, a repair, and `ratchet down`."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from e2e.watching import ask_prefect, wait_until
from playwright.sync_api import Page, expect, sync_playwright

from tasks.services.commands import OWNER

PICTURES = "RATCHET_TEST_PICTURES"  # a folder for the screenshots, where one is wanted
NEVER = "0 0 29 2 *"  # the next leap day
TIMEOUT_MS = 60_000
AS_A_BROWSER = {"Accept": "text/html"}  # Prefect has its pages for browsers only


@dataclass
class Story:
    """What happened from `ratchet up` to `ratchet down`, in the order of the fields."""

    ratchet: Any = None
    up: dict[str, Any] = field(default_factory=dict)
    said: str = ""
    page: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    modes: set[int] = field(default_factory=set)
    killed: dict[str, Any] = field(default_factory=dict)
    killed_status: int = -1
    repaired: dict[str, Any] = field(default_factory=dict)
    again: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    down: dict[str, Any] = field(default_factory=dict)
    left_behind: list[str] = field(default_factory=list)
    down_again: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(make_ratchet: Callable[..., Any], chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    told = Story(make_ratchet())
    ratchet, log = told.ratchet, told.ratchet.home / "logs" / "watcher.log"
    try:
        up = ratchet.done("up", "--config", str(ratchet.config), "--no-argilla", "--schedule", "* * * * *", "--json")
        told.up, told.said = json.loads(up.stdout), up.stderr
        told.page = Path(told.up["page"]).read_text(encoding="utf-8")
        told.answers = {
            url: httpx.get(url, headers=AS_A_BROWSER, timeout=30.0).status_code for url in _links(told.page)
        }
        told.modes = {path.stat().st_mode & 0o077 for path in (ratchet.home / "services").glob("*.json")}
        wait_until((ratchet.round(1) / "end.json").exists, "the scheduled round", log.read_text)

        prefect = told.up["services"]["prefect"]["url"]
        wait_until(lambda: _schedule_has_ended(prefect), "the runs of the schedule to end", log.read_text)

        psutil.Process(told.up["services"]["mlflow"]["pid"]).kill()
        looked = ratchet.run("services", "--json")
        told.killed, told.killed_status = json.loads(looked.stdout), looked.returncode
        told.repaired = ratchet.json("up", "--schedule", NEVER, "--collect-schedule", NEVER)
        told.again = ratchet.json("up")

        note = ratchet.config.parent / "documents" / "new.md"
        note.write_text("# new\n\nA function over new returns an iterator over the elements.\n", encoding="utf-8")
        wait_until((ratchet.round(2) / "end.json").exists, "the round of the documents", log.read_text)
        wait_until(lambda: _completed(prefect), "the event's run", log.read_text)
        told.runs = _ask(prefect, "/flow_runs/filter", sort="START_TIME_ASC")
        told.pictures = _look(chromium, told, tmp_path_factory.mktemp("pictures"))
    finally:
        told.down = ratchet.json("down")
    told.left_behind = _left_behind(ratchet.home)
    told.down_again = ratchet.json("down")
    yield told


def _links(page: str) -> list[str]:
    return re.findall(r'href="(http://127\.0\.0\.1:[^"]+)"', page)


def _status(url: str) -> int:
    return httpx.get(url, headers=AS_A_BROWSER, timeout=30.0).status_code


def _ask(prefect: str, path: str, **body: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask_prefect(f"{prefect}/api", "POST", path, body)
    return found


def _schedule_has_ended(prefect: str) -> bool:
    """Switches the schedules off and deletes what they have left; returns whether nothing runs any more."""
    for deployment in _ask(prefect, "/deployments/filter"):
        for schedule in deployment["schedules"]:
            path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
            ask_prefect(f"{prefect}/api", "PATCH", path, {"active": False})
    for run in _ask(prefect, "/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}):
        ask_prefect(f"{prefect}/api", "DELETE", f"/flow_runs/{run['id']}")
    going = {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}
    return not _ask(prefect, "/flow_runs/filter", flow_runs=going)


def _completed(prefect: str) -> bool:
    runs = _ask(prefect, "/flow_runs/filter")
    return any(_starter(run) == "AUTOMATION" and run["state_type"] == "COMPLETED" for run in runs)


def _starter(run: dict[str, Any]) -> str:
    return (run["created_by"] or {}).get("type", "")


def _left_behind(home: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in process.environ().get(OWNER, "") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def _look(chromium: str, told: Story, folder: Path) -> list[str]:
    """Looks at the pages as a person would; returns what each showed."""
    folder = Path(os.environ.get(PICTURES) or folder)
    services = told.up["services"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(TIMEOUT_MS)
        shown = [_look_at_artifacts(page, services["prefect"]["url"], folder)]
        shown += [_look_at_champion(page, services["mlflow"]["url"], folder)]
        page.goto(Path(told.up["page"]).as_uri())
        page.screenshot(path=folder / "services.png")
        browser.close()
    return shown


def _text(page: Page) -> str:
    """What the page says, with plain spaces; MLflow's are of several kinds."""
    return " ".join(page.locator("body").inner_text().split())


def _look_at_artifacts(page: Page, url: str, folder: Path) -> str:
    page.goto(f"{url}/artifacts")
    expect(page.get_by_text("tiny-decision").first).to_be_visible(timeout=TIMEOUT_MS)
    (artifact, *_) = _ask(url, "/artifacts/latest/filter", artifacts={"key": {"any_": ["tiny-decision"]}})
    page.goto(f"{url}/artifacts/key/tiny-decision")
    expect(page.get_by_text(artifact["description"]).first).to_be_visible(timeout=TIMEOUT_MS)
    page.goto(f"{url}/artifacts/artifact/{artifact['latest_id']}")
    expect(page.get_by_role("heading", name=re.compile("romoted: version")).first).to_be_visible(timeout=TIMEOUT_MS)
    page.screenshot(path=folder / "prefect.png")
    return _text(page)


def _look_at_champion(page: Page, url: str, folder: Path) -> str:
    page.goto(f"{url}/#/models/tiny")
    expect(page.get_by_text("@ champion")).to_be_visible(timeout=TIMEOUT_MS)
    page.screenshot(path=folder / "mlflow.png")
    return _text(page)


def test_everything_works_once_up_has_ended(story: Story) -> None:
    states = {name: service["state"] for name, service in story.up["services"].items()}

    assert states == {"prefect": "running", "mlflow": "running", "argilla": "off", "watcher": "running"}
    assert story.up["started"] == ["prefect", "mlflow", "watcher"]
    assert not story.up["repaired"]


def test_up_says_what_it_starts_and_nothing_else(story: Story) -> None:
    lines = [line for line in story.said.splitlines() if not line.startswith("waiting for ")]
    assert lines == ["starting prefect", "starting mlflow", "starting watcher"]


def test_each_link_of_the_page_answers_and_leads_to_this_machine(story: Story) -> None:
    assert len(story.answers) >= 6
    assert set(story.answers.values()) == {200}


def test_state_is_readable_by_its_owner_only(story: Story) -> None:
    assert story.modes == {0}


def test_the_scheduled_round_is_a_completed_run_and_promotes(story: Story) -> None:
    first = story.runs[0]

    assert (_starter(first), first["state_type"], first["auto_scheduled"]) == ("SCHEDULE", "COMPLETED", True)
    assert story.ratchet.record("promote")["promoted"]


def test_a_service_killed_by_force_is_shown_and_repaired_and_the_others_stay(story: Story) -> None:
    assert story.killed_status == 1 and not story.killed["works"]
    assert story.killed["services"]["mlflow"]["state"] == "stopped"
    assert story.killed["services"]["prefect"]["state"] == "running"
    assert story.repaired["repaired"] == ["mlflow: its process has ended"]
    assert story.repaired["services"]["mlflow"]["url"] == story.up["services"]["mlflow"]["url"]
    assert story.repaired["services"]["prefect"]["pid"] == story.up["services"]["prefect"]["pid"]


def test_another_schedule_is_another_watcher_and_the_same_one_is_left_alone(story: Story) -> None:
    assert story.repaired["started"] == ["mlflow", "watcher"]
    assert story.again["already_ran"] and story.again["started"] == []
    assert story.again["services"]["watcher"]["pid"] == story.repaired["services"]["watcher"]["pid"]


def test_changed_documents_start_a_round_through_their_event(story: Story) -> None:
    by_event = [run for run in story.runs if _starter(run) == "AUTOMATION"]

    assert [run["state_type"] for run in by_event] == ["COMPLETED"]
    assert story.ratchet.record("promote", 2)["round"] == 2


def test_the_pages_show_the_decision_and_the_champion(story: Story) -> None:
    prefect, mlflow = story.pictures

    assert "version 2 of tiny" in prefect or "version 3 of tiny" in prefect
    assert "@ champion" in mlflow


def test_down_leaves_no_process_and_twice_does_no_harm(story: Story) -> None:
    assert story.down["ended"] == ["watcher", "mlflow", "prefect"]
    assert story.left_behind == []
    assert story.down_again == {"ended": []}
