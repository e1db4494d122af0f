"""Adding to the end users' part of the feedback log: only what is news, and candidates before what is said of them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.feedback import log
from tasks.feedback.end_users import END_USER, DomainTexts, Taken, news
from tasks.feedback.production_store import keep_production
from tasks.home import Home
from tasks.records import Feedback

if TYPE_CHECKING:
    import polars as pl


@dataclass
class Adding:
    """The end users' part of a domain's log while it is added to."""

    home: Home
    domain: str
    texts: DomainTexts
    salt: str
    new: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    words: "pl.DataFrame | None" = None  # the last word on each judgement, WHOLE, once it is needed


def add(into: Adding, taken: Sequence[Taken]) -> dict[str, Feedback]:
    """Adds what is news, candidates and questions before the feedback on them.

    Returns:
        The log's last word, from now on, on every judgement that was taken.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when the log is damaged.
    """
    for each in taken:
        into.skipped.update(each.skipped)
    rows = [row for each in taken for row in each.feedback]
    words = last_words(into, [row.id for row in rows])
    if fresh := news(rows, words):
        needed = _not_spoken_of(into, "candidate_a", {row.candidate_a for row in fresh})
        candidates = [row for each in taken for row in each.candidates if row.id in needed]
        about = _not_spoken_of(into, "question_id", {row.question_id for row in candidates})
        if candidates:
            questions = [row for each in taken for row in each.questions if row.id in about]
            keep_production(into.home, into.domain, questions, candidates)
        append(into, fresh)
    return words | {row.id: row for row in fresh}


def append(into: Adding, rows: Sequence[Feedback]) -> None:
    """Appends the rows as one segment; each of them is the last word on its judgement.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    import polars as pl

    from tasks.feedback.event_frames import whole_frame

    if rows:
        log.append(into.home, into.domain, rows)
        into.new += len(rows)
        overtaken = _is_in("id", [row.id for row in rows])
        words = _words(into)
        if not words.filter(overtaken).is_empty():
            words = words.filter(~overtaken)
        into.words = pl.concat([words, whole_frame(rows)], rechunk=False)


def last_words(into: Adding, judgements: Collection[str]) -> dict[str, Feedback]:
    """The log's last word on each of these judgements that it has."""
    from tasks.feedback.event_frames import to_records

    if not judgements:
        return {}
    return {row.id: row for row in to_records(_words(into).filter(_is_in("id", judgements)))}


def _not_spoken_of(into: Adding, column: str, ids: Collection[str]) -> set[str]:
    """Those ids that no judgement in the log has in this column; the others were kept before it was appended."""
    return set(ids) - set(_words(into).filter(_is_in(column, ids))[column])


def _words(into: Adding) -> "pl.DataFrame":
    if into.words is None:
        rows = log.read_frame(into.home, into.domain)
        into.words = rows.filter(rows["source"] == END_USER)
    return into.words


def _is_in(column: str, values: Collection[str]) -> "pl.Expr":
    import polars as pl

    return pl.col(column).is_in(pl.Series(list(values), dtype=pl.String).implode())
