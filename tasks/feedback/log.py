"""The append-only feedback log: one folder of immutable segments, each named by the sha256 of its bytes.

An append adds a file and changes none, so processes may append at once and a killed one leaves at most a
`.tmp` file that nobody reads. A segment that was removed altogether is missed by whoever holds its FileRef
(the round's FeedbackBatch), not by the log.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.errors import IntegrityError
from tasks.files import canonical_json, parse_rows, read_verified, sha256_of, write_rows
from tasks.home import Home
from tasks.records import Feedback, FileRef


def append(home: Home, domain: str, feedback: Sequence[Feedback]) -> FileRef:
    """Adds the judgements as one segment and returns its name; the same judgements again are the same segment.

    Raises:
        HomeError: when the disk is full or not writable; then the log is as it was.
    """
    return write_rows(home.feedback_log(domain), sorted(feedback, key=canonical_json))


def read(home: Home, domain: str, only: Sequence[str] | None = None) -> list[Feedback]:
    """The judgements of a domain that stand, one for each id, sorted by id; empty when there are none yet.

    A later edit of the same judgement takes the place of an earlier one, and a retracted one is left out.

    Args:
        only: the segments to read, as `segments` names them; None: all.

    Raises:
        IntegrityError: when a segment is missing, altered or truncated, naming the file.
    """
    return [row for row in read_last_words(home, domain, only) if not row.retracted]


def read_last_words(home: Home, domain: str, only: Sequence[str] | None = None) -> list[Feedback]:
    """As `read`, with the retracted judgements among them.

    Raises:
        IntegrityError: as `read` does.
    """
    names = segments(home, domain) if only is None else only
    files = [home.feedback_log(domain) / f"{name}.jsonl" for name in names]
    return one_per_id(row for file in files for row in _read_segment(file))


def one_per_id(feedback: Iterable[Feedback]) -> list[Feedback]:
    """One judgement for each id, sorted by id, whatever the order they come in.

    Asked again, a person may have thought better of it: the judgement of the latest round counts, and within a
    round the one edited last, by the clock of the server that holds it. Where that is equal, too, a retraction
    counts, and then the judgement whose canonical JSON sorts first.
    """
    kept: dict[str, Feedback] = {}
    for row in sorted(
        feedback, key=lambda row: (row.id, -row.round, -edited_at(row), not row.retracted, canonical_json(row))
    ):
        kept.setdefault(row.id, row)
    return list(kept.values())


def edited_at(row: Feedback) -> float:
    """When the judgement was last edited, in seconds since 1970; 0 where nobody noted it, as for judges."""
    return row.given_at.timestamp() if row.given_at else 0.0


def segments(home: Home, domain: str) -> list[str]:
    """The sha256 of each segment, sorted: what exactly the log consists of."""
    return sorted(path.stem for path in home.feedback_log(domain).glob("*.jsonl"))


def log_sha256(home: Home, domain: str, only: Sequence[str] | None = None) -> str:
    """The sha256 over all judgements that stand: which feedback there is, however it was batched.

    Raises:
        IntegrityError: as `read` does.
    """
    return sha256_of([canonical_json(row) for row in read(home, domain, only)])


def count(home: Home, domain: str) -> int:
    """How many judgements there are, each id once.

    Raises:
        IntegrityError: as `read` does.
    """
    return len(read(home, domain))


def _read_segment(segment: Path) -> list[Feedback]:
    data = read_verified(segment, segment.stem)
    try:
        return list(parse_rows(data, Feedback))
    except ValueError as error:
        raise IntegrityError(
            f"{segment} holds rows that are not feedback of this version: "
            "read it with the version of Ratchet that wrote it, or move it out of the log."
        ) from error
