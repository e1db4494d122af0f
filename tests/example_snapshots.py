"""Snapshots of a few rows, written as curation writes those of many."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tasks.files import encode_rows, sha256_of
from tasks.records import Demonstration, Message, PreferencePair, RatedAnswer, Snapshot
from tasks.snapshots import KINDS, Shard, make_shard, shard_count, shard_of, write_shards

AnyRow = Demonstration | PreferencePair | RatedAnswer


def demonstration(text: str) -> Demonstration:
    """A row of SFT; another text has another id."""
    return Demonstration(
        id=sha256_of(text),
        question_id="q",
        family="f",
        prompt=(Message(role="user", content="What?"),),
        completion=text,
        source="reference",
    )


def pair(chosen: str, rejected: str) -> PreferencePair:
    """A row of DPO; other texts have other ids."""
    return PreferencePair(
        id=sha256_of([chosen, rejected]),
        question_id="q",
        family="f",
        prompt=(Message(role="user", content="What?"),),
        chosen=chosen,
        rejected=rejected,
        source="human:1",
    )


def write_snapshot(
    directory: Path,
    demonstrations: Sequence[Demonstration],
    preference_pairs: Sequence[PreferencePair],
    rated_answers: Sequence[RatedAnswer] = (),
    *,
    parents: Sequence[str] = (),
    dropped: Mapping[str, int] | None = None,
) -> Snapshot:
    """The snapshot of these rows, in whatever order they come."""
    tables: tuple[Sequence[AnyRow], ...] = (demonstrations, preference_pairs, rated_answers)
    count = shard_count(len({row.question_id for table in tables for row in table}))
    return write_shards(directory, _shards(tables, count), count, parents=parents, dropped=dropped or {})


def _shards(tables: Sequence[Sequence[AnyRow]], count: int) -> Iterator[Shard]:
    for kind, table in zip(KINDS, tables, strict=True):
        parts: dict[int, list[AnyRow]] = {}
        for row in sorted(table, key=lambda row: row.id):
            parts.setdefault(shard_of(row.question_id, count), []).append(row)
        for number, rows in parts.items():
            yield make_shard(kind, number, encode_rows(rows)[0], len(rows))
