"""Snapshots: immutable datasets named by the sha256 of their content.

The name covers the rows and nothing else: the same rows give the same snapshot on any machine, by
whatever batches they came. The manifest beside them adds where they came from and what was left out.

    <sha256>/manifest.json    the snapshot, its shards and its data card
             data_card.md     the card to read
             <sha256>.jsonl   the shards: rows by kind and by a hash of their question, sorted by id

How many shards there are follows from the rows: one of each kind for a small domain, about one for every 64 questions
of a large one. A row that is added changes the shard that it is in; the others are hard links to those of the
snapshot before.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from tasks.errors import HomeError, IntegrityError
from tasks.files import (
    canonical_json,
    describe_write_error,
    parse_rows,
    read_verified,
    sha256_of,
    sync,
    write_atomically,
)
from tasks.records import Demonstration, FileRef, PreferencePair, RatedAnswer, Snapshot

Kind = Literal["demonstrations", "preference_pairs", "rated_answers"]
DatasetRow = TypeVar("DatasetRow", Demonstration, PreferencePair, RatedAnswer)

SCHEMA = 2
KINDS: tuple[Kind, ...] = ("demonstrations", "preference_pairs", "rated_answers")

_QUESTIONS_IN_ONE = 1024
_QUESTIONS_PER_SHARD = 64
_FILES_SYNCED_ONE_BY_ONE = 64


@dataclass(frozen=True)
class Shard:
    """Some of the rows of a kind.

    Attributes:
        number: its place among the shards of its kind, as `shard_of` counts.
        data: the bytes of its file; None: they are in an earlier snapshot.
    """

    kind: Kind
    number: int
    file: FileRef
    data: bytes | None


def shard_count(questions: int) -> int:
    """How many shards of each kind the rows of that many questions have: a power of two."""
    if questions <= _QUESTIONS_IN_ONE:
        return 1
    return 1 << (questions // _QUESTIONS_PER_SHARD).bit_length()


def question_hash(question_id: str) -> int:
    """64 bits by which questions are put in shards."""
    return int.from_bytes(hashlib.sha256(question_id.encode()).digest()[:8], "big")


def shard_of(question_id: str, count: int) -> int:
    """The number of the shard that holds the rows of a question, among that many."""
    return question_hash(question_id) * count >> 64


def make_shard(kind: Kind, number: int, data: bytes, rows: int) -> Shard:
    """A shard of these bytes."""
    return Shard(kind, number, FileRef(sha256=hashlib.sha256(data).hexdigest(), rows=rows), data)


def write_shards(
    directory: Path,
    shards: Iterable[Shard],
    count: int,
    *,
    parents: Sequence[str],
    dropped: Mapping[str, int],
    earlier: Path | None = None,
    card: Mapping[str, Any] | None = None,
    card_text: str | None = None,
) -> Snapshot:
    """Writes `<directory>/<sha256>/` with the shards and a manifest; the folder appears whole.

    A snapshot that exists already is verified and returned as it is, with the parents it was first built from.

    Args:
        shards: those that hold rows, in any order.
        count: shards of each kind in all.
        earlier: the folder of a snapshot with the files of the shards without data.
        card: what the manifest says of how the rows were made.
        card_text: the same to read, kept as `data_card.md`.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when the existing snapshot was altered.
    """
    temporary: Path | None = None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=directory, prefix=".snapshot."))
        files = _write_files(temporary, shards, count, earlier)
        tables = {kind: _root(files[kind]) for kind in KINDS}
        snapshot = Snapshot(
            sha256=_name(tables),
            **tables,
            parents=tuple(sorted(set(parents))),
            dropped=dict(sorted(dropped.items())),
        )
        listed = {kind: [file.model_dump() for file in files[kind]] for kind in KINDS}
        manifest = {"schema": SCHEMA, **snapshot.model_dump(mode="json"), "shards": listed, "card": dict(card or {})}
        if card_text is not None:
            (temporary / "data_card.md").write_text(card_text, encoding="utf-8")
        _sync_files(temporary)
        write_atomically(temporary / "manifest.json", canonical_json(manifest).encode("utf-8"))
        final = directory / snapshot.sha256
        if final.exists():
            return read_snapshot(directory, snapshot.sha256)
        temporary.rename(final)
        return snapshot
    except OSError as error:
        raise HomeError(describe_write_error(directory, error)) from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary)


def _write_files(folder: Path, shards: Iterable[Shard], count: int, earlier: Path | None) -> dict[Kind, list[FileRef]]:
    """Puts the shards' files in the folder, not yet safe on disk; returns them by kind, in order."""
    nothing = make_shard("demonstrations", 0, b"", 0)
    files: dict[Kind, list[FileRef]] = {kind: [nothing.file] * count for kind in KINDS}
    there = set()
    for shard in shards:
        name = f"{shard.file.sha256}.jsonl"
        if name not in there:
            if shard.data is not None:
                (folder / name).write_bytes(shard.data)
            elif earlier is not None:
                _link(f"{earlier}/{name}", f"{folder}/{name}")
            there.add(name)
        files[shard.kind][shard.number] = shard.file
    if any(nothing.file in files[kind] for kind in KINDS):
        (folder / f"{nothing.file.sha256}.jsonl").write_bytes(b"")
    return files


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or with too many of this file
        shutil.copyfile(source, target)


def _sync_files(folder: Path) -> None:
    """Makes the folder's files safe on disk: at once where they are many, for one by one each takes milliseconds."""
    files = list(folder.iterdir())
    if len(files) > _FILES_SYNCED_ONE_BY_ONE:
        os.sync()
        return
    for path in files:
        sync(path)


def read_snapshot(directory: Path, sha256: str) -> Snapshot:
    """The snapshot of this name, after verifying every byte of its rows.

    Raises:
        IntegrityError: when a file is missing or altered.
    """
    snapshot, files = read_manifest(directory, sha256)
    for file in {file.sha256 for kind in KINDS for file in files[kind]}:
        read_verified(directory / sha256 / f"{file}.jsonl", file)
    return snapshot


def read_manifest(directory: Path, sha256: str) -> tuple[Snapshot, dict[Kind, list[FileRef]]]:
    """The snapshot of this name and its shards by kind, as the manifest has them; the rows are not looked at.

    Raises:
        IntegrityError: when the manifest is missing or altered.
    """
    folder = directory / sha256
    manifest = folder / "manifest.json"
    try:
        text = manifest.read_bytes()
    except FileNotFoundError as error:
        raise IntegrityError(f"{manifest} is missing: delete {folder} and run the round again.") from error
    try:
        fields = json.loads(text)
        schema = fields.pop("schema")
        # First: another schema may have other fields, and then deleting it would be the wrong advice.
        if schema != SCHEMA:
            raise IntegrityError(
                f"{manifest} has schema {schema}, not {SCHEMA}: read it with the version that wrote it."
            )
        files = _files_of(fields.pop("shards"))
        fields.pop("card")
        snapshot = Snapshot.model_validate(fields)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise IntegrityError(f"{manifest} is not a manifest: delete {folder} and run the round again.") from error
    tables = {kind: getattr(snapshot, kind) for kind in KINDS}
    if snapshot.sha256 != sha256 or _name(tables) != sha256 or tables != {kind: _root(files[kind]) for kind in KINDS}:
        raise IntegrityError(f"{manifest} describes another snapshot: delete {folder} and run the round again.")
    return snapshot, files


def read_demonstrations(directory: Path, snapshot: Snapshot) -> list[Demonstration]:
    """The snapshot's SFT rows, verified, sorted by id."""
    return _read_rows(directory, snapshot, "demonstrations", Demonstration)


def read_preference_pairs(directory: Path, snapshot: Snapshot) -> list[PreferencePair]:
    """The snapshot's DPO rows, verified, sorted by id."""
    return _read_rows(directory, snapshot, "preference_pairs", PreferencePair)


def read_rated_answers(directory: Path, snapshot: Snapshot) -> list[RatedAnswer]:
    """The snapshot's KTO rows, verified, sorted by id."""
    return _read_rows(directory, snapshot, "rated_answers", RatedAnswer)


def read_sources(directory: Path, snapshot: Snapshot) -> dict[Kind, list[str]]:
    """The `source` of every row, by kind, verified; the rows themselves are not parsed, however many they are."""
    import polars as pl

    _, files = read_manifest(directory, snapshot.sha256)
    folder = directory / snapshot.sha256
    sources: dict[Kind, list[str]] = {}
    for kind in KINDS:
        data = b"".join(read_verified(folder / f"{file.sha256}.jsonl", file.sha256) for file in files[kind])
        # Bytes, not a path: in that, polars would take `*` and `[` for a pattern.
        read = pl.scan_ndjson(data, schema={"source": pl.String}).collect()["source"].to_list() if data else []
        sources[kind] = read
    return sources


def _read_rows(directory: Path, snapshot: Snapshot, kind: Kind, row_type: type[DatasetRow]) -> list[DatasetRow]:
    _, files = read_manifest(directory, snapshot.sha256)
    folder = directory / snapshot.sha256
    parts = (read_verified(folder / f"{file.sha256}.jsonl", file.sha256) for file in files[kind])
    return sorted((row for part in parts for row in parse_rows(part, row_type)), key=lambda row: row.id)


def _files_of(listed: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[Kind, list[FileRef]]:
    return {kind: [FileRef.model_validate(file) for file in listed[kind]] for kind in KINDS}


def _root(files: Sequence[FileRef]) -> FileRef:
    """What stands for all shards of a kind: the only one, or a hash over several, as in a tree of hashes."""
    if len(files) == 1:
        return files[0]
    return FileRef(sha256=sha256_of([file.sha256 for file in files]), rows=sum(file.rows for file in files))


def _name(tables: Mapping[Kind, FileRef]) -> str:
    return sha256_of({"schema": SCHEMA, **{kind: tables[kind].model_dump() for kind in KINDS}})
