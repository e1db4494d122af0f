"""Fusion: worked examples by hand, and what must hold of any rankings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.retrieval.fusion import Hit, reciprocal_rank_fusion, scaled, weighted_fusion

FUSIONS = [reciprocal_rank_fusion, weighted_fusion]
rankings = st.lists(
    st.dictionaries(st.integers(0, 20), st.floats(-5, 50), max_size=10).map(
        lambda scores: sorted((Hit(*item) for item in scores.items()), key=lambda hit: (-hit.score, hit.position))
    ),
    min_size=2,
    max_size=2,
)


def test_reciprocal_ranks_by_hand() -> None:
    fused = reciprocal_rank_fusion([[Hit(7, 9.0), Hit(3, 8.0)], [Hit(3, 0.9), Hit(5, 0.1)]], [1.0, 1.0])
    assert [hit.position for hit in fused] == [3, 7, 5]
    assert [hit.score for hit in fused] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])


def test_weighted_scores_by_hand() -> None:
    fused = weighted_fusion([[Hit(1, 10.0), Hit(2, 6.0), Hit(3, 2.0)], [Hit(3, 0.8), Hit(2, 0.6)]], [0.25, 0.75])
    assert [hit.position for hit in fused] == [3, 1, 2]
    assert [hit.score for hit in fused] == pytest.approx([0.75, 0.25, 0.125])


def test_equal_scores_count_fully_and_an_empty_ranking_not_at_all() -> None:
    assert scaled([Hit(1, 4.0), Hit(2, 4.0)]) == [Hit(1, 1.0), Hit(2, 1.0)]
    assert weighted_fusion([[Hit(4, 3.0)], []], [0.5, 0.5]) == [Hit(4, 0.5)]


@pytest.mark.parametrize("fuse", FUSIONS)
def test_of_equal_hits_the_lower_position_comes_first(fuse: object) -> None:
    assert callable(fuse)
    assert [hit.position for hit in fuse([[Hit(9, 1.0)], [Hit(2, 1.0)]], [0.5, 0.5])] == [2, 9]


@pytest.mark.parametrize("fuse", FUSIONS)
@given(rankings)
def test_every_hit_is_there_once_and_best_first(fuse: object, given_rankings: list[list[Hit]]) -> None:
    assert callable(fuse)
    fused = fuse(given_rankings, [0.5, 0.5])
    positions = [hit.position for hit in fused]
    assert sorted(positions) == sorted({hit.position for ranking in given_rankings for hit in ranking})
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)


@given(rankings, st.floats(0.1, 10), st.floats(-100, 100))
def test_reciprocal_ranks_do_not_depend_on_the_scale_of_scores(
    given_rankings: list[list[Hit]], factor: float, shift: float
) -> None:
    first, second = given_rankings
    moved = [Hit(hit.position, hit.score * factor + shift) for hit in first]
    assert reciprocal_rank_fusion([moved, second], [1, 1]) == reciprocal_rank_fusion([first, second], [1, 1])
