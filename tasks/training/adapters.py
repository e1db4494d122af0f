"""Adapters at rest: one folder each below the home, named by the sha256 of what is in it."""

import shutil
import tempfile
from pathlib import Path

from tasks.errors import HomeError
from tasks.files import describe_write_error, sha256_of_directory
from tasks.home import Home

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


def keep_adapter(home: Home, folder: Path) -> str:
    """Copies the adapter into `home.adapters/<sha256>` and returns the sha256; the copy appears whole.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    sha256 = sha256_of_directory(folder, ADAPTER_FILES)
    target = home.adapters / sha256
    if target.exists():
        return sha256
    temporary: Path | None = None
    try:
        home.adapters.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=home.adapters, prefix=".adapter."))
        for name in ADAPTER_FILES:
            shutil.copyfile(folder / name, temporary / name)
        temporary.rename(target)
    except OSError as error:
        raise HomeError(describe_write_error(target, error)) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return sha256
