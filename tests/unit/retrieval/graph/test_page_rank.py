"""Local push against networkx, and what must hold of any graph."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from tasks.retrieval.graph.graph import scaled_links
from tasks.retrieval.graph.page_rank import Links, personalised_page_rank, two_step_returns

NODES = 12
edges = st.dictionaries(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda pair: pair[0] < pair[1]),
    st.floats(0.1, 10),
    min_size=1,
)
starts = st.dictionaries(st.integers(0, NODES - 1), st.floats(0.1, 10), min_size=1, max_size=4)


def links_of(weights: dict[tuple[int, int], float], nodes: int = NODES) -> Links:
    sources, targets = zip(*weights, strict=True)
    half = coo_array((list(weights.values()), (sources, targets)), shape=(nodes, nodes))
    return scaled_links((half + half.T).tocsr())


def ranks(links: Links, seeds: dict[int, float], damping: float, tolerance: float) -> np.ndarray:
    nodes, weights = np.array(list(seeds), dtype=np.int64), np.array(list(seeds.values()))
    reached, shares = personalised_page_rank(links, nodes, weights / weights.sum(), damping, tolerance)
    found = np.zeros(len(links.starts) - 1)
    found[reached] = shares
    return found


@given(edges, starts, st.floats(0.05, 0.9))
def test_it_agrees_with_networkx(
    weights: dict[tuple[int, int], float], seeds: dict[int, float], damping: float
) -> None:
    graph = networkx.Graph()
    graph.add_nodes_from(range(NODES))
    graph.add_weighted_edges_from((a, b, weight) for (a, b), weight in weights.items())
    expected = networkx.pagerank(graph, damping, personalization=seeds, weight="weight", tol=1e-12, max_iter=1000)

    found = ranks(links_of(weights), seeds, damping, 1e-12)

    # networkx sends from a node without neighbours to the seeds, which changes all shares by one factor.
    assert found / found.sum() == pytest.approx([expected[node] for node in range(NODES)], abs=1e-5)


@given(edges, starts, st.floats(0.0, 0.95), st.floats(1e-6, 0.5))
def test_no_share_is_too_high_and_all_together_are_at_most_one(
    weights: dict[tuple[int, int], float], seeds: dict[int, float], damping: float, tolerance: float
) -> None:
    links = links_of(weights)
    rough, exact = ranks(links, seeds, damping, tolerance), ranks(links, seeds, damping, 1e-12)
    assert (rough <= exact + 1e-6).all()
    assert rough.sum() <= 1 + 1e-6
    assert (rough >= 0).all()


@given(edges)
def test_a_return_after_two_steps_is_the_diagonal_of_the_squared_matrix(weights: dict[tuple[int, int], float]) -> None:
    links = links_of(weights)
    table = csr_array((links.shares, links.neighbours, links.starts), shape=(NODES, NODES)).toarray()
    expected = np.diagonal(table @ table)
    assert two_step_returns(links, np.arange(NODES)) == pytest.approx(expected, abs=1e-5)


def test_without_another_step_the_walk_stays_at_its_seeds() -> None:
    found = ranks(links_of({(0, 1): 1.0, (1, 2): 1.0}, 3), {0: 3.0, 1: 1.0}, 0.0, 1e-9)
    assert found == pytest.approx([0.75, 0.25, 0.0])


def test_the_work_does_not_grow_with_the_graph() -> None:
    """On a ring, so far from the seed that nothing comes there, no node is reached."""
    ring = {(n, n + 1): 1.0 for n in range(9_999)}
    nodes, weights = np.array([5_000]), np.array([1.0])
    reached, _ = personalised_page_rank(links_of(ring, 10_000), nodes, weights, 0.5, 1e-5)
    assert 10 < len(reached) < 60
    assert abs(reached - 5_000).max() < 30
