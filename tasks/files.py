"""Content-addressed files: canonical JSON, sha256 names, and writes that are whole or absent.

Everything that a stage hands to the next is a small record naming files by the sha256 of their bytes.
Two machines that write the same rows get the same bytes, hence the same name.
"""

import errno
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from tasks.errors import HomeError, IntegrityError
from tasks.records import FileRef

Row = TypeVar("Row", bound=BaseModel)

_CHUNK_BYTES = 1 << 20


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, text as UTF-8 rather than escapes.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(value: Any) -> str:
    """The sha256 (64 hex digits) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def sha256_of_file(path: Path) -> str:
    """The sha256 (64 hex digits) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_directory(directory: Path, names: Iterable[str] | None = None) -> str:
    """The sha256 over names and contents of a directory's files; `names` restricts it to those files."""
    chosen = (
        sorted(names)
        if names is not None
        else sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    )
    return sha256_of({name: sha256_of_file(directory / name) for name in chosen})


def bytes_on_disk(folder: Path) -> int:
    """The bytes of all files in the folder and below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_atomically(path: Path, data: bytes) -> None:
    """Writes `data` to `path` so that a reader sees the old file or the whole new one, never a part.

    Raises:
        HomeError: when the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        sync(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise HomeError(describe_write_error(path, error)) from error


def describe_write_error(path: Path, error: OSError) -> str:
    """One sentence for a failed write: the path, the cause, the remedy."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space left to write {path}: free some disk, or set RATCHET_HOME to a larger one."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written ({error.strerror}): make its folder writable, or set RATCHET_HOME elsewhere."
    return f"Writing {path} failed ({error.strerror}): check the disk, or set RATCHET_HOME elsewhere."


def sync(path: Path) -> None:
    """Makes the file's bytes, or the folder's list of names, safe on disk before it returns.

    Raises:
        OSError: when the disk is full or fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process holds the lock that this file is, and holds it while the block runs.

    The system releases it when the process dies.

    Raises:
        HomeError: when the file's folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        raise HomeError(describe_write_error(path.parent, error)) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def encode_rows(rows: Iterable[BaseModel | Mapping[str, Any]]) -> tuple[bytes, int]:
    """The JSONL bytes of the rows, one canonical JSON object a line, and how many rows there are."""
    lines = [canonical_json(row) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode("utf-8"), len(lines)


def write_rows(directory: Path, rows: Iterable[BaseModel | Mapping[str, Any]]) -> FileRef:
    """Writes the rows as `<sha256>.jsonl` in the directory and returns its name and row count."""
    data, count = encode_rows(rows)
    sha256 = hashlib.sha256(data).hexdigest()
    path = directory / f"{sha256}.jsonl"
    if not path.exists():
        write_atomically(path, data)
    return FileRef(sha256=sha256, rows=count)


def read_rows(directory: Path, reference: FileRef, row_type: type[Row]) -> list[Row]:
    """The rows of a content-addressed file, verified against its name.

    Raises:
        IntegrityError: when the file is missing or its bytes do not have the sha256 of its name.
    """
    return list(parse_rows(read_verified(directory / f"{reference.sha256}.jsonl", reference.sha256), row_type))


def read_record(path: Path, record_type: type[Row], remedy: str) -> Row | None:
    """The record that a file holds; None where there is no file.

    Args:
        remedy: what to do about a damaged file.

    Raises:
        IntegrityError: when it holds something else.
    """
    try:
        return record_type.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise IntegrityError(f"{path} is damaged: {remedy}.") from error


def read_verified(path: Path, sha256: str) -> bytes:
    """The file's bytes, after checking that they have this sha256.

    Raises:
        IntegrityError: when the file is missing or altered.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} is missing: restore it from a backup, or run the round again.") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise IntegrityError(
            f"{path} was altered or truncated (sha256 {found[:12]}, expected {sha256[:12]}): "
            "restore it from a backup, or delete it and run the round again."
        )
    return data


def parse_rows(data: bytes, row_type: type[Row]) -> Iterator[Row]:
    """The rows of JSONL bytes written by `encode_rows`, one `row_type` a line."""
    # Split on "\n" only: str.splitlines would also cut at U+2028 inside a text.
    for line in data.decode("utf-8").split("\n"):
        if line:
            yield row_type.model_validate_json(line)
