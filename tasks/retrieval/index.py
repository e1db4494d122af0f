"""The index of a domain's documents: which layers it is made of, which of their texts count, and BM25 over those.

    indexes/<sha256>/   manifest.json    the layers, the settings, the hash of each file
                        documents.jsonl  every document by name: where its text is, and of which other it is the text
                        bm25_*.npy, vocabulary.json
            layers/     see layers.py

An index is never changed. The next one shares its layers: a document that is added or changed comes in a new layer,
with what else is in small layers once there are many; one that is removed costs nothing. BM25's scores depend on all
documents and are computed anew from the layers' counts.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import ConfigError, IntegrityError
from tasks.files import canonical_json, encode_rows, parse_rows
from tasks.home import Home
from tasks.progress import say
from tasks.records import Count, Document, IndexRef, Record, Sha256
from tasks.retrieval import bm25
from tasks.retrieval.folders import MANIFEST, Manifest, one_at_a_time, read_manifest, remove_leftovers, write_folder
from tasks.retrieval.layers import Layer, hash_of_text, open_layer, settings_name, write_layer
from tasks.retrieval.layers_in_use import choose_layers, live_rows
from tasks.retrieval.opened import Index
from tasks.retrieval.vectors import Embed, probe, read_kept, same_model, write_vectors
from tasks.settings.retrieval import ChunkSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REMEDY = "build the index again"
_EMBEDDED = "embedded"


class IndexedDocument(Record):
    """A document by its name."""

    id: str
    sha256: Sha256
    duplicate_of: str | None


class IndexManifest(Manifest):
    """What an index was made of; its counts are those of IndexRef."""

    layers: tuple[Sha256, ...]
    chunking: ChunkSettings
    embedding_model: str | None
    documents: Count
    chunks: Count
    duplicate_documents: Count
    empty_documents: Count


def indexes_folder(home: Home) -> Path:
    """Where all indexes are."""
    return home.root / "indexes"


def layers_folder(home: Home, chunking: ChunkSettings, embedding_model: str | None) -> Path:
    """Where the layers are that this chunker and this embedding model make."""
    return indexes_folder(home) / "layers" / settings_name(chunking, embedding_model)


def build_index(config: Config, home: Home, documents: Sequence[Document], embed: Embed | None) -> IndexRef:
    """The index of the documents; only what no earlier build with these settings has seen is cut and embedded.

    Documents with the same text are indexed once, under the name that comes first. Waits for other processes that
    build; a killed build harms nothing, and what it had embedded is used by the next one.

    Args:
        embed: of `model.embeddings`; None when `retrieval.dense` is off.

    Raises:
        ConfigError: when `retrieval.dense` is on and there is no `embed`.
        ModelError: when the model gives no vectors.
        HomeError: when the disk is full or not writable.
    """
    if config.retrieval.dense and embed is None:
        raise ConfigError("retrieval.dense: it needs an embedding model, and none was given; switch it off.")
    model = probe(embed) if embed is not None and config.retrieval.dense else None
    table = _with_duplicates(documents)
    # By the text's hash; of several the first.
    texts = {row.sha256: document for row, document in zip(table, documents, strict=True) if row.duplicate_of is None}
    folder = layers_folder(home, config.retrieval.chunks, _embedding_model(config))
    with one_at_a_time(indexes_folder(home)):
        remove_leftovers(indexes_folder(home))
        remove_leftovers(folder)
        layers = _intact_layers(folder, model)
        chosen = choose_layers(layers, texts.keys())
        covered = {document.sha256 for layer in chosen for document in layer.documents}
        if missing := {sha256: document for sha256, document in texts.items() if sha256 not in covered}:
            chosen.append(_add_layer(config, folder, missing, layers, embed, model))
        ref = _write_index(config, home, table, chosen)
        _remove_unused(home, folder)
    return ref


def open_index(config: Config, home: Home, ref: IndexRef, embed: Embed | None) -> Index:
    """The index, after every byte of it was checked.

    Args:
        embed: of `model.embeddings`; None: embeddings will not be searched.

    Raises:
        IntegrityError: when a file of it is missing or altered.
        ConfigError: when it was built by another chunker or embedding model than the config's.
    """
    import numpy as np

    folder = indexes_folder(home) / ref.sha256
    manifest = read_manifest(folder, IndexManifest, REMEDY)
    _check_settings(config, manifest)
    parent = layers_folder(home, manifest.chunking, manifest.embedding_model)
    layers = tuple(open_layer(parent / name, REMEDY) for name in manifest.layers)
    if embed is not None and config.retrieval.dense:
        _check_model(config, layers, probe(embed))
    table = list(parse_rows((folder / "documents.jsonl").read_bytes(), IndexedDocument))
    sizes = [len(layer.chunks) for layer in layers]
    names = {row.sha256: row.id for row in table if row.duplicate_of is None}
    return Index(
        ref=ref,
        names=names,
        duplicates={row.id: row.duplicate_of for row in table if row.duplicate_of is not None},
        layers=layers,
        firsts=np.cumsum([0, *sizes])[:-1],
        live=tuple(live_rows(layers, names.keys())),
        term_scores=bm25.read_scores(folder, json.loads((folder / "vocabulary.json").read_bytes()), sum(sizes)),
    )


def _embedding_model(config: Config) -> str | None:
    return config.model.embeddings if config.retrieval.dense else None


def _check_settings(config: Config, manifest: IndexManifest) -> None:
    if manifest.chunking != config.retrieval.chunks:
        raise ConfigError(
            f"retrieval.chunks: the index was built with {_told(manifest.chunking)}, the config says "
            f"{_told(config.retrieval.chunks)}; {REMEDY}, or set them back."
        )
    if config.retrieval.dense and manifest.embedding_model != config.model.embeddings:
        built = f"by {manifest.embedding_model!r}" if manifest.embedding_model else "without embeddings"
        raise ConfigError(
            f"model.embeddings: the index was built {built}, the config says {config.model.embeddings!r}; "
            f"{REMEDY}, or set it back."
        )


def _check_model(config: Config, layers: Iterable[Layer], model: "NDArray[np.float32]") -> None:
    if any(layer.model is None or not same_model(layer.model, model) for layer in layers):
        raise ConfigError(
            f"model.embeddings: {config.model.embeddings!r} gives other vectors than when the index was built, so its "
            f"weights have changed; {REMEDY}, or put them back."
        )


def _told(chunking: ChunkSettings) -> str:
    return ", ".join(f"{key} {value}" for key, value in chunking.model_dump().items())


def _with_duplicates(documents: Iterable[Document]) -> list[IndexedDocument]:
    firsts: dict[str, str] = {}
    rows: list[IndexedDocument] = []
    for document in documents:
        sha256 = hash_of_text(document.text)
        rows.append(IndexedDocument(id=document.id, sha256=sha256, duplicate_of=firsts.get(sha256)))
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
        add_vectors if model is not None else None,
    )
    shutil.rmtree(folder / _EMBEDDED, ignore_errors=True)
    return open_layer(folder / name, REMEDY)


def _write_index(config: Config, home: Home, table: Sequence[IndexedDocument], layers: Sequence[Layer]) -> IndexRef:
    live = live_rows(layers, {row.sha256 for row in table})
    scores = bm25.score_terms([(layer.counts, rows) for layer, rows in zip(layers, live, strict=True)])
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
        (folder / "vocabulary.json").write_text(canonical_json(list(scores.vocabulary)), encoding="utf-8")
        (folder / "documents.jsonl").write_bytes(encode_rows(table)[0])

    def describe(files: Mapping[str, str]) -> IndexManifest:
        return IndexManifest(
            files=files,
            layers=tuple(layer.name for layer in layers),
            chunking=config.retrieval.chunks,
            embedding_model=_embedding_model(config),
            **counts,
        )

    name = write_folder(indexes_folder(home), fill, describe)
    return IndexRef(sha256=name, embedding_model=_embedding_model(config), **counts)


def _remove_unused(home: Home, folder: Path) -> None:
    """Deletes the layers of a folder that no index names; none when an index cannot be read."""
    used: set[str] = set()
    for path in indexes_folder(home).glob(f"*/{MANIFEST}"):
        try:
            used |= set(IndexManifest.model_validate_json(path.read_bytes()).layers)
        except ValueError:
            return
    for path in folder.glob("*/"):
        if path.name not in used:
            shutil.rmtree(path)
