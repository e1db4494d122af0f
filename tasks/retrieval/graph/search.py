"""Chunks that are near to a question in the graph, though they may share no word with it.

After HippoRAG (Gutiérrez et al. 2024, "HippoRAG: neurobiologically inspired long-term memory for large language
models"; passages as seeds as in its second version, 2025): a walk starts at the entities that the question names, rare
ones more often, and at the chunks that the other methods found, and a chunk is as near as the walk often comes there.
What counts is only what arrives from elsewhere: that a chunk was found by the others is theirs to say. So what a chunk
has as a start is taken off, and what is back after two steps; later returns hardly matter.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tasks.retrieval.dense import best_hits
from tasks.retrieval.fusion import Hit
from tasks.retrieval.graph.graph import Graph
from tasks.retrieval.graph.page_rank import personalised_page_rank, two_step_returns
from tasks.retrieval.graph.phrases import phrases_of_question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of the walk's starts, when the question names an entity and chunks were found.
_ENTITY_SHARE = 0.5

_NOTHING = 1e-7  # what is left of a share that was taken off, by rounding
_WORDS = 8  # of an entity's name at most


def rank_by_graph(
    graph: Graph,
    texts: Sequence[str],
    found: Sequence[Hit],
    is_live: "Callable[[NDArray[np.int64]], NDArray[np.bool_]]",
    damping: float,
    limit: int,
) -> list[Hit]:
    """The `limit` live chunks to which the walk comes most often, best first; scores are shares of its time.

    Args:
        texts: the question, and other texts that it is searched by.
        found: what other methods found, best first; a chunk's weight among the starts is 1 / its rank.
        is_live: which of some positions count.
        damping: 0 to below 1, the probability of another step.
    """
    import numpy as np

    nodes, weights = _starts(graph, texts, found)
    if not len(nodes):
        return []
    reached, shares = personalised_page_rank(graph.links, nodes, weights, damping)
    returned = 1 + damping**2 * two_step_returns(graph.links, nodes)
    shares[reached.searchsorted(nodes)] -= (1 - damping) * weights * returned
    chunks = reached < graph.positions
    positions, scores = reached[chunks], shares[chunks]
    kept = (scores > _NOTHING) & is_live(positions)
    return best_hits(positions[kept], scores[kept].astype(np.float32), limit)


def entities_in(graph: Graph, question: str) -> list[int]:
    """The nodes of the entities that the question names, each once; of names within a longer one only the longer."""
    words, pairs = phrases_of_question(question)
    found: list[int] = []
    start = 0
    while start < len(words):
        for end in range(min(len(words), start + _WORDS), start, -1):
            node = graph.entities.get(" ".join(words[start:end]))
            if node is not None:
                found.append(node)
                break
        else:
            end = start + 1
        start = end
    found += [graph.entities[pair] for pair in pairs if pair in graph.entities]
    return list(dict.fromkeys(found))


def _starts(
    graph: Graph, texts: Sequence[str], found: Sequence[Hit]
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """The nodes where the walk starts, and how often it does at each: together 1."""
    import numpy as np

    named = dict.fromkeys(node for text in texts for node in entities_in(graph, text))
    entities = np.array(list(named), dtype=np.int64)
    edges = graph.links.starts[entities + 1] - graph.links.starts[entities]
    groups = [
        (entities, 1.0 / np.maximum(edges, 1), _ENTITY_SHARE),
        (
            np.array([hit.position for hit in found], dtype=np.int64),
            1.0 / np.arange(1, len(found) + 1),
            1 - _ENTITY_SHARE,
        ),
    ]
    groups = [group for group in groups if len(group[0])]
    total = sum(share for *_, share in groups)
    nodes = np.concatenate([nodes for nodes, *_ in groups]) if groups else entities
    weights = [weights / weights.sum() * share / total for _, weights, share in groups]
    return nodes, np.concatenate(weights) if weights else np.zeros(0)
