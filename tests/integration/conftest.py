"""A home where MLflow has been set up already, which takes seconds; the tiny model; a disk that is soon full."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef


@pytest.fixture
def home(ratchet_home: Path, empty_database: Path) -> Home:
    """With an empty MLflow database."""
    ratchet_home.mkdir()
    shutil.copyfile(empty_database, ratchet_home / "mlflow.db")
    return Home(ratchet_home)


@pytest.fixture
def base(tiny_model: Path) -> BaseModelRef:
    return BaseModelRef(id="tiny", path=str(tiny_model), sha256="a" * 64)


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    return Hardware("cpu", "float32", 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many KiB, or makes it that large when it is there."""
    mounted = tmp_path / "disk"
    mounted.mkdir()

    def mount(size_kib: int) -> Path:
        options = f"size={size_kib}k" + (",remount" if mounted.is_mount() else "")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(mounted)], check=False)
        if done.returncode != 0:
            pytest.skip("mounting a small disk needs root")
        return mounted

    yield mount
    if mounted.is_mount():
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)  # torch still holds the file it failed on
