"""Sorted runs: immutable Parquet files named by their content, in which the rows of few questions are found quickly.

A run is sorted by `place`, a hash of the question, in groups of rows with the least and greatest place noted: looking
for the rows of some questions reads the groups that may hold them, and no others.
"""

import hashlib
import io
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from tasks.errors import HomeError
from tasks.files import describe_write_error, sha256_of_file
from tasks.records import FileRef
from tasks.snapshots import question_hash

_GROUP_ROWS = 2000


def with_place(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `place`, 64 bits of its `question_id`."""
    ids = frame["question_id"].unique()
    # Python for each question: Polars has no hash that is promised to stay as it is.
    places = pl.DataFrame(
        {"question_id": ids, "place": [question_hash(each) for each in ids]},
        schema={"question_id": pl.String, "place": pl.UInt64},
    )
    return frame.join(places, on="question_id", how="left", maintain_order="left")


def write_run(folder: Path, frame: pl.DataFrame) -> FileRef:
    """Writes a frame with `place` as `<sha256>.parquet`, whole or not at all.

    It is not forced to the disk: what a power cut leaves of it has another hash, and then it is made again.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    buffer = io.BytesIO()
    frame.sort("place").write_parquet(buffer, compression="lz4", row_group_size=_GROUP_ROWS)
    data = buffer.getvalue()
    reference = FileRef(sha256=hashlib.sha256(data).hexdigest(), rows=len(frame))
    path = run_path(folder, reference)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".run.", suffix=".tmp", delete=False) as file:
            file.write(data)
        Path(file.name).replace(path)
    except OSError as error:
        raise HomeError(describe_write_error(path, error)) from error
    return reference


def run_path(folder: Path, run: FileRef) -> Path:
    """The file of a run."""
    return folder / f"{run.sha256}.parquet"


def is_intact(folder: Path, run: FileRef) -> bool:
    """Whether the run's file is there with the bytes that it was written with."""
    path = run_path(folder, run)
    return path.exists() and sha256_of_file(path) == run.sha256


def scan(folder: Path, runs: Iterable[FileRef], schema: pl.Schema) -> pl.LazyFrame:
    """All rows of the runs, with the columns of `schema` and `place`; only what is asked for is read."""
    full = pl.Schema({**schema, "place": pl.UInt64()})
    frames = [pl.scan_parquet(run_path(folder, run)).select(full.names()) for run in runs if run.rows]
    return pl.concat([full.to_frame().lazy(), *frames])


def read_places(
    folder: Path, runs: Sequence[FileRef], schema: pl.Schema, first: int, last: int, beyond: pl.Series
) -> pl.DataFrame:
    """The rows with a place from `first` to `last`, and those at the places `beyond`."""
    wanted = pl.col("place").is_between(pl.lit(first, pl.UInt64), pl.lit(last, pl.UInt64))
    if len(beyond):
        wanted = pl.col("place").is_in(beyond.implode()) | (wanted if first <= last else pl.lit(False))
    return scan(folder, runs, schema).filter(wanted).collect()
