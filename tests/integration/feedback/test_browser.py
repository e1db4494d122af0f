"""An expert at the labelling page, in a real browser: what they click is what the feedback log says they meant."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from example_records import comparison, question
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tasks.feedback.argilla_connection import ArgillaConnection
from tasks.feedback.argilla_people import create_annotator
from tasks.feedback.argilla_store import PushedDataset, dataset_activity, pull_responses
from tasks.feedback.ingesting import reconcile
from tasks.feedback.labels import LabelRequest
from tasks.feedback.routing import route
from tasks.records import Feedback, FileRef, LabelDataset

QUESTIONS = ("alpha", "beta", "gamma", "delta", "epsilon")
GOOD, BAD = "the good answer", "the bad answer <b>in bold</b>"
CORRECTION = "The best answer is 42 — naïvely said.\nمرحبا 😀"
TIMEOUT_MS = 30_000


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(TIMEOUT_MS)
        yield page
        browser.close()


@pytest.fixture
def requests() -> list[LabelRequest]:
    """Five questions with a good and a bad answer each, the good one shown first in some and second in others."""
    comparisons = [comparison(GOOD, BAD, question(name, text=f"What is {name}?")) for name in QUESTIONS]
    places = {name: [float(number)] for number, name in enumerate(QUESTIONS)}
    routed, _ = route(comparisons, [], [], places, budget=5, audit_share=0.0, domain="d", round_number=1, seed=3)
    assert {each.answer_a for each in routed} == {GOOD, BAD}
    return sorted(routed, key=lambda each: each.priority)


def sign_in(page: Page, url: str, username: str, password: str) -> None:
    page.goto(url)
    page.locator("input").nth(0).fill(username)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/annotation-mode**")


def test_what_was_clicked_is_what_the_log_says(
    page: Page,
    requests: list[LabelRequest],
    push: Callable[..., PushedDataset],
    client: Any,
    connection: ArgillaConnection,
    tmp_path: Path,
) -> None:
    pushed = push(requests)
    username = f"expert-{uuid.uuid4().hex[:8]}"
    sign_in(page, pushed.url, username, create_annotator(client, connection, username) or "")
    shown = [request.question_id for request in requests]

    # By key: the good answer of the first record, whichever place it has.
    on(page, shown[0])
    page.keyboard.press("1" if requests[0].answer_a == GOOD else "2")
    page.keyboard.press("Enter")
    # By mouse: the bad answer of the second.
    on(page, shown[1])
    label(page, "Answer A is better" if requests[1].answer_a == BAD else "Answer B is better").click()
    page.get_by_role("button", name="Submit").click()
    # By key: both are good; with a reason.
    on(page, shown[2])
    page.keyboard.press("3")
    text_of(page, "reason").fill("either will do")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    # By mouse: both are bad, and a better one.
    on(page, shown[3])
    label(page, "Both are bad").click()
    text_of(page, "correction").fill(CORRECTION)
    page.get_by_role("button", name="Submit").click()
    # By mouse: what cannot be judged is discarded.
    on(page, shown[4])
    with page.expect_response(lambda response: "/responses" in response.url and response.ok):
        page.get_by_role("button", name="Discard").click()

    said = {row.question_id: row for row in ingest(client, connection, pushed, requests)}
    assert preferred(said[shown[0]], requests[0]) == GOOD
    assert preferred(said[shown[1]], requests[1]) == BAD
    assert (said[shown[2]].preference, said[shown[2]].reason) == ("tie", "either will do")
    # The page's text box ends a text of several lines with a line break.
    assert (said[shown[3]].preference, (said[shown[3]].correction or "").rstrip()) == ("both_bad", CORRECTION)
    assert said[shown[4]].retracted
    assert {row.source for row in said.values()} == {"human"}
    assert len({row.annotator for row in said.values()}) == 1 and username not in str(said)


def on(page: Page, question_id: str) -> None:
    """Returns when the page shows the question, and the form is ready for keys."""
    expect(page.get_by_text(f"What is {question_id}?")).to_be_visible(timeout=TIMEOUT_MS)
    # Shown as it was written, not as the page's own markup.
    expect(page.get_by_text(BAD)).to_be_visible()
    expect(page.get_by_role("button", name="Discard")).to_be_enabled()


def label(page: Page, text: str) -> Locator:
    return page.locator("label", has_text=text)


def text_of(page: Page, name: str) -> Locator:
    return page.get_by_label(f"Question: {name}").locator("[contenteditable=true]")


def preferred(row: Feedback, request: LabelRequest) -> str:
    """The text of the candidate that the row prefers."""
    texts = {request.candidate_a: request.answer_a, request.candidate_b: request.answer_b}
    return texts[{"a": row.candidate_a, "b": row.candidate_b}[row.preference]]


def ingest(
    client: Any, connection: ArgillaConnection, pushed: PushedDataset, requests: list[LabelRequest]
) -> list[Feedback]:
    activity, pulled = dataset_activity(client, pushed.id), pull_responses(client, pushed.id)
    assert activity is not None
    dataset = LabelDataset(
        id=pushed.id,
        name="d",
        workspace=connection.workspace,
        url=pushed.url,
        audit=False,
        requests=FileRef(sha256="0" * 64, rows=len(requests)),
    )
    rows, skipped = reconcile(
        requests,
        pulled.responses,
        [],
        dataset=dataset,
        present_users=pulled.present_users,
        present_records=pulled.present_records,
        as_of=activity,
        salt="s",
    )
    assert not any(skipped.values())
    return rows
