"""What a look leaves is read by the next; what is damaged is named."""

from datetime import timedelta

import pytest
from example_answers import AT

from tasks.errors import IntegrityError
from tasks.home import Home
from tasks.monitoring.history import keep_look, last_report, monitor_folder, one_look_at_a_time, read_watched
from tasks.records.monitoring import Finding, MonitorReport, Period, Watched

WATCHED = Watched(tested={"drift": AT}, findings=(Finding(kind="drift", sentence="s", since=AT, told=True),))


def report(days: int = 0) -> MonitorReport:
    at = AT + timedelta(days=days)
    period = Period(start=at - timedelta(days=7), end=at)
    return MonitorReport(domain="d", at=at, now=period, before=period, answers=days, answers_before=0)


def test_the_last_look_is_the_newest(home: Home) -> None:
    assert (read_watched(home, "d"), last_report(home, "d")) == (Watched(), None)
    with one_look_at_a_time(home, "d"):
        for day in (1, 3, 2):
            keep_look(home, report(day), WATCHED)

    assert last_report(home, "d") == report(3)
    assert read_watched(home, "d") == WATCHED
    assert last_report(home, "other") is None


@pytest.mark.parametrize("data", [b"", b"{", b'{"tested": {"weather": "now"}}'])
def test_damaged_files_are_named_with_the_remedy(home: Home, data: bytes) -> None:
    path = keep_look(home, report(), WATCHED)
    path.write_bytes(data)
    (monitor_folder(home, "d") / "watched.json").write_bytes(data)

    with pytest.raises(IntegrityError, match=r"T060000Z.json is damaged: delete it, and run `ratchet monitor` again"):
        last_report(home, "d")
    with pytest.raises(IntegrityError, match=r"watched.json is damaged: delete it, and what lasts is raised once more"):
        read_watched(home, "d")
