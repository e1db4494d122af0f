"""The graph of entities and chunks: what was mentioned, joined over all layers of an index.

    indexes/<sha256>/    graph_starts.npy, graph_neighbours.npy    see page_rank.Links
                         graph_shares.npy, graph_strengths.npy
                         entities.json    the keys of the entities, in the order of their nodes

The nodes are all positions of the index, then the entities, then the documents that others link to. A chunk is tied to
what it mentions, to the document it is of or links to, and an entity to those that a text relates it to; the fewer
chunks mention an entity, the stronger is the tie. An entity needs two chunks, or one whose title it is; one that too
many chunks mention says nothing about any of them, and is left out.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.files import canonical_json
from tasks.retrieval.graph.mentions import Mentions
from tasks.retrieval.graph.page_rank import Links
from tasks.retrieval.graph.phrases import Kind
from tasks.retrieval.graph.targets import resolve, target_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("graph_starts.npy", "graph_neighbours.npy", "graph_shares.npy", "graph_strengths.npy")
_ENTITIES = "entities.json"

# Of the tie to an entity of one chunk: it leads nowhere else, but a question that names it leads to the chunk.
_ALONE = 1e-3

# However small the domain is, so many chunks may mention an entity.
_MENTIONS = 10


class Part(NamedTuple):
    """The mentions of a layer within an index.

    Attributes:
        live: (chunks,), which of them count.
        documents: (chunks,), the document of each, as its place among the index's; of those that do not count -1.
    """

    mentions: Mentions
    live: "NDArray[np.bool_]"
    documents: "NDArray[np.int64]"


class Graph(NamedTuple):
    """A graph.

    Attributes:
        links: of all nodes.
        entities: the node of each entity, by its key.
        positions: the number of nodes that are positions of chunks; they come first.
    """

    links: Links
    entities: Mapping[str, int]
    positions: int


class _Ties(NamedTuple):
    """Chunks tied to nodes that are no chunks: pairs, each once."""

    chunks: "NDArray[np.int64]"
    nodes: "NDArray[np.int64]"  # counted from 0


def join_mentions(
    parts: Sequence[Part], document_ids: Sequence[str], duplicates: Mapping[str, str], max_share: float
) -> Graph:
    """The graph of all parts, whose positions follow each other.

    Args:
        document_ids: the documents of the index.
        duplicates: other documents by name, with the one of the index that has the same text.
        max_share: an entity that more than this share of the chunks mentions is left out, when these are over 10.
    """
    import numpy as np
    from scipy.sparse import coo_array

    count = sum(len(part.live) for part in parts)
    chunks = sum(int(part.live.sum()) for part in parts)
    most = max(_MENTIONS, max_share * chunks)
    names, ties, related = _entity_ties(parts, most)
    linked = _document_ties(parts, document_ids, duplicates, most)
    columns = np.concatenate([ties.nodes, linked.nodes + len(names)])
    others = len(names) + int(linked.nodes.max(initial=-1)) + 1
    frequency = np.bincount(columns, minlength=others)
    strength = np.where(frequency > 1, np.log1p(chunks / np.maximum(frequency, 1)), _ALONE)
    sources = np.concatenate([ties.chunks, linked.chunks, count + related[:, 0]])
    targets = count + np.concatenate([columns, related[:, 1]])
    between = strength[related].max(axis=1) if len(related) else np.zeros(0)
    weights = np.concatenate([strength[columns], between])
    nodes = count + others
    half = coo_array((weights, (sources, targets)), shape=(nodes, nodes))
    return Graph(scaled_links((half + half.T).tocsr()), {name: count + at for at, name in enumerate(names)}, count)


def write_graph(folder: Path, graph: Graph) -> None:
    """Writes the graph's files into the folder."""
    import numpy as np

    arrays: tuple[NDArray[Any], ...] = graph.links
    for name, array in zip(FILES, arrays, strict=True):
        np.save(folder / name, array)
    (folder / _ENTITIES).write_text(canonical_json(list(graph.entities)), encoding="utf-8")


def read_graph(folder: Path, positions: int) -> Graph:
    """What `write_graph` wrote, mapped into memory."""
    import numpy as np

    links = Links(*(np.load(folder / name, mmap_mode="r") for name in FILES))
    names = json.loads((folder / _ENTITIES).read_bytes())
    return Graph(links, {name: positions + at for at, name in enumerate(names)}, positions)


def _entity_ties(parts: Sequence[Part], most: float) -> tuple[list[str], _Ties, "NDArray[np.int64]"]:
    """The names of the entities, which chunks mention them, and (relations, 2) which are related."""
    import numpy as np

    vocabulary: dict[str, int] = {}
    chunks, phrases, kinds, related = [], [], [], []
    first = 0
    for part in parts:
        mentions = part.mentions
        places = np.array([vocabulary.setdefault(name, len(vocabulary)) for name in mentions.phrases.names], np.int64)
        rows = np.repeat(np.arange(len(part.live)), np.diff(mentions.phrases.ends, prepend=0))
        kept = part.live[rows]
        chunks.append(first + rows[kept])
        phrases.append(places[mentions.phrases.places[kept]])
        kinds.append(mentions.kinds[kept])
        related.append(places[mentions.relations[part.live[mentions.relations[:, 0]], 1:]])
        first += len(part.live)
    at, phrase, kind = (_joined(arrays) for arrays in (chunks, phrases, kinds))
    frequency = np.bincount(phrase, minlength=len(vocabulary))
    best = np.zeros(len(vocabulary), dtype=np.int64)
    np.maximum.at(best, phrase, kind)
    is_entity = (best > Kind.INITIAL) & ((frequency > 1) | (best == Kind.TITLE)) & (frequency <= most)
    node = np.cumsum(is_entity) - 1
    pairs = _joined([np.sort(pair).ravel() for pair in related]).reshape(-1, 2)
    pairs = pairs[is_entity[pairs].all(axis=1) & (pairs[:, 0] != pairs[:, 1])]
    entities = [name for name, kept in zip(vocabulary, is_entity, strict=True) if kept]
    kept = is_entity[phrase]
    return entities, _Ties(at[kept], node[phrase[kept]]), node[np.unique(pairs, axis=0)]


def _document_ties(
    parts: Sequence[Part], document_ids: Sequence[str], duplicates: Mapping[str, str], most: float
) -> _Ties:
    """The documents that others link to, tied to their own chunks and to those that link to them."""
    import numpy as np

    names = target_names(document_ids, duplicates)
    place = {document_id: at for at, document_id in enumerate(document_ids)}
    chunks, documents = [], []
    first = 0
    for part in parts:
        targets = part.mentions.targets
        rows = np.repeat(np.arange(len(part.live)), np.diff(targets.ends, prepend=0))
        for row, target in zip(rows, targets.places, strict=True):
            found = resolve(targets.names[target], document_ids[part.documents[row]], names) if part.live[row] else None
            if found is not None and place[found] != part.documents[row]:
                chunks.append(first + int(row))
                documents.append(place[found])
        first += len(part.live)
    links = np.array([chunks, documents], dtype=np.int64)  # (2, links)
    owner = _joined([np.where(part.live, part.documents, -1) for part in parts])
    own = np.flatnonzero(np.isin(owner, links[1]))
    pairs = np.unique(np.hstack([links, [own, owner[own]]]), axis=1)
    few = np.bincount(pairs[1], minlength=len(document_ids)) <= most
    pairs = pairs[:, few[pairs[1]]]
    return _Ties(pairs[0], np.unique(pairs[1], return_inverse=True)[1])


def _joined(arrays: Sequence["NDArray[Any]"]) -> "NDArray[Any]":
    import numpy as np

    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])


def scaled_links(weights: Any) -> Links:
    """The links of a symmetric sparse matrix of weights (nodes, nodes), in CSR form: each row scaled to 1."""
    import numpy as np

    edges = np.diff(weights.indptr)
    strengths = weights.sum(axis=1)
    shares = weights.data / np.repeat(strengths, edges)
    return Links(
        weights.indptr.astype(np.int64),
        weights.indices.astype(np.int32),
        shares.astype(np.float32),
        strengths.astype(np.float32),
    )
