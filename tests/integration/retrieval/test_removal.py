"""Indexes and layers that nobody needs any longer are deleted, and no others."""

import json
import os
from pathlib import Path

import pytest
from example_documents import ANIMALS, WordModel, document, make_config

from tasks.home import Home
from tasks.records import IndexRef
from tasks.retrieval import removal
from tasks.retrieval.index import build_index, open_index

CONFIG = make_config()


def build(home: Home, *names: str, **settings: object) -> IndexRef:
    added = [document(f"{name}.txt", f"All about {name}.") for name in names]
    config = make_config(**settings)
    return build_index(config, home, [*ANIMALS, *added], WordModel() if config.retrieval.dense else None)


def indexes(home: Home) -> set[str]:
    return {path.parent.name for path in (home.root / "indexes").glob("*/manifest.json")}


def layers(home: Home) -> set[Path]:
    return {path.parent for path in (home.root / "indexes" / "layers").glob("*/*/manifest.json")}


@pytest.fixture(autouse=True)
def keep_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "KEPT", 2)


def test_the_newest_stay_and_the_last_one_built_is_the_newest(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = build(home, "one"), build(home, "two")
    assert build(home, "one") == first
    capsys.readouterr()
    third = build(home, "three")
    assert indexes(home) == {first.sha256, third.sha256}
    assert "index: 1 old indexes that nothing names were deleted" in capsys.readouterr().err
    assert not (home.root / "indexes" / second.sha256).exists()
    open_index(CONFIG, home, first, WordModel())


@pytest.mark.parametrize("record", ["rounds/d/0001/train.json", "benchmarks/d/ab/retrieved.json", "adapters/ab/a.json"])
def test_what_a_record_names_stays(home: Home, record: str) -> None:
    first = build(home, "one")
    path = home.root / record
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"index": first.model_dump()}))
    for name in ("two", "three", "four"):
        last = build(home, name)
    assert first.sha256 in indexes(home)
    assert len(indexes(home)) == 3
    open_index(CONFIG, home, first, WordModel())
    open_index(CONFIG, home, last, WordModel())


def test_layers_of_no_index_go_whatever_made_them(home: Home) -> None:
    build(home, dense=False)
    assert len(layers(home)) == 1
    (old,) = layers(home)
    build(home, "one")
    assert old in layers(home)
    build(home, "two")
    assert old not in layers(home)


def test_no_layer_goes_while_an_index_cannot_be_read(home: Home) -> None:
    ref = build(home, dense=False)
    (old,) = layers(home)
    manifest = home.root / "indexes" / ref.sha256 / "manifest.json"
    manifest.write_text("{")
    os.utime(manifest, (2**33, 2**33))  # the newest, so that it stays
    build(home, "one")
    build(home, "two")
    build(home, "three")
    assert old in layers(home)
