import errno
import shutil
from pathlib import Path

import pytest

from tasks.errors import HomeError
from tasks.files import sha256_of_directory
from tasks.home import Home
from tasks.training.adapters import ADAPTER_FILES, keep_adapter


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder


def test_a_kept_adapter_is_named_by_its_content(home: Home, adapter: Path) -> None:
    sha256 = keep_adapter(home, adapter)
    assert [path.name for path in home.adapters.iterdir()] == [sha256]
    assert sha256_of_directory(home.adapters / sha256) == sha256


def test_keeping_it_again_changes_nothing(home: Home, adapter: Path, tmp_path: Path) -> None:
    sha256 = keep_adapter(home, adapter)
    before = {path: path.stat().st_mtime_ns for path in home.adapters.rglob("*")}
    shutil.copytree(adapter, tmp_path / "copy")
    assert keep_adapter(home, tmp_path / "copy") == keep_adapter(home, adapter) == sha256
    assert keep_adapter(home, home.adapters / sha256) == sha256
    assert {path: path.stat().st_mtime_ns for path in home.adapters.rglob("*")} == before


@pytest.mark.parametrize("name", ADAPTER_FILES)
def test_another_content_is_another_adapter(name: str, home: Home, adapter: Path) -> None:
    first = keep_adapter(home, adapter)
    (adapter / name).write_bytes(b"other")
    second = keep_adapter(home, adapter)
    assert first != second
    assert {path.name for path in home.adapters.iterdir()} == {first, second}


def test_other_files_beside_the_adapter_are_neither_kept_nor_hashed(home: Home, adapter: Path) -> None:
    first = keep_adapter(home, adapter)
    (adapter / "README.md").write_text("notes", encoding="utf-8")
    assert keep_adapter(home, adapter) == first
    assert sorted(path.name for path in (home.adapters / first).iterdir()) == sorted(ADAPTER_FILES)


def test_a_full_disk_leaves_nothing_behind(home: Home, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", fail)
        with pytest.raises(HomeError) as error:
            keep_adapter(home, adapter)
    target = home.adapters / sha256_of_directory(adapter)
    assert str(error.value) == (
        f"No space left to write {target}: free some disk, or set RATCHET_HOME to a larger one."
    )
    assert list(home.adapters.iterdir()) == []
    assert keep_adapter(home, adapter) == target.name
