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


def read(home: Home, domain: str) -> list[Feedback]:
    """All judgements of a domain, one for each id, sorted by id; empty when there are none yet.

    Raises:
        IntegrityError: when a segment was altered or truncated, naming the file.
    """
    segments = sorted(home.feedback_log(domain).glob("*.jsonl"))
    return one_per_id(row for segment in segments for row in _read_segment(segment))


def one_per_id(feedback: Iterable[Feedback]) -> list[Feedback]:
    """One judgement for each id, sorted by id, whatever the order they come in.

    Asked again, a person may have thought better of it: the judgement of the latest round counts. Within a
    round it is the one whose canonical JSON sorts first.
    """
    kept: dict[str, Feedback] = {}
    for row in sorted(feedback, key=lambda row: (row.id, -row.round, canonical_json(row))):
        kept.setdefault(row.id, row)
    return list(kept.values())


def log_sha256(home: Home, domain: str) -> str:
    """The sha256 over the ids of all judgements: which feedback there is, however it was batched.

    Raises:
        IntegrityError: as `read` does.
    """
    return sha256_of([row.id for row in read(home, domain)])


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
