"""Embeddings in LanceDB: what the mapped files find, from the same calls, and only what is new is written."""

import builtins
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_documents import ANIMALS, WordModel, document, make_config

from tasks.config import Config
from tasks.errors import ConfigError, IntegrityError
from tasks.home import Home
from tasks.records import Document
from tasks.retrieval import removal
from tasks.retrieval.dense import MappedFiles, VectorRun
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.lance_store import LanceStore, connect
from tasks.retrieval.opened import Index
from tasks.retrieval.retrieve import retrieve

QUESTIONS = ["Where does the cat sleep?", "What barks at strangers?", "Who swims in the pond?"]


def lance_config(**store: Any) -> Config:
    return make_config(passages=3, bm25=False, store={"kind": "lancedb", **store})


def opened(home: Home, config: Config, documents: list[Document] = ANIMALS) -> Index:
    model = WordModel()
    return open_index(config, home, build_index(config, home, documents, model), model)


def tables(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_ino for path in folder.glob("*.lance")}


def runs_of(rng: np.random.Generator, live_share: float) -> list[VectorRun]:
    runs, first = [], 0
    for name, rows in (("a", 700), ("b", 1), ("c", 299)):
        vectors = rng.standard_normal((rows, 16)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        runs.append(VectorRun(first, vectors, rng.random(rows) < live_share, name))
        first += rows
    return runs


@pytest.mark.parametrize("live_share", [1.0, 0.9, 0.1, 0.0])
def test_every_hit_of_the_exact_search_is_found_with_its_score(
    tmp_path: Path, live_share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    runs = runs_of(rng, live_share)
    queries = rng.standard_normal((7, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    store = connect("vectors", tmp_path, None)
    store.add(runs)
    assert capfd.readouterr().err == f"1000 vectors go into {tmp_path / 'vectors'}\n"

    found = store.nearest(runs, queries, 20)

    expected = MappedFiles().nearest(runs, queries, 20)
    assert [[hit.position for hit in hits] for hits in found] == [[hit.position for hit in hits] for hits in expected]
    for hits, exact in zip(found, expected, strict=True):
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in exact], abs=1e-5)
    # One query is asked in another form than several.
    (alone,) = store.nearest(runs, queries[:1], 20)
    assert [hit.position for hit in alone] == [hit.position for hit in found[0]]
    assert [hit.score for hit in alone] == pytest.approx([hit.score for hit in found[0]], abs=1e-5)
    assert store.nearest(runs, queries[:0], 20) == []
    assert store.nearest([], queries, 20) == [[]] * 7


def test_a_pipeline_finds_the_same_in_either_store(home: Home) -> None:
    files = opened(home, make_config(passages=3, bm25=False))
    lance = opened(home, lance_config())
    assert lance.ref == files.ref
    assert isinstance(lance.store, LanceStore)
    model = WordModel()
    for config in (lance_config(), make_config(passages=3, relevance_weight=0.5)):
        expected = retrieve(config, files, QUESTIONS, model)
        found = retrieve(config, lance, QUESTIONS, model)
        assert [[each.chunk_id for each in some] for some in found] == [
            [each.chunk_id for each in some] for some in expected
        ]


def test_only_new_layers_are_written_and_those_of_no_index_are_dropped(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "KEPT", 1)
    folder = home.root / "indexes" / "lancedb"
    opened(home, lance_config())
    first = tables(folder)
    horse = document("horse.md", "# Horses\n\nThe horse runs over the green meadow.\n")
    opened(home, lance_config(), [*ANIMALS, horse])
    both = tables(folder)
    assert len(both) == 2
    assert first.items() <= both.items()
    index = opened(home, lance_config())
    assert tables(folder) == first
    assert [layer.name for layer in index.layers] == list(first)


def test_a_table_that_is_gone_or_not_whole_is_written_again(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    config = lance_config(uri=str(folder))
    expected = retrieve(config, opened(home, config), QUESTIONS, WordModel())
    (name,) = tables(folder)

    shutil.rmtree(folder / f"{name}.lance")
    assert retrieve(config, opened(home, config), QUESTIONS, WordModel()) == expected

    other = connect(str(folder), tmp_path, None)
    run = VectorRun(0, np.eye(2, 64, dtype=np.float32), np.ones(2, dtype=bool), name)
    other.add([run])  # with another number of rows it takes the place of what is there
    assert retrieve(config, opened(home, config), QUESTIONS, WordModel()) == expected

    index = opened(home, config)
    shutil.rmtree(folder / f"{name}.lance" / "data")
    with pytest.raises(IntegrityError) as caught:
        connect(str(folder), tmp_path, None).nearest(index.vector_runs(), WordModel()(["cat"]), 3)
    assert str(caught.value).startswith(f"The table {name[:12]} in {folder} cannot be searched (")
    assert str(caught.value).endswith("): delete it; it is written again when the index is opened.")


def test_from_a_size_on_not_all_are_compared_and_the_near_ones_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((40, 16))
    vectors = (np.repeat(centres, 50, axis=0) + 0.1 * rng.standard_normal((2000, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    run = VectorRun(0, vectors, np.ones(2000, dtype=bool), "a")
    exact = connect("vectors", tmp_path, None)
    exact.add([run])
    store = connect("vectors", tmp_path, 1000)
    store.add([run])  # the table is there, and lacks the index
    again = connect("vectors", tmp_path, 1000)
    before = tables(tmp_path / "vectors")
    again.add([run])
    assert tables(tmp_path / "vectors") == before

    found = again.nearest([run], vectors[::100], 10)

    for hits, near in zip(found, exact.nearest([run], vectors[::100], 10), strict=True):
        assert len({hit.position for hit in hits} & {hit.position for hit in near}) >= 9


def test_a_relative_folder_starts_at_the_config(home: Home, tmp_path: Path) -> None:
    config = lance_config(uri="vectors").model_copy(update={"root": tmp_path / "domain"})
    opened(home, config)
    assert len(tables(tmp_path / "domain" / "vectors")) == 1
    assert not (home.root / "indexes" / "lancedb").exists()


def test_a_place_that_cannot_be_used_is_named_with_the_remedy(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for uri in (str(tmp_path / "file"), "nowhere://bucket/vectors"):
        with pytest.raises(ConfigError) as caught:
            opened(home, lance_config(uri=uri))
        assert str(caught.value).startswith(f"retrieval.store.uri: '{uri}' cannot be ")
        assert str(caught.value).endswith("): make it reachable and writable, or set the kind to files.")


def test_without_its_package_the_extra_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import_module = builtins.__import__

    def without_lancedb(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "lancedb":
            raise ModuleNotFoundError("No module named 'lancedb'")
        return import_module(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_lancedb)
    with pytest.raises(ConfigError) as caught:
        opened(home, lance_config())
    assert str(caught.value) == (
        "retrieval.store: kind lancedb needs a package that is not installed: pip install 'ratchet-llm[lancedb]', or "
        "set the kind to files."
    )


def test_no_store_is_opened_where_embeddings_are_not_searched(home: Home, tmp_path: Path) -> None:
    config = make_config(dense=False, store={"kind": "lancedb", "uri": str(tmp_path / "vectors")})
    index = open_index(config, home, build_index(config, home, ANIMALS, None), None)
    assert isinstance(index.store, MappedFiles)
    assert not os.path.lexists(tmp_path / "vectors")
