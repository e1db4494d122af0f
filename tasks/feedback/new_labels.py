"""When enough people have spoken for another round: counting what no round has learned from, and asking once.

A label is new while no finished round has learned from it. An edit counts as one, for what was learned is no
longer what the person says, and so does a label taken back that a round did learn from.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime

from tasks.feedback import log
from tasks.feedback.sources import is_person
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.records import Count, Feedback, Record
from tasks.rounds import read_rounds

EVENT_WAIT = timedelta(seconds=30)  # a server that has just started may lose an event; others take two seconds
FIRST_RETRY = timedelta(minutes=10)
LAST_RETRY = timedelta(days=1)


class NewLabels(Record):
    """What people have said since the last finished round.

    Attributes:
        after_round: the last finished round; 0 when none has finished.
        count: labels that are new, edited or taken back since.
    """

    after_round: Count
    count: Count


class Request(Record):
    """A round that was asked for because enough labels were in; kept until the next is asked for.

    Attributes:
        after_round: the last finished round by then.
        labels: how many labels were new.
        failures: how many rounds were started since that round and did not finish.
        again_at: when to ask again if nothing has come of it; None: not before there are as many labels again.
    """

    after_round: Count
    labels: Count
    failures: Count
    again_at: AwareDatetime | None


def count_new_labels(seen: Iterable[Feedback], now: Iterable[Feedback]) -> int:
    """How many labels say something else now than when a round last learned from them.

    Args:
        seen: the judgements that stood then.
        now: those that stand now.
    """
    before, after = _labels(seen), _labels(now)
    return sum(before.get(label) != after.get(label) for label in before.keys() | after.keys())


def _labels(feedback: Iterable[Feedback]) -> dict[str, Feedback]:
    """What people say, by id. When they said it is left out: saying the same again is nothing new."""
    return {row.id: row.model_copy(update={"given_at": None}) for row in feedback if is_person(row)}


def is_round_wanted(new: NewLabels, round_after: int, asked: Request | None, now: datetime) -> bool:
    """Whether to ask for a round: there are enough new labels, and none was asked for because of them yet.

    Once asked for, a round is asked for again when one has finished since and there are enough new labels after it,
    when as many labels have come on top, or when the time has come to try again: the event was lost, or the round
    failed.
    """
    if new.count < round_after:
        return False
    if asked is None or asked.after_round != new.after_round:
        return True
    return new.count >= asked.labels + round_after or (asked.again_at is not None and now >= asked.again_at)


def ask(new: NewLabels, asked: Request | None, now: datetime) -> Request:
    """The request to keep when a round is asked for now, after the one asked for last."""
    failures = asked.failures if asked is not None and asked.after_round == new.after_round else 0
    return Request(after_round=new.after_round, labels=new.count, failures=failures, again_at=now + EVENT_WAIT)


def postpone(asked: Request, now: datetime, cancelled: bool) -> Request:
    """The request to keep when the round was started and did not finish; one that somebody cancelled stays so."""
    failures = asked.failures + 1
    again_at = None if cancelled else now + retry_delay(failures)
    return asked.model_copy(update={"failures": failures, "again_at": again_at})


def retry_delay(failures: int) -> timedelta:
    """How long to wait after this many failures: ten minutes, twice as long each time, at most a day."""
    factor: int = 2 ** min(failures - 1, 10)  # that often it is more than a day
    return min(FIRST_RETRY * factor, LAST_RETRY)


def read_new_labels(home: Home, domain: str) -> NewLabels:
    """What people have said since the domain's last finished round, from the feedback log and the ledger.

    Raises:
        IntegrityError: when a segment of the log or a file of the ledger is damaged.
    """
    finished = [(opened.number, end) for opened, end in read_rounds(home, domain) if end is not None]
    after_round, seen = (finished[-1][0], finished[-1][1].feedback) if finished else (0, ())
    # A segment that was moved out of the log since counts in neither.
    still_there = [segment for segment in log.segments(home, domain) if segment in set(seen)]
    count = count_new_labels(log.read(home, domain, still_there), log.read(home, domain))
    return NewLabels(after_round=after_round, count=count)


def notes_folder(home: Home) -> Path:
    """Where requests are kept."""
    return home.root / "watch"


def read_request(home: Home, domain: str) -> Request | None:
    """The round asked for last; None when none was, or the note of it is unreadable: asking twice does no harm."""
    try:
        return Request.model_validate_json((notes_folder(home) / f"{domain}.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def write_request(home: Home, domain: str, request: Request) -> None:
    """Keeps the request for this process and later ones.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    write_atomically(notes_folder(home) / f"{domain}.json", canonical_json(request).encode())
