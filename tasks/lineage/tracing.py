"""Who saw a judgement: the snapshots with a row of it, the adapters trained on those or descended from them, the
versions that hold these adapters.

An adapter descends from the one its training started from (`Adapter.parent_sha256`): what that one learned is in its
weights. A snapshot may also have read a judgement without a row coming from it, for example a vote that was outvoted;
nothing was trained on it then, and it is told apart.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from tasks.curation.summary import read_summary
from tasks.feedback.withdrawals import read_left_out, without_withdrawn
from tasks.home import Home
from tasks.lineage.citations import count_citations, stored_snapshots
from tasks.records import Adapter, Count, Record, Sha256, Snapshot
from tasks.rounds import read_last, read_rounds

if TYPE_CHECKING:
    import polars as pl

    from tasks.registry.mlflow_registry import RegistryEntry


class SnapshotUse(Record):
    """A snapshot that read the judgements."""

    sha256: Sha256
    rounds: tuple[int, ...] = Field(description="the rounds that curated it")
    rows: dict[str, Count] = Field(description="rows that come from the judgements, by kind; empty: read, and no row")


class AdapterUse(Record):
    """An adapter that learned from the judgements."""

    sha256: Sha256
    round: Count = Field(description="the round that trained it")
    snapshot_sha256: Sha256
    inherited: bool = Field(description="not from its own snapshot, but from an adapter that it descends from")


class VersionUse(Record):
    """A registered version that holds such an adapter."""

    version: Count
    aliases: tuple[str, ...]
    adapter_sha256: Sha256
    inherited: bool = Field(description="as its adapter's")


class Trace(Record):
    """All that saw some judgements."""

    snapshots: tuple[SnapshotUse, ...] = Field(description="those with rows first")
    rounds: tuple[int, ...] = Field(description="the rounds that curated or trained one of these")
    adapters: tuple[AdapterUse, ...] = Field(description="by round")
    versions: tuple[VersionUse, ...] = Field(description="by number")
    unknown: tuple[str, ...] = Field(
        description="snapshots that cannot be read, so that nobody can tell; a sentence each"
    )


@dataclass(frozen=True)
class Learned:
    """Which adapters learned from some judgements.

    Attributes:
        direct: trained on a snapshot with a row that comes from one.
        inherited: descended from such an adapter, and not trained so themselves.
        unknown: for which, or for an ancestor of which, the snapshot or the record cannot be read.
    """

    direct: frozenset[str]
    inherited: frozenset[str]
    unknown: frozenset[str]


def trace(
    home: Home,
    domain: str,
    ids: AbstractSet[str],
    judgements: "pl.DataFrame",
    entries: Iterable["RegistryEntry"],
) -> Trace:
    """All that saw the judgements with these ids.

    Args:
        judgements: as `read_judgements` gives them.
        entries: the registered versions.
    """
    entries = list(entries)
    adapters = known_adapters(home, domain, entries)
    cited, unknown = count_citations(home, {*stored_snapshots(home), *(each.snapshot_sha256 for each in adapters)}, ids)
    rounds = _rounds_by_snapshot(home, domain)
    read = _read_snapshots(home, domain, judgements, ids)
    learned = learn(adapters, set(cited), set(unknown))
    snapshots = [
        SnapshotUse(sha256=sha256, rounds=tuple(rounds.get(sha256, ())), rows=cited.get(sha256, {}))
        for sha256 in sorted({*cited, *read}, key=lambda sha256: (sha256 not in cited, rounds.get(sha256, ()), sha256))
    ]
    uses = {
        each.sha256: AdapterUse(
            sha256=each.sha256,
            round=each.round,
            snapshot_sha256=each.snapshot_sha256,
            inherited=each.sha256 in learned.inherited,
        )
        for each in sorted(adapters, key=lambda each: each.round)
        if each.sha256 in learned.direct | learned.inherited
    }
    held = [(entry, uses[sha256]) for entry in entries if (sha256 := entry.version.weights_sha256) in uses]
    return Trace(
        snapshots=tuple(snapshots),
        rounds=tuple(
            sorted({*(number for use in snapshots for number in use.rounds), *(use.round for use in uses.values())})
        ),
        adapters=tuple(uses.values()),
        versions=tuple(
            VersionUse(
                version=entry.version.version, aliases=entry.aliases, adapter_sha256=use.sha256, inherited=use.inherited
            )
            for entry, use in held
        ),
        unknown=tuple(unknown.values()),
    )


def learn(adapters: Iterable[Adapter], cited: AbstractSet[str], unknown: AbstractSet[str]) -> Learned:
    """Which of the adapters learned from some judgements, themselves or by descent.

    Args:
        adapters: all that are known; the same weights may be there more than once, from other rounds.
        cited: snapshots with rows that come from the judgements.
        unknown: snapshots that cannot be read.
    """
    adapters = list(adapters)
    known = {each.sha256 for each in adapters}
    direct = frozenset(each.sha256 for each in adapters if each.snapshot_sha256 in cited)
    unclear = {each.sha256 for each in adapters if each.snapshot_sha256 in unknown}
    unclear |= {each.sha256 for each in adapters if each.parent_sha256 and each.parent_sha256 not in known}
    inherited = _descendants(adapters, direct) - direct
    return Learned(direct, inherited, frozenset(unclear | _descendants(adapters, unclear)))


def known_adapters(home: Home, domain: str, entries: Iterable["RegistryEntry"]) -> list[Adapter]:
    """The adapters of the domain's rounds and of its registered versions, one for each sha256 and round."""
    folders = [home.round(domain, opened.number) for opened, _ in read_rounds(home, domain)]
    trained = [read_last(folder, "train", Adapter) for folder in folders]
    found = [*trained, *(entry.version.adapter for entry in entries)]
    return list({(each.sha256, each.round): each for each in found if each is not None}.values())


def _descendants(adapters: Iterable[Adapter], ancestors: AbstractSet[str]) -> frozenset[str]:
    children: dict[str, set[str]] = {}
    for each in adapters:
        if each.parent_sha256 is not None:
            children.setdefault(each.parent_sha256, set()).add(each.sha256)
    found: set[str] = set()
    waiting = list(ancestors)
    while waiting:
        fresh = children.get(waiting.pop(), set()) - found
        found |= fresh
        waiting.extend(fresh)
    return frozenset(found)


def _rounds_by_snapshot(home: Home, domain: str) -> dict[str, list[int]]:
    rounds: dict[str, list[int]] = {}
    for opened, _ in read_rounds(home, domain):
        snapshot = read_last(home.round(domain, opened.number), "curate", Snapshot)
        if snapshot is not None:
            rounds.setdefault(snapshot.sha256, []).append(opened.number)
    return rounds


def _read_snapshots(home: Home, domain: str, judgements: "pl.DataFrame", ids: AbstractSet[str]) -> set[str]:
    """The snapshots of the rounds that read a segment with one of the judgements, and did not leave it out."""
    import polars as pl

    theirs = judgements.filter(pl.col("id").is_in(pl.Series(sorted(ids), dtype=pl.String).implode()))
    found = set()
    for opened, _ in read_rounds(home, domain):
        folder = home.round(domain, opened.number)
        summary, snapshot = read_summary(folder), read_last(folder, "curate", Snapshot)
        if summary is None or snapshot is None:
            continue
        read = theirs.filter(pl.col("segment").is_in(pl.Series(summary.segments, dtype=pl.String).implode()))
        if not without_withdrawn(read, read_left_out(folder)).is_empty():
            found.add(snapshot.sha256)
    return found
