"""Retrieval metrics against values worked out by hand, through trec_eval."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.benchmark.retrieval_metrics import metric_names, rank_documents, score_rankings


def score(ranking: list[str], sources: list[str], depth: int = 10) -> dict[str, float]:
    [scores] = score_rankings([ranking], [sources], depth)
    return scores


@pytest.mark.parametrize(
    ("ranking", "sources", "expected"),
    [
        (["a", "b"], ["a"], {"hit_at_1": 1, "hit_at_3": 1, "hit_at_10": 1, "mrr_at_10": 1, "ndcg_at_10": 1}),
        (
            ["x", "a"],
            ["a"],
            {"hit_at_1": 0, "hit_at_3": 1, "hit_at_10": 1, "mrr_at_10": 1 / 2, "ndcg_at_10": 1 / math.log2(3)},
        ),
        (
            ["x", "y", "z", "a"],
            ["a"],
            {"hit_at_1": 0, "hit_at_3": 0, "hit_at_10": 1, "mrr_at_10": 1 / 4, "ndcg_at_10": 1 / math.log2(5)},
        ),
        (["x"], ["a"], {"hit_at_1": 0, "hit_at_3": 0, "hit_at_10": 0, "mrr_at_10": 0, "ndcg_at_10": 0}),
        ([], ["a"], {"hit_at_1": 0, "hit_at_3": 0, "hit_at_10": 0, "mrr_at_10": 0, "ndcg_at_10": 0}),
        (
            ["a", "x", "b"],
            ["b", "a"],  # two sources: the best order has both on top
            {
                "hit_at_1": 1,
                "hit_at_3": 1,
                "hit_at_10": 1,
                "mrr_at_10": 1,
                "ndcg_at_10": (1 + 1 / 2) / (1 + 1 / math.log2(3)),
            },
        ),
    ],
)
def test_by_hand(ranking: list[str], sources: list[str], expected: dict[str, float]) -> None:
    assert score(ranking, sources) == pytest.approx(expected)


def test_a_document_counts_at_the_place_of_its_first_passage() -> None:
    assert rank_documents(["x", "x", "x", "a", "x", "a"], 10) == ["x", "a"]
    assert score(["x", "x", "x", "a"], ["a"])["mrr_at_10"] == 1 / 2


def test_nothing_below_the_depth_counts() -> None:
    assert score([f"x{n}" for n in range(10)] + ["a"], ["a"])["mrr_at_10"] == 0
    assert score(["x", "y", "a"], ["a"], depth=2) == {"hit_at_1": 0, "hit_at_2": 0, "mrr_at_2": 0, "ndcg_at_2": 0}


@given(st.permutations(["d9", "d10", "a", "Z", "z", "é"]))
def test_the_order_given_is_the_order_scored_whatever_the_names(ranking: list[str]) -> None:
    assert score(ranking, ["a"])["mrr_at_10"] == pytest.approx(1 / (ranking.index("a") + 1))


@pytest.mark.parametrize(
    ("depth", "names"),
    [
        (10, ["hit_at_1", "hit_at_3", "hit_at_10", "mrr_at_10", "ndcg_at_10"]),
        (3, ["hit_at_1", "hit_at_3", "mrr_at_3", "ndcg_at_3"]),
        (1, ["hit_at_1", "mrr_at_1", "ndcg_at_1"]),
    ],
)
def test_the_metrics_at_a_depth(depth: int, names: list[str]) -> None:
    assert metric_names(depth) == names
    assert list(score(["a"], ["a"], depth)) == names


def test_questions_are_scored_one_by_one() -> None:
    scores = score_rankings([["a"], ["a"], ["b", "a"]], [["a"], ["b"], ["a"]], 10)

    assert [each["mrr_at_10"] for each in scores] == [1, 0, 1 / 2]


def test_a_question_without_sources_is_refused() -> None:
    with pytest.raises(ValueError, match="without sources"):
        score_rankings([["a"]], [[]], 10)
    with pytest.raises(ValueError, match="1 rankings cannot be scored against the sources of 2 questions"):
        score_rankings([["a"]], [["a"], ["b"]], 10)
