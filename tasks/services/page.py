"""The status page of `ratchet up`: one static HTML file of links, which opens without a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from tasks.files import write_atomically
from tasks.home import Home
from tasks.services.health import Health
from tasks.services.state import State, log_of, status_page

TITLES = {"prefect": "Prefect", "mlflow": "MLflow", "argilla": "Argilla", "watcher": "Watcher"}


@dataclass(frozen=True)
class Link:
    """Where a page is, and what it shows."""

    text: str
    url: str


def links_of(health: Health, domain: str) -> tuple[Link, ...]:
    """The pages of a service that answers in a browser; none for one that is off or has no page."""
    url = health.url
    if url is None or not url.startswith(("http://", "https://")) or health.state == "off":
        return ()
    base = url.rstrip("/")
    if health.service == "prefect":
        pages = {
            "runs": "/runs",
            "deployments": "/deployments",
            "automations": "/automations",
            "artifacts": "/artifacts",
        }
        return tuple(Link(text, f"{base}{path}") for text, path in pages.items())
    if health.service == "mlflow":
        return (
            Link("experiments", f"{base}/#/experiments"),
            Link(f"model {domain}", f"{base}/#/models/{domain}"),
        )
    return (Link("labelling", f"{base}/"),)


def write_page(home: Home, state: State, found: Sequence[Health]) -> Path:
    """Writes the page and returns its path; nothing secret is on it.

    Raises:
        HomeError: when it cannot be written.
    """
    path = status_page(home)
    write_atomically(path, render_page(home, state, found, datetime.now(UTC)).encode("utf-8"))
    return path


def render_page(home: Home, state: State, found: Sequence[Health], moment: datetime) -> str:
    """The page as HTML text; everything on it is escaped."""
    from jinja2 import Environment, StrictUndefined

    watched = state.watched
    domain = "no domain" if watched is None else watched.domain
    source = files("tasks.services").joinpath("templates", "status.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(source)
    return template.render(
        domain=domain,
        moment=moment.strftime("%Y-%m-%d %H:%M"),
        rows=[_row(home, each, domain) for each in found],
        facts=_facts(home, state, domain),
    )


def _row(home: Home, health: Health, domain: str) -> dict[str, object]:
    notes = {"argilla": "sign in as `ratchet argilla credentials` says", "watcher": "runs the rounds, one at a time"}
    note = notes.get(health.service, "") if health.state != "off" else ""
    return {
        "title": TITLES[health.service],
        "state": health.state,
        "detail": health.detail,
        "links": links_of(health, domain),
        "note": note,
    }


def _facts(home: Home, state: State, domain: str) -> list[tuple[str, str, str]]:
    """What is known of the rounds: name, text, and the address that the text leads to, or nothing."""
    watched = state.watched
    if watched is None:
        return []
    reports = sorted(home.rounds(domain).glob("[0-9]*/report/report.html"))
    return [
        ("config", watched.config, ""),
        ("collect runs at (cron, UTC)", watched.schedules.collect or "no time of its own", ""),
        ("improve runs at (cron, UTC)", watched.schedules.improve or "no time of its own", ""),
        ("monitor runs at (cron, UTC)", watched.schedules.monitor or "no time of its own", ""),
        ("last report", str(reports[-1]), reports[-1].as_uri()) if reports else ("last report", "none yet", ""),
        ("logs", str(log_of(home, "watcher").parent), ""),
    ]
