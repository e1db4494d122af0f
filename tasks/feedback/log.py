"""The append-only feedback log: one folder of immutable segments, each named by the sha256 of its bytes.

An append adds a file and changes none, so processes may append at once and a killed one leaves at most a
`.tmp` file that nobody reads. A segment that was removed altogether is missed by whoever holds its FileRef
(the round's FeedbackBatch), not by the log.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import IntegrityError
from tasks.feedback.withdrawals import Withdrawn, withdrawn, without_withdrawn
from tasks.files import canonical_json, read_verified, write_rows
from tasks.home import Home
from tasks.records import Feedback, FileRef

if TYPE_CHECKING:
    import polars as pl


def for_tests(domain: str) -> str:
    """The name under which the functions here find the log of labels on the answers to test questions.

    They measure models, and nothing may learn from them: so they lie apart, in a folder of the domain's own log, and
    whoever reads that does not meet them. Withdrawals are the domain's: read with `left_out=withdrawn(home, domain)`.
    """
    return f"{domain}/test"


def append(home: Home, domain: str, feedback: Sequence[Feedback]) -> FileRef:
    """Adds the judgements as one segment and returns its name; the same judgements again are the same segment.

    Raises:
        HomeError: when the disk is full or not writable; then the log is as it was.
    """
    return write_rows(home.feedback_log(domain), sorted(feedback, key=canonical_json))


def read(
    home: Home, domain: str, only: Sequence[str] | None = None, left_out: Withdrawn | None = None
) -> list[Feedback]:
    """The judgements of a domain that stand, one for each id, sorted by id; empty when there are none yet.

    A later edit of the same judgement takes the place of an earlier one; a retracted one is left out, and so is what
    was withdrawn. Records are for people's judgements and the like: a million of them take minutes, for which there
    is `read_frame`.

    Args:
        only: the segments to read, as `segments` names them; None: all.
        left_out: what counts as withdrawn; None: what is withdrawn now.

    Raises:
        IntegrityError: when a segment is missing, altered or truncated, naming the file.
    """
    from tasks.feedback.event_frames import to_records

    return to_records(_standing(home, domain, only, left_out))


def read_last_words(home: Home, domain: str, only: Sequence[str] | None = None) -> list[Feedback]:
    """As `read`, with the retracted and the withdrawn judgements among them: what the log holds, not what counts.

    Raises:
        IntegrityError: as `read` does.
    """
    from tasks.feedback.event_frames import to_records

    return to_records(read_frame(home, domain, only))


def read_frame(home: Home, domain: str, only: Sequence[str] | None = None) -> "pl.DataFrame":
    """The judgements of a domain as EVENTS and what else a record has, one for each id, sorted by id, the retracted
    and the withdrawn among them.

    Raises:
        IntegrityError: as `read` does.
    """
    import polars as pl

    from tasks.feedback.event_frames import WHOLE, last_words

    names = segments(home, domain) if only is None else only
    frames = [read_segment(home, domain, name) for name in names]
    return last_words(pl.concat([WHOLE.to_frame(), *frames]))


def read_segment(home: Home, domain: str, name: str) -> "pl.DataFrame":
    """The judgements of one segment, as they were appended.

    Raises:
        IntegrityError: when the segment is missing, altered, or holds something else.
    """
    from tasks.feedback.event_frames import parse_segment

    path = segment_path(home, domain, name)
    data = read_verified(path, name)
    try:
        return parse_segment(data)
    except ValueError as error:
        raise IntegrityError(
            f"{path} holds rows that are not feedback of this version: "
            "read it with the version of Ratchet that wrote it, or move it out of the log."
        ) from error


def one_per_id(feedback: Iterable[Feedback]) -> list[Feedback]:
    """One judgement for each id, sorted by id, whatever the order they come in: everybody's last word.

    The rule is that of `tasks.feedback.event_frames.last_words`.
    """
    from tasks.feedback.event_frames import last_words, whole_frame

    rows = list(dict.fromkeys(feedback))
    if len({row.id for row in rows}) == len(rows):
        return sorted(rows, key=lambda row: row.id)
    return [rows[place] for place in last_words(whole_frame(rows).with_row_index("row"))["row"]]


def edited_at(row: Feedback) -> float:
    """When the judgement was last edited, in seconds since 1970; 0 where nobody noted it, as for judges."""
    return row.given_at.timestamp() if row.given_at else 0.0


def segments(home: Home, domain: str) -> list[str]:
    """The sha256 of each segment, sorted: what exactly the log consists of."""
    return sorted(path.stem for path in home.feedback_log(domain).glob("*.jsonl"))


def segment_path(home: Home, domain: str, name: str) -> Path:
    """The file of a segment."""
    return home.feedback_log(domain) / f"{name}.jsonl"


def verify(home: Home, domain: str, names: Iterable[str]) -> None:
    """Returns when these segments have the bytes that were appended.

    Raises:
        IntegrityError: when a segment is missing, altered or truncated, naming the file.
    """
    for name in names:
        read_verified(segment_path(home, domain, name), name)


def count(home: Home, domain: str) -> int:
    """How many judgements there are, each id once.

    Raises:
        IntegrityError: as `read` does.
    """
    return len(_standing(home, domain, None, None))


def _standing(home: Home, domain: str, only: Sequence[str] | None, left_out: Withdrawn | None) -> "pl.DataFrame":
    rows = read_frame(home, domain, only)
    left_out = withdrawn(home, domain) if left_out is None else left_out
    return without_withdrawn(rows.filter(~rows["retracted"]), left_out)
