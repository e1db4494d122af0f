"""Personalised PageRank by local push: what a walk from a few nodes reaches, without looking at all the others.

Andersen, Chung and Lang 2006, "Local graph partitioning using PageRank vectors". A walk starts at the seeds; at each
step it goes on to a neighbour with probability `damping`, or back to a seed. Mass that has not been sent on yet is kept
as a residue, and only nodes with enough of it send: the work is at most 1 / (tolerance * (1 - damping)) edges, however
large the graph is.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Mass per edge below which a node does not send. Among 100,000 chunks of random words 99 of 100 places of the first 10
# were those that a hundredth of it finds, in a fiftieth of the time.
TOLERANCE = 1e-5


class Links(NamedTuple):
    """A graph without directions as a sparse matrix by rows.

    Attributes:
        starts: (nodes + 1,), for each node the place of its first neighbour.
        neighbours: of each entry, the node it leads to.
        shares: of each entry, the probability of going there: its weight, by the node's strength.
        strengths: (nodes,), the sum of the weights of a node's entries.
    """

    starts: "NDArray[np.int64]"
    neighbours: "NDArray[np.int32]"
    shares: "NDArray[np.float32]"
    strengths: "NDArray[np.float32]"


def personalised_page_rank(
    links: Links,
    seeds: "NDArray[np.int64]",
    weights: "NDArray[np.float64]",
    damping: float,
    tolerance: float = TOLERANCE,
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """The nodes that were reached, in ascending order, and the share of its time the walk spends at each.

    A node's share is too low by what is left of the residues, at most `tolerance` for each edge of a node. What a node
    without neighbours sends is lost, which changes all the others' shares by one factor.

    Args:
        seeds: the nodes at which the walk starts, each once.
        weights: how often at each of them, together 1.
        damping: 0 to below 1, the probability of going on.
    """
    import numpy as np

    count = len(links.starts) - 1
    rank, residue = np.zeros(count), np.zeros(count)
    reached = np.zeros(count, dtype=bool)
    residue[seeds] = weights
    reached[seeds] = True
    touched = np.asarray(seeds, dtype=np.int64)
    while len(touched):
        edges = links.starts[touched + 1] - links.starts[touched]
        sending = residue[touched] > tolerance * np.maximum(edges, 1)
        nodes, edges = touched[sending], edges[sending]
        held = residue[nodes]
        rank[nodes] += (1 - damping) * held
        residue[nodes] = 0.0
        entries = _ranges(links.starts[nodes], edges)
        targets = links.neighbours[entries]
        np.add.at(residue, targets, np.repeat(damping * held, edges) * links.shares[entries])
        reached[targets] = True
        touched = np.unique(targets).astype(np.int64)
    found = np.flatnonzero(reached)
    return found, rank[found] + (1 - damping) * residue[found]


def two_step_returns(links: Links, nodes: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """For each of some nodes the probability that a walk is back there after two steps."""
    import numpy as np

    edges = links.starts[nodes + 1] - links.starts[nodes]
    entries = _ranges(links.starts[nodes], edges)
    share = links.shares[entries].astype(np.float64)
    # The way back has the same weight.
    back = share * np.repeat(links.strengths[nodes], edges) / links.strengths[links.neighbours[entries]]
    returns: NDArray[np.float64] = np.zeros(len(nodes))
    np.add.at(returns, np.repeat(np.arange(len(nodes)), edges), share * back)
    return returns


def _ranges(starts: "NDArray[np.int64]", lengths: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The numbers from each start on, so many as its length, one after the other."""
    import numpy as np

    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    places: NDArray[np.int64] = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return places
