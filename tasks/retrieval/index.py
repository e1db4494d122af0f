"""The index of a domain's documents: which layers it is made of, which of their texts count, and BM25 over those.

    indexes/<sha256>/   manifest.json    the layers, the settings, the hash of each file
                        documents.jsonl  every document by name: where its text is, and of which other it is the text
                        bm25_*.npy, vocabulary.json
                        graph_*.npy, entities.json    when `retrieval.graph` is set: see graph/graph.py
            layers/     see layers.py

An index is never changed. The next one shares its layers: a document that is added or changed comes in a new layer,
with what else is in small layers once there are many; one that is removed costs nothing. BM25's scores depend on all
documents and are computed anew from the layers' counts.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import ConfigError, IntegrityError
from tasks.files import canonical_json, encode_rows, one_at_a_time, parse_rows
from tasks.home import Home
from tasks.progress import say
from tasks.records import Document, IndexRef
from tasks.retrieval import bm25
from tasks.retrieval.dense import MappedFiles
from tasks.retrieval.filtering import restrict
from tasks.retrieval.folders import MANIFEST, read_manifest, remove_leftovers, write_folder
from tasks.retrieval.graph.building import graph_of_layers, graph_origin
from tasks.retrieval.graph.graph import read_graph, write_graph
from tasks.retrieval.hypothetical import WriteQuestions, questions_origin, write_questions
from tasks.retrieval.index_manifest import REMEDY, IndexManifest, check_model, check_settings
from tasks.retrieval.layers import Layer, hash_of_text, open_layer, settings_name, write_layer
from tasks.retrieval.layers_in_use import choose_layers, live_rows
from tasks.retrieval.opened import Index, IndexedDocument, named_texts
from tasks.retrieval.removal import remove_old_indexes, remove_unused_layers
from tasks.retrieval.stores import open_store
from tasks.retrieval.unchanged import DOCUMENTS, find_unchanged
from tasks.retrieval.vectors import Embed, probe, read_kept, same_model, write_vectors
from tasks.settings.retrieval import ChunkSettings
from tasks.writing.writer import Write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EMBEDDED = "embedded"


def indexes_folder(home: Home) -> Path:
    """Where all indexes are."""
    return home.root / "indexes"


def layers_folder(
    home: Home, chunking: ChunkSettings, embedding_model: str | None, questions_by: str | None = None
) -> Path:
    """Where the layers are that this chunker, this embedding model and this writer make."""
    return indexes_folder(home) / "layers" / settings_name(chunking, embedding_model, questions_by)


def build_index(
    config: Config, home: Home, documents: Sequence[Document], embed: Embed | None, write: Write | None = None
) -> IndexRef:
    """The index of the documents; only what no earlier build with these settings has seen is cut, written about and
    embedded. What could not be written about is tried again.

    Documents with the same text are indexed once, under the name that comes first. Waits for other processes that
    build; a killed build harms nothing, and what it had embedded is used by the next one.

    Args:
        embed: of `model.embeddings`; None when `retrieval.dense` is off.
        write: of the config's writer; None when there are no hypothetical questions.

    Raises:
        ConfigError: when `retrieval.dense` is on and there is no `embed`, or hypothetical questions and no `write`.
        ModelError: when the model gives no vectors.
        HomeError: when the disk is full or not writable.
    """
    if config.retrieval.dense and embed is None:
        raise ConfigError("retrieval.dense: it needs an embedding model, and none was given; switch it off.")
    number = config.retrieval.chunks.hypothetical_questions
    if number and write is None:
        raise ConfigError(
            "retrieval.chunks.hypothetical_questions: an LLM writes them, and no writer was given; set it to 0."
        )
    graph = config.retrieval.graph
    if graph is not None and graph.extractor == "writer" and write is None:
        raise ConfigError("retrieval.graph.extractor: an LLM extracts, and no writer was given; set it to statistical.")
    model = probe(embed) if embed is not None and config.retrieval.dense else None
    ask = partial(write_questions, number, write) if number and write is not None else None
    origin = questions_origin(config, home)
    table = _with_duplicates(documents)
    # By the text's hash; of several the first.
    texts = {row.sha256: document for row, document in zip(table, documents, strict=True) if row.duplicate_of is None}
    folder = layers_folder(home, config.retrieval.chunks, _embedding_model(config), origin)
    with one_at_a_time(indexes_folder(home) / "lock"):
        remove_leftovers(indexes_folder(home))
        remove_leftovers(folder)
        layers = _intact_layers(folder, model)
        chosen = choose_layers([layer for layer in layers if not layer.unwritten], texts.keys())
        covered = {document.sha256 for layer in chosen for document in layer.documents}
        if missing := {sha256: document for sha256, document in texts.items() if sha256 not in covered}:
            chosen.append(_add_layer(config, folder, missing, layers, embed, model, origin, ask))
        ref = _write_index(config, home, table, chosen, origin, write)
        # What was built last is the newest, whether it was there or not.
        os.utime(indexes_folder(home) / ref.sha256 / MANIFEST)
        _remove_what_is_old(config, home)
    return ref


def open_index(config: Config, home: Home, ref: IndexRef, embed: Embed | None) -> Index:
    """The index, after every byte of it was checked.

    Args:
        embed: of `model.embeddings`; None: embeddings will not be searched.

    Raises:
        IntegrityError: when a file of it is missing or altered.
        ConfigError: when it was built by another chunker, embedding model or writer than the config's.
    """
    import numpy as np

    folder = indexes_folder(home) / ref.sha256
    manifest = read_manifest(folder, IndexManifest, REMEDY)
    check_settings(config, home, manifest)
    parent = layers_folder(home, manifest.chunking, manifest.embedding_model, manifest.questions_by)
    layers = tuple(open_layer(parent / name, REMEDY) for name in manifest.layers)
    if embed is not None and config.retrieval.dense:
        check_model(config, layers, probe(embed))
    table = tuple(parse_rows((folder / DOCUMENTS).read_bytes(), IndexedDocument))
    sizes = [len(layer.chunks) for layer in layers]
    names, duplicates = named_texts(table)
    index = Index(
        ref=ref,
        names=names,
        duplicates=duplicates,
        documents=table,
        layers=layers,
        firsts=np.cumsum([0, *sizes])[:-1],
        live=tuple(live_rows(layers, names.keys())),
        graph=read_graph(folder, sum(sizes)) if manifest.graph is not None else None,
        term_scores=bm25.read_scores(folder, json.loads((folder / "vocabulary.json").read_bytes()), sum(sizes)),
        store=open_store(config, home) if embed is not None else MappedFiles(),
    )
    if embed is not None and config.retrieval.dense:
        index.store.add(index.vector_runs())
    return restrict(index, config.retrieval.where)


def _embedding_model(config: Config) -> str | None:
    return config.model.embeddings if config.retrieval.dense else None


def _with_duplicates(documents: Iterable[Document]) -> list[IndexedDocument]:
    firsts: dict[str, str] = {}
    rows: list[IndexedDocument] = []
    for document in documents:
        sha256 = hash_of_text(document.text)
        first = firsts.get(sha256)
        rows.append(IndexedDocument(id=document.id, sha256=sha256, duplicate_of=first, metadata=document.metadata))
        firsts.setdefault(sha256, document.id)
    return rows


def _intact_layers(folder: Path, model: "NDArray[np.float32] | None") -> list[Layer]:
    """The layers that are there; damaged ones are deleted, those by another model of the same name left alone."""
    layers: list[Layer] = []
    for path in sorted(folder.glob("*/")):
        if path.name == _EMBEDDED:
            continue
        try:
            layer = open_layer(path, "it is made again")
        except IntegrityError as error:
            say(str(error))
            shutil.rmtree(path)
            continue
        if model is None or (layer.model is not None and same_model(layer.model, model)):
            layers.append(layer)
    return layers


def _add_layer(
    config: Config,
    folder: Path,
    missing: Mapping[str, Document],
    layers: Sequence[Layer],
    embed: Embed | None,
    model: "NDArray[np.float32] | None",
    questions_by: str | None,
    ask: WriteQuestions | None,
) -> Layer:
    def add_vectors(target: Path, texts: Sequence[str], hashes: "NDArray[np.bytes_]") -> None:
        import numpy as np

        assert embed is not None and model is not None
        kept = folder / _EMBEDDED
        known = [(layer.hashes, layer.vectors) for layer in layers if layer.vectors is not None]
        write_vectors(target / "vectors.npy", texts, hashes, [*known, *read_kept(kept, model)], embed, model, kept)
        np.save(target / "model.npy", model)

    name = write_layer(
        folder,
        missing,
        config.retrieval.chunks,
        _embedding_model(config),
        questions_by,
        add_vectors if model is not None else None,
        ask,
    )
    shutil.rmtree(folder / _EMBEDDED, ignore_errors=True)
    return open_layer(folder / name, REMEDY)


def _write_index(
    config: Config,
    home: Home,
    table: Sequence[IndexedDocument],
    layers: Sequence[Layer],
    questions_by: str | None,
    write: Write | None,
) -> IndexRef:
    documents = encode_rows(table)[0]
    origin = {
        "layers": tuple(layer.name for layer in layers),
        "chunking": config.retrieval.chunks,
        "embedding_model": _embedding_model(config),
        "questions_by": questions_by,
        "graph": graph_origin(config, home),
    }
    # What a graph is made from is checked by every build, and completed where an extractor gave too little.
    if config.retrieval.graph is None and (there := find_unchanged(indexes_folder(home), origin, documents)):
        return there
    live = live_rows(layers, {row.sha256 for row in table})
    scores = bm25.score_terms([(layer.counts, rows) for layer, rows in zip(layers, live, strict=True)])
    graph = graph_of_layers(config, home, indexes_folder(home), layers, live, *named_texts(table), write)
    empty = {document.sha256 for layer in layers for document in layer.documents if not document.chunks}
    with_text = [row for row in table if row.sha256 not in empty]
    duplicates = sum(row.duplicate_of is not None for row in with_text)
    counts = {
        "documents": len(with_text) - duplicates,
        "chunks": sum(int(rows.sum()) for rows in live),
        "duplicate_documents": duplicates,
        "empty_documents": len(table) - len(with_text),
    }

    def fill(folder: Path) -> None:
        bm25.write_scores(folder, scores)
        if graph is not None:
            write_graph(folder, graph)
        (folder / "vocabulary.json").write_text(canonical_json(list(scores.vocabulary)), encoding="utf-8")
        (folder / DOCUMENTS).write_bytes(documents)

    def describe(files: Mapping[str, str]) -> IndexManifest:
        return IndexManifest.model_validate({"files": files, **origin, **counts})

    name = write_folder(indexes_folder(home), fill, describe)
    return IndexRef(sha256=name, embedding_model=_embedding_model(config), questions_by=questions_by, **counts)


def _remove_what_is_old(config: Config, home: Home) -> None:
    remove_old_indexes(home, indexes_folder(home))
    left = remove_unused_layers(indexes_folder(home))
    if config.retrieval.store.kind != "files":
        open_store(config, home).keep_only(left)
