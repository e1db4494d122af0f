"""Each finding is told to Prefect once, and what could not be told waits for the next look."""

from collections.abc import Mapping
from typing import Any

import pytest
from example_answers import AT

from flows import monitor_events
from flows.monitor_events import raise_events
from tasks.errors import UnreachableError
from tasks.records.monitoring import Finding, Watched

FINDINGS = (
    Finding(kind="drift", sentence="a", since=AT, told=True),
    Finding(kind="thumbs", sentence="b", since=AT),
    Finding(kind="topic", sentence="c", since=AT, name="parcel", centre=(1.0,)),
    Finding(kind="latency", sentence="d", since=AT),
)


class Prefect:
    """Takes events until it is away."""

    def __init__(self, answers: int) -> None:
        self.left = answers
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def emit(self, event: str, domain: str, payload: Mapping[str, Any]) -> None:
        if not self.left:
            raise UnreachableError("Prefect does not answer.")
        self.left -= 1
        self.events.append((event, domain, dict(payload)))


def test_what_was_not_told_is_told_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    prefect = Prefect(9)
    monkeypatch.setattr(monitor_events, "emit", prefect.emit)

    watched = raise_events("d", Watched(findings=FINDINGS))
    raise_events("d", watched)

    since = AT.isoformat()
    assert prefect.events == [
        ("ratchet.thumbs.falling", "d", {"sentence": "b", "since": since}),
        ("ratchet.topic.unanswered", "d", {"sentence": "c", "since": since, "topic": "parcel"}),
        ("ratchet.latency.rising", "d", {"sentence": "d", "since": since}),
    ]


def test_what_prefect_did_not_take_waits_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = Prefect(1)
    monkeypatch.setattr(monitor_events, "emit", away.emit)
    watched = raise_events("d", Watched(findings=FINDINGS))
    assert [finding.told for finding in watched.findings] == [True, True, False, False]
    assert "2 events wait for the next look: Prefect does not answer." in capsys.readouterr().err

    back = Prefect(9)
    monkeypatch.setattr(monitor_events, "emit", back.emit)
    watched = raise_events("d", watched)

    assert [event for event, _, _ in back.events] == ["ratchet.topic.unanswered", "ratchet.latency.rising"]
    assert all(finding.told for finding in watched.findings)
