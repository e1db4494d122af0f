"""The status page: links to each service that answers, nothing that a name could smuggle in, and nothing secret."""

import re
from datetime import UTC, datetime

import pytest

from tasks.deployments import Schedules
from tasks.home import Home
from tasks.services.health import Health
from tasks.services.page import links_of, render_page
from tasks.services.state import State, Watched

MOMENT = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
PREFECT = Health("prefect", "running", "", "http://127.0.0.1:4200", 1, 2)
MLFLOW = Health("mlflow", "failing", "it does not answer within 5 s", "http://127.0.0.1:5000", 3, 4)
ARGILLA = Health("argilla", "off", "human_feedback.argilla is null", None)
WATCHER = Health("watcher", "stopped", "its process has ended", None)
HOSTILE = "<script>alert(1)</script>\"'&"


def state(config: str = "/d/ratchet.yaml", domain: str = "docs") -> State:
    return State(
        watched=Watched(config=config, domain=domain, schedules=Schedules(improve="0 3 * * 0"), prefect="http://x/api")
    )


def test_it_links_to_what_answers_and_says_what_does_not(home: Home) -> None:
    page = render_page(home, state(), [PREFECT, MLFLOW, ARGILLA, WATCHER], MOMENT)
    assert re.findall('href="([^"]+)"', page) == [
        "http://127.0.0.1:4200/runs",
        "http://127.0.0.1:4200/deployments",
        "http://127.0.0.1:4200/automations",
        "http://127.0.0.1:4200/artifacts",
        "http://127.0.0.1:5000/#/experiments",
        "http://127.0.0.1:5000/#/models/docs",
    ]
    for text in ("it does not answer within 5 s", "its process has ended", "0 3 * * 0", "2026-11-23 07:00 UTC"):
        assert text in page
    assert "none yet" in page and "no time of its own" in page


def test_it_links_to_the_last_report(home: Home) -> None:
    for number in (1, 2):
        path = home.round("docs", number) / "report" / "report.html"
        path.parent.mkdir(parents=True)
        path.touch()
    page = render_page(home, state(), [PREFECT], MOMENT)
    assert path.as_uri() in page and "0001" not in page


def test_whatever_a_name_or_a_reason_holds_is_shown_as_text(home: Home) -> None:
    hostile = Health("mlflow", "failing", HOSTILE, f"https://{HOSTILE}")
    page = render_page(home, state(f"/{HOSTILE}/ratchet.yaml"), [hostile], MOMENT)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert all('"' not in url for url in re.findall(r'href="(.*?)">', page))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "postgresql://u:p@h/d", "databricks"])
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    assert links_of(Health("mlflow", "outside", "", url), "docs") == ()


def test_the_same_page_comes_of_the_same_state_and_fetches_nothing(home: Home) -> None:
    first, second = (render_page(home, state(), [PREFECT, ARGILLA], MOMENT) for _ in range(2))
    assert first == second
    assert "default-src 'none'" in first and "<script" not in first and "src=" not in first
