"""From the layers of an index to its graph."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.files import sha256_of
from tasks.home import Home
from tasks.progress import say, track
from tasks.records import Record
from tasks.retrieval.graph.graph import Graph, Part, join_mentions
from tasks.retrieval.graph.mentions import ChunkText, Extracted, mentions_folder, mentions_of_layers
from tasks.retrieval.graph.phrases import find_phrases
from tasks.retrieval.graph.targets import find_targets, without_targets
from tasks.retrieval.graph.triples import INSTRUCTIONS, add_triples
from tasks.retrieval.layers import Layer
from tasks.writing.writer import Write, identify_writer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class GraphOrigin(Record):
    """What a graph was made by; an index built by another cannot be searched with this config."""

    extractor: str
    max_entity_share: float


def graph_origin(config: Config, home: Home) -> GraphOrigin | None:
    """The origin of the graph that the config asks for; None: it asks for none.

    Raises:
        ConfigError, ModelError: when a writer that is to run here is not there.
    """
    settings = config.retrieval.graph
    if settings is None:
        return None
    extractor = str(settings.extractor)
    if settings.extractor == "writer":
        extractor = f"{identify_writer(config, home)}:{sha256_of(INSTRUCTIONS)[:12]}"
    return GraphOrigin(extractor=extractor, max_entity_share=settings.max_entity_share)


def graph_of_layers(
    config: Config,
    home: Home,
    indexes: Path,
    layers: Sequence[Layer],
    live: "Sequence[NDArray[np.bool_]]",
    names: Mapping[str, str],
    duplicates: Mapping[str, str],
    write: Write | None,
) -> Graph | None:
    """The graph of the layers' chunks that are live, None when the config asks for none; only texts that were never
    seen are extracted from.

    Args:
        indexes: the folder below which mentions are kept; for the one who holds its lock.
        names: the document of each text of the index, by the text's hash.
        duplicates: documents that are not in the index, with the one that is there in their place.
        write: of the config's writer, when that is the extractor.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    origin = graph_origin(config, home)
    if origin is None:
        return None
    by_writer = config.retrieval.graph is not None and config.retrieval.graph.extractor == "writer"

    def extract(texts: Sequence[ChunkText]) -> list[Extracted]:
        found = extract_statistically(texts)
        return found if write is None or not by_writer else add_triples(texts, found, write)

    def is_there(layer: str) -> bool:
        return any(indexes.glob(f"layers/*/{layer}"))

    folder = mentions_folder(indexes, config.retrieval.chunks, origin.extractor)
    mentions = mentions_of_layers(folder, layers, names, extract, is_there)
    ids = list(names.values())
    place = {document_id: at for at, document_id in enumerate(ids)}
    parts = [
        Part(found, rows, _documents_of(layer, names, place))
        for found, layer, rows in zip(mentions, layers, live, strict=True)
    ]
    graph = join_mentions(parts, ids, duplicates, origin.max_entity_share)
    say(f"graph: {len(graph.entities)} entities among {sum(int(part.live.sum()) for part in parts)} chunks")
    return graph


def extract_statistically(texts: Sequence[ChunkText]) -> list[Extracted]:
    """What each text names and links to, without a model."""
    if not texts:
        return []
    with track("Extracting entities", total=len(texts)) as advance:
        found = []
        for text, titles in texts:
            found.append(Extracted(find_phrases(without_targets(text), titles), find_targets(text)))
            advance(1)
    return found


def _documents_of(layer: Layer, names: Mapping[str, str], place: Mapping[str, int]) -> "NDArray[np.int64]":
    import numpy as np

    of_document = [place.get(names.get(document.sha256, ""), -1) for document in layer.documents]
    documents: NDArray[np.int64] = np.array(of_document, dtype=np.int64)[layer.chunks["document"]]
    return documents
