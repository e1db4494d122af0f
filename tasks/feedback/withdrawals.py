"""Feedback that somebody has withdrawn: an append-only set of small records beside the log, each named by its sha256.

The log keeps what was said, because earlier snapshots were built from it; these records say what is left out of all
later ones. A person who has withdrawn is left out with what they say afterwards, too. For one subject the record of the
latest time counts, so that a withdrawal can be undone, and undoing it restores the very same set of judgements.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import AwareDatetime, Field, model_validator

from tasks.errors import IntegrityError
from tasks.files import canonical_json, read_record, read_verified, sha256_of, write_atomically
from tasks.home import Home
from tasks.records import Record, Sha256

if TYPE_CHECKING:
    import polars as pl

# What to do about a damaged file that curation left in a round's folder.
CURATE_AGAIN = "delete it and curate.json beside it, and run the round again"

_Frame = TypeVar("_Frame", "pl.DataFrame", "pl.LazyFrame")
_LEFT_OUT = "withdrawn.json"
_TICK = timedelta(microseconds=1)


class Withdrawal(Record):
    """One judgement, or one person, that was withdrawn or restored."""

    feedback_id: Sha256 | None = Field(default=None, description="the judgement; None: a person's")
    annotator: str | None = Field(
        default=None, min_length=1, description="opaque id of the person; None: a judgement's"
    )
    at: AwareDatetime = Field(description="when, UTC")
    restored: bool = Field(default=False, description="the withdrawal was undone")

    @model_validator(mode="after")
    def _has_one_subject(self) -> Self:
        if (self.feedback_id is None) == (self.annotator is None):
            raise ValueError("a withdrawal is about one judgement or one person")
        return self

    @property
    def subject(self) -> tuple[str | None, str | None]:
        """What it is about."""
        return self.feedback_id, self.annotator


class Withdrawn(Record):
    """What counts as withdrawn; empty and false when nothing is."""

    feedback: tuple[Sha256, ...] = Field(default=(), description="ids of judgements, sorted")
    annotators: tuple[str, ...] = Field(default=(), description="opaque ids of people, sorted")

    def __bool__(self) -> bool:
        return bool(self.feedback or self.annotators)


NOTHING = Withdrawn()


def withdraw(
    home: Home,
    domain: str,
    *,
    feedback_id: str | None = None,
    annotator: str | None = None,
    restored: bool = False,
) -> bool:
    """Writes down that a judgement or a person is withdrawn, or restored; False when that was so already.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when an earlier record is damaged.
    """
    new = Withdrawal(feedback_id=feedback_id, annotator=annotator, at=datetime.now(UTC), restored=restored)
    before = _latest(_read(home, domain)).get(new.subject)
    if restored if before is None else before.restored == restored:
        return False
    if before is not None and new.at <= before.at:  # the clock was set back
        new = new.model_copy(update={"at": before.at + _TICK})
    write_atomically(_folder(home, domain) / f"{sha256_of(new)}.json", canonical_json(new).encode())
    return True


def withdrawn(home: Home, domain: str) -> Withdrawn:
    """What is withdrawn now.

    Raises:
        IntegrityError: when a record is damaged.
    """
    return resolve_withdrawals(_read(home, domain))


def resolve_withdrawals(withdrawals: Iterable[Withdrawal]) -> Withdrawn:
    """What is withdrawn by these records, in whatever order they come."""
    standing = [each for each in _latest(withdrawals).values() if not each.restored]
    return Withdrawn(
        feedback=tuple(sorted(each.feedback_id for each in standing if each.feedback_id is not None)),
        annotators=tuple(sorted(each.annotator for each in standing if each.annotator is not None)),
    )


def keep_left_out(round_folder: Path, left_out: Withdrawn) -> None:
    """Writes down, in the round's folder, what the round was curated without.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    write_atomically(round_folder / _LEFT_OUT, canonical_json(left_out).encode())


def read_left_out(round_folder: Path) -> Withdrawn:
    """What the round was curated without; nothing when that was not written down.

    Raises:
        IntegrityError: when the file is damaged.
    """
    return read_record(round_folder / _LEFT_OUT, Withdrawn, CURATE_AGAIN) or NOTHING


def without_withdrawn(events: _Frame, left_out: Withdrawn) -> _Frame:
    """The rows of EVENTS that are not withdrawn, in their order; reads the columns `id` and `annotator`."""
    import polars as pl

    if not left_out:
        return events
    ids, people = (pl.Series(values, dtype=pl.String) for values in (left_out.feedback, left_out.annotators))
    # Judges have no annotator, and null is in no list.
    return events.filter(
        ~pl.col("id").is_in(ids.implode()), ~pl.col("annotator").is_in(people.implode()).fill_null(False)
    )


def _latest(withdrawals: Iterable[Withdrawal]) -> dict[tuple[str | None, str | None], Withdrawal]:
    """The last word on every subject; of two at the same time the withdrawal counts."""
    ordered = sorted(withdrawals, key=lambda each: (each.at, not each.restored))
    return {each.subject: each for each in ordered}


def _folder(home: Home, domain: str) -> Path:
    return home.feedback_log(domain) / "withdrawals"


def _read(home: Home, domain: str) -> list[Withdrawal]:
    return [_read_one(path) for path in sorted(_folder(home, domain).glob("*.json"))]


def _read_one(path: Path) -> Withdrawal:
    data = read_verified(path, path.stem)
    try:
        return Withdrawal.model_validate_json(data)
    except ValueError as error:
        raise IntegrityError(
            f"{path} is no withdrawal of this version: read it with the version of Ratchet that wrote it."
        ) from error
