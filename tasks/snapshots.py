"""Snapshots: immutable datasets named by the sha256 of their content.

The name covers the rows and nothing else: the same rows give the same snapshot on any machine, by
whatever batches they came. The manifest beside them adds where they came from and what was left out.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tasks.errors import HomeError, IntegrityError
from tasks.files import (
    canonical_json,
    describe_write_error,
    parse_rows,
    read_verified,
    sha256_of,
    write_atomically,
    write_rows,
)
from tasks.records import Demonstration, FileRef, PreferencePair, RatedAnswer, Snapshot

DatasetRow = TypeVar("DatasetRow", Demonstration, PreferencePair, RatedAnswer)

SCHEMA = 2


def write_snapshot(
    directory: Path,
    demonstrations: Sequence[Demonstration],
    preference_pairs: Sequence[PreferencePair],
    rated_answers: Sequence[RatedAnswer] = (),
    *,
    parents: Sequence[str],
    dropped: Mapping[str, int],
) -> Snapshot:
    """Writes `<directory>/<sha256>/` with the rows sorted by id and a manifest; the folder appears whole.

    A snapshot that exists already is verified and returned as it is, with the parents it was first built from.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when the existing snapshot was altered.
    """
    temporary: Path | None = None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=directory, prefix=".snapshot."))
        rows = write_rows(temporary, _sorted_by_id(demonstrations))
        pairs = write_rows(temporary, _sorted_by_id(preference_pairs))
        rated = write_rows(temporary, _sorted_by_id(rated_answers))
        snapshot = Snapshot(
            sha256=_name(rows, pairs, rated),
            demonstrations=rows,
            preference_pairs=pairs,
            rated_answers=rated,
            parents=tuple(sorted(set(parents))),
            dropped=dict(sorted(dropped.items())),
        )
        manifest = {"schema": SCHEMA, **snapshot.model_dump(mode="json")}
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


def read_snapshot(directory: Path, sha256: str) -> Snapshot:
    """The snapshot of this name, after verifying every byte of it.

    Raises:
        IntegrityError: when a file is missing or altered.
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
        snapshot = Snapshot.model_validate(fields)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise IntegrityError(f"{manifest} is not a manifest: delete {folder} and run the round again.") from error
    if (
        snapshot.sha256 != sha256
        or _name(snapshot.demonstrations, snapshot.preference_pairs, snapshot.rated_answers) != sha256
    ):
        raise IntegrityError(f"{manifest} describes another snapshot: delete {folder} and run the round again.")
    for reference in (snapshot.demonstrations, snapshot.preference_pairs, snapshot.rated_answers):
        read_verified(folder / f"{reference.sha256}.jsonl", reference.sha256)
    return snapshot


def read_demonstrations(directory: Path, snapshot: Snapshot) -> list[Demonstration]:
    """The snapshot's SFT rows, verified, sorted by id."""
    path = directory / snapshot.sha256 / f"{snapshot.demonstrations.sha256}.jsonl"
    return list(parse_rows(read_verified(path, snapshot.demonstrations.sha256), Demonstration))


def read_preference_pairs(directory: Path, snapshot: Snapshot) -> list[PreferencePair]:
    """The snapshot's DPO rows, verified, sorted by id."""
    path = directory / snapshot.sha256 / f"{snapshot.preference_pairs.sha256}.jsonl"
    return list(parse_rows(read_verified(path, snapshot.preference_pairs.sha256), PreferencePair))


def read_rated_answers(directory: Path, snapshot: Snapshot) -> list[RatedAnswer]:
    """The snapshot's KTO rows, verified, sorted by id."""
    path = directory / snapshot.sha256 / f"{snapshot.rated_answers.sha256}.jsonl"
    return list(parse_rows(read_verified(path, snapshot.rated_answers.sha256), RatedAnswer))


def _sorted_by_id(rows: Sequence[DatasetRow]) -> list[DatasetRow]:
    return sorted(rows, key=lambda row: row.id)


def _name(demonstrations: FileRef, preference_pairs: FileRef, rated_answers: FileRef) -> str:
    return sha256_of(
        {
            "schema": SCHEMA,
            "demonstrations": demonstrations.model_dump(),
            "preference_pairs": preference_pairs.model_dump(),
            "rated_answers": rated_answers.model_dump(),
        }
    )
