"""From rows to the shards of a snapshot: what the dataset's filters leave out, and which shards are written anew."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tasks.curation.incremental import layers as layered
from tasks.curation.incremental import runs
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

_SHARDS_AT_ONCE = 128


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


def choose_rows(folder: Path, index: Index, filters: Sequence[Filter]) -> Dataset:
    """The rows of the index that pass the filters of the dataset, each of which gets the columns that it reads."""
    columns = sorted({*LIGHT, *(column for each in filters for column in each.reads)})
    rows = layered.valid(folder, index.layers, layered.STORED, "rows", columns)
    kept, removed = apply_filters(filters, rows)
    count = shard_count(kept["question_id"].n_unique())
    return Dataset(kept.select(LIGHT), removed.select(REMOVED.names()), count)


def stale_shards(
    folder: Path,
    index: Index,
    dataset: Dataset,
    touched: Collection[str],
    shards: Mapping[Kind, Sequence[FileRef]],
    earlier: Path,
) -> set[int]:
    """The numbers of the shards that differ from those of the earlier snapshot, or whose files are damaged."""
    if any(len(shards[kind]) != dataset.shards for kind in KINDS) or index.removed is None:
        return set(range(dataset.shards))
    before = pl.read_parquet(runs.run_path(folder, index.removed)).select("question_id", "key")
    now = dataset.removed.select("question_id", "key")
    differing = pl.concat([before.join(now, on="key", how="anti"), now.join(before, on="key", how="anti")])
    ids = pl.Series("question_id", [*touched, *differing["question_id"]], dtype=pl.String).unique()
    places = runs.with_place(ids.to_frame())
    stale = set(places.select(_shard(dataset.shards)).to_series())
    good: dict[str, bool] = {}
    for kind in KINDS:
        for number, file in enumerate(shards[kind]):
            if number not in stale:
                if file.sha256 not in good:
                    path = earlier / f"{file.sha256}.jsonl"
                    good[file.sha256] = path.exists() and sha256_of_file(path) == file.sha256
                if not good[file.sha256]:
                    stale.add(number)
    return stale


def make_shards(
    folder: Path,
    index: Index,
    dataset: Dataset,
    system_prompt: str,
    stale: Collection[int],
    earlier: Mapping[Kind, Sequence[FileRef]],
) -> Iterator[Shard]:
    """All shards that hold rows: the stale ones made of the index, the others as they were."""
    for kind in KINDS:
        for number, file in enumerate(earlier[kind] if len(stale) < dataset.shards else ()):
            if number not in stale and file.rows:
                yield Shard(kind, number, file, None)
    numbers = sorted(stale)
    for start in range(0, len(numbers), _SHARDS_AT_ONCE):
        some = numbers[start : start + _SHARDS_AT_ONCE]
        rows = _rows_of(folder, index, dataset, some)
        for kind in KINDS:
            named = runs.with_place(name_rows(rows, NAMES[kind], system_prompt))
            parts = named.with_columns(shard=_shard(dataset.shards)).partition_by("shard", as_dict=True)
            for (number,), part in parts.items():
                data = "".join(f"{line}\n" for line in part["line"]).encode()
                yield make_shard(kind, int(number), data, len(part))


def _rows_of(folder: Path, index: Index, dataset: Dataset, numbers: Sequence[int]) -> pl.DataFrame:
    """ROWS of these shards."""
    own = dataset.rows.filter(_shard(dataset.shards).is_in(numbers))
    places = own["place"].unique()
    layers = layered.valid_places(folder, index.layers, places)
    return layers.join(own.select("key"), on="key", how="semi")


def _shard(count: int) -> pl.Expr:
    """The shard of a row, from its place: `tasks.snapshots.shard_of`."""
    bits = count.bit_length() - 1
    return (pl.col("place") // (1 << (64 - bits)) if bits else pl.col("place") * 0).cast(pl.Int64)


def lines_key(system_prompt: str) -> str:
    """The hash of all that the lines of a snapshot depend on besides its rows."""
    return hashlib.sha256(system_prompt.encode()).hexdigest()
