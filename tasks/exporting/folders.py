"""An export's folder: one subfolder a form, each there whole or not at all, and each with its export.json.

    DIR/merged/   export.json, model.safetensors, ...
    DIR/adapter/  export.json, adapter_model.safetensors, ...
    DIR/gguf/     export.json, NAME.gguf, Modelfile

A form is written into a hidden folder beside these, checked there, made safe on disk, and renamed. What a killed
process left of it is removed by the next.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tasks.errors import ExportError, IntegrityError
from tasks.files import read_record, sha256_of_file, sync
from tasks.models.saving import saving_weights
from tasks.records import ExportManifest
from tasks.settings.evaluation import Form

MANIFEST = "export.json"
_UNFINISHED = ".export."


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps other exports out of the folder while the block runs; unfinished work that lies in it is removed.

    Raises:
        ExportError: when another process is exporting into it, or it is no folder.
        HomeError: when it cannot be created or written.
    """
    with writing(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ExportError(f"{folder} is a file: name a folder to export into.") from error
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportError(f"Another process is exporting into {folder}: wait for it, or name another.") from error
        with writing(folder):
            for left in folder.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """An empty folder in which a form is made; gone after the block unless it was published."""
    with writing(folder):
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=_UNFINISHED))
        temporary.chmod(0o755)  # consumers may be other users
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish(temporary: Path, target: Path, manifest: ExportManifest) -> None:
    """Gives the finished form its name, after its files and its export.json are safe on disk."""
    with writing(target.parent):
        (temporary / MANIFEST).write_text(f"{manifest.model_dump_json(indent=2)}\n", encoding="utf-8")
        for path in [*temporary.rglob("*"), temporary]:
            if path.is_file():
                path.chmod(0o644)  # safetensors keeps its files from other users, and these are for consumers
            sync(path)
        temporary.rename(target)
        sync(target.parent)


def hash_files(folder: Path) -> dict[str, str]:
    """The sha256 of every file in the folder and below but export.json, by its path in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in paths}


def find_export(target: Path, key: str) -> ExportManifest | None:
    """The form that lies there whole; None where nothing does.

    Raises:
        ExportError: when something else lies there.
        IntegrityError: when it is this export, but a file of it is missing, altered or new.
    """
    if not target.exists():
        return None
    manifest = None if target.is_file() else read_record(target / MANIFEST, ExportManifest, "export again elsewhere")
    if manifest is None or manifest.key != key:
        found = "no export" if manifest is None else f"another export (version {manifest.version}, {manifest.numbers})"
        raise ExportError(f"{target} exists already and is {found}: name another folder, or delete it.")
    present = hash_files(target)
    if different := sorted(dict(present.items() ^ manifest.files.items())):
        raise IntegrityError(
            f"{target} was altered after it was exported ({', '.join(different[:3])}): delete it, and export again."
        )
    return manifest


def refuse_strangers(folder: Path, forms: tuple[Form, ...]) -> None:
    """Returns when the folder is absent or holds nothing but forms.

    Raises:
        ExportError: when something else lies in it.
    """
    listed = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if others := [name for name in listed if name not in forms and not name.startswith(_UNFINISHED)]:
        raise ExportError(f"{folder} is not empty ({', '.join(others[:3])}): name a new folder to export into.")


def require_space(folder: Path, needed_bytes: int) -> None:
    """Returns when the disk has that much room.

    Raises:
        ExportError: when it has not, naming both figures.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise ExportError(
            f"{folder} has {_megabytes(free)} MB free and the export needs about {_megabytes(needed_bytes)} MB: free "
            "some disk, name a folder on another, or export fewer forms."
        )


def writing(folder: Path) -> AbstractContextManager[None]:
    """Turns a failed write into a HomeError that names the folder."""
    return saving_weights(folder, _describe_write_error)


def _describe_write_error(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space left in {folder}: free some disk, or name another folder."
    remedy = "free some disk or mend its permissions, or name another folder"
    return f"Writing into {folder} failed ({error.strerror}): {remedy}."


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"
