"""Folders of files that are named by their content: written whole or not at all, and checked when they are read.

    <sha256>/manifest.json    everything the folder is about, and the sha256 of each of its files
             ...

The name is the hash of the manifest.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from tasks.errors import HomeError, IntegrityError
from tasks.files import canonical_json, describe_write_error, sha256_of, sha256_of_file, sync
from tasks.records import Record, Sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANIFEST = "manifest.json"


class Manifest(Record):
    """What every manifest names."""

    files: Mapping[str, Sha256]


ManifestType = TypeVar("ManifestType", bound=Manifest)


def write_folder(parent: Path, fill: Callable[[Path], None], describe: Callable[[Mapping[str, str]], Manifest]) -> str:
    """Has `fill` write files into a new folder below `parent`, and returns the name it gets by their content.

    A folder of that name that is there is left alone, unless it is damaged.

    Args:
        fill: is given the folder to write into.
        describe: from the files' hashes to the manifest.

    Raises:
        HomeError: when the disk is full or not writable; nothing is left behind.
    """
    temporary = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=parent, prefix=".", suffix=".tmp"))
        fill(temporary)
        manifest = describe({path.name: sha256_of_file(path) for path in sorted(temporary.iterdir())})
        (temporary / MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")
        for path in (*temporary.iterdir(), temporary):
            sync(path)
        target = parent / sha256_of(manifest)
        # Others may be reading the one that is there.
        if not _is_intact(target, type(manifest)):
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
            sync(parent)
    except OSError as error:
        raise HomeError(describe_write_error(parent, error)) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return target.name


def read_manifest(folder: Path, manifest_type: type[ManifestType], remedy: str) -> ManifestType:
    """The folder's manifest, after every file of the folder has been found to be as it says.

    Args:
        remedy: what to do about a damaged folder; ends the error's sentence.

    Raises:
        IntegrityError: when the folder or a file of it is missing or altered.
    """
    try:
        manifest = manifest_type.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise IntegrityError(f"{folder / MANIFEST} is missing: {remedy}.") from error
    except ValidationError as error:
        raise IntegrityError(f"{folder / MANIFEST} was altered or truncated: {remedy}.") from error
    if sha256_of(manifest) != folder.name:
        raise IntegrityError(f"{folder / MANIFEST} was altered: {remedy}.")
    for name, sha256 in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise IntegrityError(f"{path} is missing: {remedy}.")
        if sha256_of_file(path) != sha256:
            raise IntegrityError(f"{path} was altered or truncated: {remedy}.")
    return manifest


def _is_intact(folder: Path, manifest_type: type[Manifest]) -> bool:
    try:
        read_manifest(folder, manifest_type, "")
    except IntegrityError:
        return False
    return True


def map_array(path: Path) -> "NDArray[Any]":
    """The array of a .npy file, mapped into memory."""
    import numpy as np

    # A plain view of it: slices of a memmap cost a microsecond each.
    array: NDArray[Any] = np.load(path, mmap_mode="r").view(np.ndarray)
    return array


def remove_leftovers(parent: Path) -> None:
    """Deletes what killed processes have left half-written; only for the one who holds the lock."""
    for path in parent.glob(".*.tmp"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
