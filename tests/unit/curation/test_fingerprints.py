"""A file that somebody has written to is told from one that nobody has, without reading either."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.curation.incremental import fingerprints
from tasks.curation.incremental.fingerprints import fingerprint, is_untouched, settled_fingerprint


def same_size(path: Path) -> None:
    """Other bytes, as many of them, and the time of change set back."""
    seen = path.stat()
    path.write_bytes(b"other")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def replaced(path: Path) -> None:
    """The same bytes in another file."""
    shutil.copy2(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(b"bytes")
    return paths


def test_files_that_nobody_writes_to_stay_as_they_are(files: list[Path]) -> None:
    seen = settled_fingerprint(files)
    for path in files:
        path.read_bytes()
    assert is_untouched(reversed(files), seen)


@pytest.mark.parametrize(
    "touch",
    [same_size, replaced, Path.unlink, Path.touch, lambda path: path.write_bytes(b"")],
    ids=["as many other bytes", "an equal file in its place", "deleted", "only its time", "cut off"],
)
def test_whatever_is_done_to_a_file_is_seen_at_once(files: list[Path], touch: Callable[[Path], object]) -> None:
    seen = settled_fingerprint(files)
    touch(files[1])
    assert not is_untouched(files, seen)


def test_fewer_and_other_files_are_not_the_same(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"bytes")
    found = {fingerprint(files), fingerprint(files[:1]), fingerprint([]), fingerprint([*files, tmp_path / "c"])}
    assert len(found) == 4


def test_nothing_is_untouched_where_the_system_does_not_say_when_it_was_started(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = settled_fingerprint(files)
    monkeypatch.setattr(fingerprints, "_BOOT", tmp_path / "missing")
    assert fingerprint(files) == ""
    assert not is_untouched(files, "")
    assert not is_untouched(files, seen)


def test_nothing_is_untouched_after_the_system_was_started_anew(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = settled_fingerprint(files)
    (tmp_path / "boot_id").write_text("another\n")
    monkeypatch.setattr(fingerprints, "_BOOT", tmp_path / "boot_id")
    assert not is_untouched(files, seen)
