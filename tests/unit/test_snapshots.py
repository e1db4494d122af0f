"""A snapshot is its rows: the same rows are the same folder, and a changed byte never goes unseen."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from example_snapshots import demonstration, pair, write_snapshot
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import HomeError, IntegrityError
from tasks.records import Demonstration, PreferencePair, Snapshot
from tasks.snapshots import (
    read_demonstrations,
    read_preference_pairs,
    read_snapshot,
)

REPOSITORY = Path(__file__).parents[2]
IMPORTABLE = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests")))


DEMONSTRATIONS = [demonstration(text) for text in ("one", "zwei", "三")]
PAIRS = [pair("yes", "no"), pair("ja", "nein")]


def write(folder: Path, parents: tuple[str, ...] = (), dropped: dict[str, int] | None = None) -> Snapshot:
    return write_snapshot(folder, DEMONSTRATIONS, PAIRS, parents=parents, dropped=dropped or {})


def damaged(path: Path, change: Callable[[bytes], bytes]) -> Path:
    path.write_bytes(change(path.read_bytes()))
    return path


def test_a_snapshot_reads_back_sorted_by_id(tmp_path: Path) -> None:
    snapshot = write(tmp_path, parents=("b" * 64, "a" * 64, "b" * 64), dropped={"z": 1, "a": 0})
    assert read_snapshot(tmp_path, snapshot.sha256) == snapshot
    assert snapshot.parents == ("a" * 64, "b" * 64)
    assert snapshot.dropped == {"z": 1, "a": 0}
    assert read_demonstrations(tmp_path, snapshot) == sorted(DEMONSTRATIONS, key=lambda row: row.id)
    assert read_preference_pairs(tmp_path, snapshot) == sorted(PAIRS, key=lambda row: row.id)
    assert [path.name for path in tmp_path.iterdir()] == [snapshot.sha256]


def test_a_snapshot_may_be_empty(tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path, [], [])
    assert read_snapshot(tmp_path, snapshot.sha256) == snapshot
    assert (read_demonstrations(tmp_path, snapshot), read_preference_pairs(tmp_path, snapshot)) == ([], [])


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_the_name(shuffler: random.Random) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        shuffled = shuffler.sample(DEMONSTRATIONS, 3), shuffler.sample(PAIRS, 2)
        again = write_snapshot(Path(other), *shuffled, parents=["a" * 64], dropped={"x": 1})
        assert again.sha256 == write(Path(one)).sha256


@pytest.mark.parametrize(
    ("demonstrations", "pairs"),
    [
        (DEMONSTRATIONS[1:], PAIRS),
        (DEMONSTRATIONS, PAIRS[1:]),
        ([*DEMONSTRATIONS[1:], DEMONSTRATIONS[0].model_copy(update={"family": "g"})], PAIRS),
        (DEMONSTRATIONS, [PAIRS[0], PAIRS[1].model_copy(update={"confidence": 0.5})]),
    ],
)
def test_other_rows_have_another_name(
    tmp_path: Path, demonstrations: list[Demonstration], pairs: list[PreferencePair]
) -> None:
    other = write_snapshot(tmp_path, demonstrations, pairs)
    assert other.sha256 != write(tmp_path).sha256


def test_an_existing_snapshot_is_returned_as_it_was_first_written(tmp_path: Path) -> None:
    first = write(tmp_path, parents=("a" * 64,), dropped={"x": 1})
    manifest = tmp_path / first.sha256 / "manifest.json"
    written = manifest.stat().st_mtime_ns
    assert write(tmp_path, parents=("b" * 64,), dropped={"x": 2}) == first
    assert manifest.stat().st_mtime_ns == written
    assert [path.name for path in tmp_path.iterdir()] == [first.sha256]


@pytest.mark.parametrize("rows", ["demonstrations", "preference_pairs"])
@pytest.mark.parametrize(
    "change",
    [lambda data: data[:-1], lambda data: data[:-1] + b"x", lambda data: b"", lambda data: data + b"\n"],
    ids=["truncated", "altered byte", "emptied", "longer"],
)
def test_a_damaged_file_of_rows_is_named_by_every_reader(
    tmp_path: Path, rows: str, change: Callable[[bytes], bytes]
) -> None:
    snapshot = write(tmp_path)
    path = damaged(tmp_path / snapshot.sha256 / f"{getattr(snapshot, rows).sha256}.jsonl", change)
    read_own = {"demonstrations": read_demonstrations, "preference_pairs": read_preference_pairs}[rows]
    for read in (
        lambda: read_snapshot(tmp_path, snapshot.sha256),
        lambda: read_own(tmp_path, snapshot),
        lambda: write(tmp_path),
    ):
        with pytest.raises(IntegrityError, match=rf"{path.name} was altered or truncated"):
            read()


def test_a_missing_file_of_rows_is_named(tmp_path: Path) -> None:
    snapshot = write(tmp_path)
    path = tmp_path / snapshot.sha256 / f"{snapshot.preference_pairs.sha256}.jsonl"
    path.unlink()
    with pytest.raises(IntegrityError, match=f"{path.name} is missing"):
        read_snapshot(tmp_path, snapshot.sha256)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\xff" + data[1:],
        lambda data: b"[]",
        lambda data: b"3",
        lambda data: b'"text"',
        lambda data: b"{}",
        lambda data: b'{"schema":2}',
        lambda data: data.replace(b'"rows":3', b'"rows":"three"'),
    ],
    ids=["empty", "truncated", "not UTF-8", "list", "number", "text", "no keys", "no fields", "wrong type"],
)
def test_a_manifest_that_cannot_be_read_is_named_with_a_remedy(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    snapshot = write(tmp_path)
    folder = tmp_path / snapshot.sha256
    manifest = damaged(folder / "manifest.json", change)
    with pytest.raises(IntegrityError) as caught:
        read_snapshot(tmp_path, snapshot.sha256)
    assert str(caught.value) == f"{manifest} is not a manifest: delete {folder} and run the round again."


def test_a_missing_manifest_or_snapshot_is_named(tmp_path: Path) -> None:
    snapshot = write(tmp_path)
    manifest = tmp_path / snapshot.sha256 / "manifest.json"
    manifest.unlink()
    for sha256 in (snapshot.sha256, "0" * 64):
        with pytest.raises(IntegrityError, match=f"{sha256}/manifest.json is missing: delete .* and run the round"):
            read_snapshot(tmp_path, sha256)


def test_a_manifest_of_another_snapshot_is_refused(tmp_path: Path) -> None:
    snapshot = write(tmp_path)
    (tmp_path / snapshot.sha256).rename(tmp_path / ("0" * 64))
    with pytest.raises(IntegrityError, match="describes another snapshot"):
        read_snapshot(tmp_path, "0" * 64)


@pytest.mark.parametrize("change", ["row count", "name"])
def test_a_manifest_that_was_altered_where_the_name_comes_from_is_refused(tmp_path: Path, change: str) -> None:
    snapshot = write(tmp_path)
    old, new = {"row count": ('"rows":3', '"rows":4'), "name": (snapshot.sha256, "0" * 64)}[change]
    damaged(tmp_path / snapshot.sha256 / "manifest.json", lambda data: data.replace(old.encode(), new.encode()))
    with pytest.raises(IntegrityError, match="describes another snapshot"):
        read_snapshot(tmp_path, snapshot.sha256)


@pytest.mark.parametrize("more", [{}, {"licence": "CC0"}], ids=["same fields", "a field more"])
def test_another_schema_is_not_taken_for_damage(tmp_path: Path, more: dict[str, str]) -> None:
    snapshot = write(tmp_path)
    manifest = damaged(
        tmp_path / snapshot.sha256 / "manifest.json",
        lambda data: json.dumps({**json.loads(data), "schema": 1, **more}).encode(),
    )
    with pytest.raises(IntegrityError) as caught:
        read_snapshot(tmp_path, snapshot.sha256)
    assert str(caught.value) == f"{manifest} has schema 1, not 2: read it with the version that wrote it."


def test_a_process_killed_half_way_leaves_no_snapshot_and_does_not_stop_the_next(tmp_path: Path) -> None:
    script = f"""
import importlib.util, os, signal
from pathlib import Path
spec = importlib.util.spec_from_file_location("here", {str(Path(__file__))!r})
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
here.write(Path({str(tmp_path)!r}))
"""
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": IMPORTABLE}, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".snapshot.")
    snapshot = write(tmp_path)
    assert read_snapshot(tmp_path, snapshot.sha256) == snapshot


def test_a_snapshot_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HomeError, match="Not a directory"):
        write(tmp_path / "file" / "snapshots")


def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(HomeError, match="No space left to write"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []
