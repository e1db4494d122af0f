"""What is kept of looks at production.

monitor/<domain>/20261123T060000Z.json   a report, one for each look
                 watched.json            what the next look has to know
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.files import canonical_json, one_at_a_time, read_record, write_atomically
from tasks.home import Home, make_writable
from tasks.records.monitoring import MonitorReport, Watched


def monitor_folder(home: Home, domain: str) -> Path:
    """Where a domain's looks are kept."""
    return home.root / "monitor" / domain


@contextmanager
def one_look_at_a_time(home: Home, domain: str) -> Iterator[None]:
    """Waits until no other process looks at this domain's production; a round may run meanwhile.

    Raises:
        HomeError: when the home cannot be written.
    """
    make_writable(home)
    with one_at_a_time(monitor_folder(home, domain) / "lock"):
        yield


def read_watched(home: Home, domain: str) -> Watched:
    """What the last look left to be remembered; nothing before the first.

    Raises:
        IntegrityError: when the file is damaged.
    """
    remedy = "delete it, and what lasts is raised once more"
    return read_record(monitor_folder(home, domain) / "watched.json", Watched, remedy) or Watched()


def keep_look(home: Home, report: MonitorReport, watched: Watched) -> Path:
    """Writes the report, then what is to be remembered; returns the report's path.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    folder = monitor_folder(home, report.domain)
    path = folder / f"{report.at:%Y%m%dT%H%M%SZ}.json"
    write_atomically(path, canonical_json(report).encode())
    write_atomically(folder / "watched.json", canonical_json(watched).encode())
    return path


def last_report(home: Home, domain: str) -> MonitorReport | None:
    """The newest report; None before the first look.

    Raises:
        IntegrityError: when it is damaged.
    """
    paths = sorted(monitor_folder(home, domain).glob("[0-9]*T[0-9]*Z.json"))
    return read_record(paths[-1], MonitorReport, "delete it, and run `ratchet monitor` again") if paths else None
