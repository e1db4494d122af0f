"""From rows to the shards of a snapshot: what the dataset's filters leave out, and which shards are written anew."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tasks.curation.frames import ROWS
from tasks.curation.incremental import layers as layered
from tasks.curation.incremental import runs
from tasks.curation.incremental.fingerprints import is_untouched, settled_fingerprint
from tasks.curation.incremental.index import Index
from tasks.curation.naming import name_rows
from tasks.curation.pipeline import Filter, apply_filters
from tasks.files import sha256_of_file
from tasks.records import FileRef
from tasks.snapshots import KINDS, Kind, Shard, make_shard, shard_count

NAMES: Mapping[Kind, str] = {"demonstrations": "demonstration", "preference_pairs": "pair", "rated_answers": "rated"}
# What is known of a row without its texts.
LIGHT = ("key", "kind", "question_id", "origin", "longer", "place")
REMOVED = pl.Schema(
    {
        "question_id": pl.String,
        "key": pl.String,
        "kind": pl.String,
        "reason": pl.String,
        "detail": pl.String,
        "filter": pl.String,
    }
)

_SHARDS = "*.jsonl"
_SHARDS_AT_ONCE = 256


@dataclass(frozen=True)
class Dataset:
    """Which rows a snapshot has.

    Attributes:
        rows: LIGHT columns of the rows that stay.
        removed: REMOVED: rows that filters of the dataset left out.
        shards: of each kind.
    """

    rows: pl.DataFrame
    removed: pl.DataFrame
    shards: int


@dataclass(frozen=True)
class Stale:
    """Which shards are not as they were in the earlier snapshot.

    Attributes:
        changed: the numbers of those that hold rows of `questions`; all other rows in them are as they were.
        lost: the numbers of those to be made of the index alone: damaged ones, or all where there were others.
        questions: the ids of the questions whose rows may have changed.
    """

    changed: frozenset[int]
    lost: frozenset[int]
    questions: pl.Series


def choose_rows(folder: Path, index: Index, filters: Sequence[Filter]) -> Dataset:
    """The rows of the index that pass the filters of the dataset, each of which gets the columns that it reads."""
    columns = sorted({*LIGHT, *(column for each in filters for column in each.reads)})
    rows = layered.valid(folder, index.layers, layered.STORED, "rows", columns)
    screened = apply_filters(filters, rows)
    count = shard_count(screened.kept["question_id"].n_unique())
    return Dataset(screened.kept.select(LIGHT), screened.removed.select(REMOVED.names()), count)


def stale_shards(
    folder: Path,
    index: Index,
    dataset: Dataset,
    touched: Collection[str],
    shards: Mapping[Kind, Sequence[FileRef]],
    earlier: Path,
) -> Stale:
    """The shards that differ from those of the earlier snapshot, and those whose files are damaged."""
    if any(len(shards[kind]) != dataset.shards for kind in KINDS) or index.removed is None:
        return Stale(frozenset(), frozenset(range(dataset.shards)), pl.Series("question_id", [], dtype=pl.String))
    before = pl.read_parquet(runs.run_path(folder, index.removed)).select("question_id", "key")
    now = dataset.removed.select("question_id", "key")
    differing = pl.concat([before.join(now, on="key", how="anti"), now.join(before, on="key", how="anti")])
    ids = pl.Series("question_id", [*touched, *differing["question_id"]], dtype=pl.String).unique()
    places = runs.with_place(ids.to_frame())
    lost = frozenset[int]() if is_untouched(earlier.glob(_SHARDS), index.seen_shards) else _damaged(shards, earlier)
    return Stale(frozenset(places.select(_shard(dataset.shards)).to_series()) - lost, lost, ids)


def _damaged(shards: Mapping[Kind, Sequence[FileRef]], folder: Path) -> frozenset[int]:
    """The numbers of the shards of which a file is missing or altered."""
    paths = {file: folder / f"{file.sha256}.jsonl" for kind in KINDS for file in shards[kind]}
    damaged = {file for file, path in paths.items() if not path.exists() or sha256_of_file(path) != file.sha256}
    return frozenset(number for kind in KINDS for number, file in enumerate(shards[kind]) if file in damaged)


def fingerprint_shards(snapshot: Path) -> str:
    """The fingerprint of the shards in a snapshot's folder."""
    return settled_fingerprint(snapshot.glob(_SHARDS))


def make_shards(
    folder: Path,
    index: Index,
    dataset: Dataset,
    system_prompt: str,
    stale: Stale,
    earlier: tuple[Mapping[Kind, Sequence[FileRef]], Path],
) -> Iterator[Shard]:
    """All shards that hold rows: those that are not stale as they were in the earlier snapshot."""
    shards, earlier_folder = earlier
    for kind in KINDS:
        for number, file in enumerate(shards[kind] if len(stale.lost) < dataset.shards else ()):
            if file.rows and number not in stale.lost and number not in stale.changed:
                yield Shard(kind, number, file, None)
    its_own = pl.col("question_id").is_in(stale.questions.implode())
    for numbers, wanted in ((stale.lost, pl.lit(True)), (stale.changed, its_own)):
        for start in range(0, len(numbers), _SHARDS_AT_ONCE):
            some = sorted(numbers)[start : start + _SHARDS_AT_ONCE]
            rows = _rows_of(folder, index, dataset.rows.filter(_shard(dataset.shards).is_in(some) & wanted))
            for kind in KINDS:
                named = runs.with_place(name_rows(rows, NAMES[kind], system_prompt))
                lines = named.select("id", "line", shard=_shard(dataset.shards))
                if numbers is stale.changed:
                    kept = _lines_without(earlier_folder, {number: shards[kind][number] for number in some}, its_own)
                    lines = pl.concat([kept, lines]).sort("id")
                for (number,), part in lines.partition_by("shard", as_dict=True).items():
                    data = "".join(f"{line}\n" for line in part["line"]).encode()
                    yield make_shard(kind, int(number), data, len(part))


def _lines_without(folder: Path, shards: Mapping[int, FileRef], changed: pl.Expr) -> pl.DataFrame:
    """`id`, `line` and number of `shard` of the rows in these shards of an earlier snapshot, but for the `changed`."""
    data = {number: (folder / f"{file.sha256}.jsonl").read_bytes() for number, file in shards.items() if file.rows}
    if not data:
        return pl.Schema({"id": pl.String(), "line": pl.String(), "shard": pl.Int64()}).to_frame()
    read = pl.read_ndjson(b"".join(data.values()), schema={"id": pl.String, "question_id": pl.String})
    lines = pl.Series("line", [line for part in data.values() for line in part.decode().split("\n")[:-1]])
    numbers = pl.Series("shard", [number for number in data for _ in range(shards[number].rows)], dtype=pl.Int64)
    return read.with_columns(lines, numbers).filter(~changed).select("id", "line", "shard")


def _rows_of(folder: Path, index: Index, own: pl.DataFrame) -> pl.DataFrame:
    """ROWS of these rows, of which `place` and `key` are read."""
    if own.is_empty():
        return ROWS.to_frame()
    layers = layered.valid_places(folder, index.layers, own["place"].unique())
    return layers.join(own.select("key"), on="key", how="semi")


def _shard(count: int) -> pl.Expr:
    """The shard of a row, from its place: `tasks.snapshots.shard_of`."""
    bits = count.bit_length() - 1
    return (pl.col("place") // (1 << (64 - bits)) if bits else pl.col("place") * 0).cast(pl.Int64)


def lines_key(system_prompt: str) -> str:
    """The hash of all that the lines of a snapshot depend on besides its rows."""
    return hashlib.sha256(system_prompt.encode()).hexdigest()
