"""A large snapshot is kept in shards by question, and they are read, checked and named as one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from example_snapshots import demonstration, pair, write_snapshot
from hypothesis import given
from hypothesis import strategies as st

from tasks import snapshots
from tasks.errors import IntegrityError
from tasks.files import sha256_of
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
)

PAIRS = [pair("yes", "no"), pair("ja", "nein")]


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
    snapshot = write_snapshot(tmp_path, MANY, PAIRS)
    _, files = read_manifest(tmp_path, snapshot.sha256)
    assert [len(files[kind]) for kind in KINDS] == [8, 8, 8]
    assert read_snapshot(tmp_path, snapshot.sha256) == snapshot
    assert (snapshot.demonstrations.rows, snapshot.preference_pairs.rows, snapshot.rated_answers.rows) == (20, 2, 0)
    assert read_demonstrations(tmp_path, snapshot) == sorted(MANY, key=lambda row: row.id)
    assert read_preference_pairs(tmp_path, snapshot) == sorted(PAIRS, key=lambda row: row.id)
    assert write_snapshot(tmp_path, MANY[::-1], PAIRS) == snapshot


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "emptied"])
def test_a_damaged_shard_is_named(tmp_path: Path, harm: Callable[[Path], object]) -> None:
    snapshot = write_snapshot(tmp_path, MANY, [])
    _, files = read_manifest(tmp_path, snapshot.sha256)
    shard = next(file for file in files["demonstrations"] if file.rows)
    harm(tmp_path / snapshot.sha256 / f"{shard.sha256}.jsonl")
    for read in (
        lambda: read_snapshot(tmp_path, snapshot.sha256),
        lambda: read_demonstrations(tmp_path, snapshot),
        lambda: write_snapshot(tmp_path, MANY, []),
    ):
        with pytest.raises(IntegrityError, match=rf"{shard.sha256}\.jsonl (is missing|was altered or truncated)"):
            read()


@pytest.mark.usefixtures("small_shards")
def test_shards_that_changed_places_are_another_snapshot(tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path, MANY, [])
    manifest = tmp_path / snapshot.sha256 / "manifest.json"
    fields = json.loads(manifest.read_text())
    fields["shards"]["demonstrations"].reverse()
    manifest.write_text(json.dumps(fields))
    with pytest.raises(IntegrityError, match="describes another snapshot"):
        read_snapshot(tmp_path, snapshot.sha256)


def test_a_shard_of_an_earlier_snapshot_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_snapshot(tmp_path / "one", MANY[:3], PAIRS)
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
