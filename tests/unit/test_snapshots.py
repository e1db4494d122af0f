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
from hypothesis import given
from hypothesis import strategies as st

from tasks import snapshots
from tasks.errors import HomeError, IntegrityError
from tasks.files import sha256_of
from tasks.records import Demonstration, Message, PreferencePair, Snapshot
from tasks.snapshots import (
    KINDS,
    Shard,
    read_demonstrations,
    read_manifest,
    read_preference_pairs,
    read_snapshot,
    shard_count,
    shard_of,
    write_shards,
    write_snapshot,
)

REPOSITORY = Path(__file__).parents[2]


def demonstration(text: str) -> Demonstration:
    return Demonstration(
        id=sha256_of(text),
        question_id="q",
        family="f",
        prompt=(Message(role="user", content="What?"),),
        completion=text,
        source="reference",
    )


def pair(chosen: str, rejected: str) -> PreferencePair:
    return PreferencePair(
        id=sha256_of([chosen, rejected]),
        question_id="q",
        family="f",
        prompt=(Message(role="user", content="What?"),),
        chosen=chosen,
        rejected=rejected,
        source="human:1",
    )


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
    snapshot = write_snapshot(tmp_path, [], [], parents=[], dropped={})
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
    other = write_snapshot(tmp_path, demonstrations, pairs, parents=[], dropped={})
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
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, timeout=60, check=False
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


@pytest.mark.parametrize(
    ("questions", "count"), [(0, 1), (1, 1), (1024, 1), (1025, 32), (2048, 64), (100_000, 2048), (1_000_000, 16384)]
)
def test_a_large_dataset_has_more_shards_by_its_questions_alone(questions: int, count: int) -> None:
    assert shard_count(questions) == count


@given(st.text(), st.integers(0, 20))
def test_a_question_is_in_one_of_the_shards_and_stays_in_it_when_they_are_halved(name: str, bits: int) -> None:
    number = shard_of(name, 1 << bits)
    assert 0 <= number < 1 << bits
    assert shard_of(name, 1 << max(bits - 1, 0)) == (number >> 1 if bits else 0)


MANY = [demonstration(f"answer {n}").model_copy(update={"question_id": f"q{n}", "id": sha256_of(n)}) for n in range(20)]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_QUESTIONS_IN_ONE", 1)
    monkeypatch.setattr(snapshots, "_QUESTIONS_PER_SHARD", 4)


@pytest.mark.usefixtures("small_shards")
def test_a_snapshot_of_many_shards_reads_back_as_one(tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path, MANY, PAIRS, parents=[], dropped={})
    _, files = read_manifest(tmp_path, snapshot.sha256)
    assert [len(files[kind]) for kind in KINDS] == [8, 8, 8]
    assert read_snapshot(tmp_path, snapshot.sha256) == snapshot
    assert (snapshot.demonstrations.rows, snapshot.preference_pairs.rows, snapshot.rated_answers.rows) == (20, 2, 0)
    assert read_demonstrations(tmp_path, snapshot) == sorted(MANY, key=lambda row: row.id)
    assert read_preference_pairs(tmp_path, snapshot) == sorted(PAIRS, key=lambda row: row.id)
    assert write_snapshot(tmp_path, MANY[::-1], PAIRS, parents=[], dropped={}) == snapshot


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "emptied"])
def test_a_damaged_shard_is_named(tmp_path: Path, harm: Callable[[Path], object]) -> None:
    snapshot = write_snapshot(tmp_path, MANY, [], parents=[], dropped={})
    _, files = read_manifest(tmp_path, snapshot.sha256)
    shard = next(file for file in files["demonstrations"] if file.rows)
    harm(tmp_path / snapshot.sha256 / f"{shard.sha256}.jsonl")
    for read in (
        lambda: read_snapshot(tmp_path, snapshot.sha256),
        lambda: read_demonstrations(tmp_path, snapshot),
        lambda: write_snapshot(tmp_path, MANY, [], parents=[], dropped={}),
    ):
        with pytest.raises(IntegrityError, match=rf"{shard.sha256}\.jsonl (is missing|was altered or truncated)"):
            read()


@pytest.mark.usefixtures("small_shards")
def test_shards_that_changed_places_are_another_snapshot(tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path, MANY, [], parents=[], dropped={})
    manifest = tmp_path / snapshot.sha256 / "manifest.json"
    fields = json.loads(manifest.read_text())
    fields["shards"]["demonstrations"].reverse()
    manifest.write_text(json.dumps(fields))
    with pytest.raises(IntegrityError, match="describes another snapshot"):
        read_snapshot(tmp_path, snapshot.sha256)


def test_a_shard_of_an_earlier_snapshot_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path / "one")
    shards = [
        Shard("demonstrations", 0, first.demonstrations, None),
        Shard("preference_pairs", 0, first.preference_pairs, None),
    ]
    earlier = tmp_path / "one" / first.sha256
    again = write_shards(tmp_path / "two", shards, 1, parents=[], dropped={}, earlier=earlier)
    assert again.sha256 == first.sha256
    name = f"{first.demonstrations.sha256}.jsonl"
    assert (earlier / name).samefile(tmp_path / "two" / first.sha256 / name)

    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    copied = write_shards(
        tmp_path / "three", shards, 1, parents=[], dropped={}, earlier=tmp_path / "one" / first.sha256
    )
    assert read_snapshot(tmp_path / "three", copied.sha256).sha256 == first.sha256
