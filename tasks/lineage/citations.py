"""Which rows of which snapshots come from which judgements: columns, so that many rows are fast."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import IntegrityError
from tasks.files import read_verified
from tasks.home import Home
from tasks.records import FileRef
from tasks.snapshots import KINDS, read_manifest

if TYPE_CHECKING:
    import polars as pl


def stored_snapshots(home: Home) -> list[str]:
    """The sha256 of every snapshot in the home, of whatever domain, sorted."""
    return sorted(path.name for path in home.snapshots.glob("[0-9a-f]*") if path.is_dir())


def read_citations(home: Home, snapshot_sha256: str) -> "pl.DataFrame":
    """One row for each judgement that a row of the snapshot comes from: kind, row, feedback_id.

    Raises:
        IntegrityError: when the snapshot is missing or altered.
    """
    import polars as pl

    folder = home.snapshots / snapshot_sha256
    _, files = read_manifest(home.snapshots, snapshot_sha256)
    cited = [_parse(b"".join(_read(folder, file) for file in files[kind])) for kind in KINDS]
    return pl.concat(
        rows.select(pl.lit(kind).alias("kind"), "row", "feedback_id") for kind, rows in zip(KINDS, cited, strict=True)
    )


def count_citations(
    home: Home, snapshots: Iterable[str], ids: AbstractSet[str]
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Rows that come from these judgements, by snapshot and kind, and why other snapshots cannot be read.

    Snapshots share most of their files with those before them; each file is read once.
    """
    import polars as pl

    wanted = pl.Series(sorted(ids), dtype=pl.String).implode()
    rows_of_file: dict[str, int] = {}

    def rows_in(folder: Path, file: FileRef) -> int:
        if file.sha256 not in rows_of_file:
            found = _parse(_read(folder, file)).filter(pl.col("feedback_id").is_in(wanted))
            rows_of_file[file.sha256] = found["row"].n_unique()
        return rows_of_file[file.sha256]

    cited: dict[str, dict[str, int]] = {}
    unknown: dict[str, str] = {}
    for sha256 in sorted(snapshots):
        try:
            _, files = read_manifest(home.snapshots, sha256)
            folder = home.snapshots / sha256
            counts = {str(kind): sum(rows_in(folder, file) for file in files[kind]) for kind in KINDS}
        except IntegrityError as error:
            unknown[sha256] = str(error)
            continue
        if any(counts.values()):
            cited[sha256] = {kind: count for kind, count in counts.items() if count}
    return cited, unknown


def _read(folder: Path, file: FileRef) -> bytes:
    return read_verified(folder / f"{file.sha256}.jsonl", file.sha256) if file.rows else b""


def _parse(data: bytes) -> "pl.DataFrame":
    """One row for each judgement that a row of these JSON lines comes from: row, feedback_id."""
    import polars as pl

    if not data:
        return pl.DataFrame(schema={"row": pl.String, "feedback_id": pl.String})
    read = pl.Schema([("id", pl.String), ("source", pl.String), ("feedback", pl.List(pl.String))])
    # `<feedback source>:<feedback id>`; what follows `reference:` is a candidate's id.
    own = ~pl.col("source").str.starts_with("reference:")
    named = pl.when(own).then(pl.col("source").str.extract(r":([0-9a-f]{64})$"))
    ids = pl.concat_list(pl.col("feedback").fill_null([]), named).list.drop_nulls().list.unique()
    # Bytes, not a path: in that, polars would take `*` and `[` for a pattern.
    return (
        pl.scan_ndjson(data, schema=read)
        .select(pl.col("id").alias("row"), ids.alias("feedback_id"))
        .explode("feedback_id")
        .drop_nulls("feedback_id")
        .collect()
    )
