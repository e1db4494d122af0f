"""Which passages stay, how many, and in what order: worked examples and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records import Passage
from tasks.retrieval.context import (
    best_at_the_edges,
    maximal_marginal_relevance,
    same_passage,
    within_budget,
    without_near_duplicates,
)


def passage(text: str, start: int = 0, name: str = "a") -> Passage:
    end = start + len(text)
    return Passage(chunk_id=f"{name}:{start}-{end}", document_id=name, start=start, end=end, text=text, score=1.0)


def unit(degrees: float) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], dtype=np.float32)


def count(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (passage("same", 0, "a"), passage("same", 90, "b"), True),
        (passage("0123456789", 0), passage("456789abcd", 4), True),
        (passage("0123456789", 0), passage("56789abcde", 5), False),  # half is not more than half
        (passage("0123456789", 0), passage("234", 2), True),
        (passage("0123456789", 0, "a"), passage("456789abcd", 4, "b"), False),
        (passage("01234", 0), passage("56789", 5), False),
    ],
)
def test_passages_are_the_same_by_text_or_by_place(a: Passage, b: Passage, expected: bool) -> None:
    assert same_passage(a, b) is same_passage(b, a) is expected


def test_of_passages_that_mean_the_same_the_best_stays() -> None:
    given_passages = [(passage("one"), unit(0)), (passage("two", 9), unit(5)), (passage("three", 99), unit(60))]
    kept = [kept.text for kept, _ in without_near_duplicates(given_passages, 0.99)]
    assert kept == ["one", "three"]
    assert len(list(without_near_duplicates(given_passages, None))) == 3
    assert len(list(without_near_duplicates(((passage, None) for passage, _ in given_passages), 0.99))) == 3


def test_passages_are_read_only_as_far_as_they_are_needed() -> None:
    read = []

    def passages() -> object:
        for name in "abc":
            read.append(name)
            yield passage(name, name=name), None

    next(without_near_duplicates(passages(), None))  # type: ignore[arg-type]
    assert read == ["a"]


def test_mmr_by_hand() -> None:
    # The second is nearly the first: with half a weight on novelty the third is worth more.
    relevance, vectors = [1.0, 0.9, 0.5], [unit(0), unit(10), unit(90)]
    assert maximal_marginal_relevance(relevance, vectors, 0.5, 3) == [0, 2, 1]
    assert maximal_marginal_relevance(relevance, vectors, 1.0, 2) == [0, 1]
    assert maximal_marginal_relevance(relevance, vectors, 0.0, 2) == [0, 2]
    assert maximal_marginal_relevance([], [], 0.5, 3) == []


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 360)), min_size=1, max_size=12),
    st.floats(0, 1),
    st.integers(1, 12),
)
def test_mmr_begins_with_the_most_relevant_and_repeats_none(
    given_passages: list[tuple[float, float]], weight: float, limit: int
) -> None:
    relevance = [each for each, _ in given_passages]
    chosen = maximal_marginal_relevance(relevance, [unit(angle) for _, angle in given_passages], weight, limit)
    assert relevance[chosen[0]] == max(relevance)
    assert len(chosen) == len(set(chosen)) == min(limit, len(given_passages))


def test_passages_are_kept_while_they_fit_and_a_worse_one_never_takes_a_better_ones_place() -> None:
    passages = [passage("a b c"), passage("d e f g"), passage("h")]
    assert within_budget(passages, 5, count) == passages[:1]
    assert within_budget(passages, 7, count) == passages[:2]
    assert within_budget(passages, 8, count) == passages
    assert within_budget([], 8, count) == []


def test_a_first_passage_that_is_too_long_is_cut_at_a_space_and_keeps_its_place() -> None:
    (cut,) = within_budget([passage("one two  three", start=10), passage("x")], 2, count)
    assert (cut.text, cut.start, cut.end) == ("one two", 10, 17)
    (letters,) = within_budget([passage("abcdef")], 4, len)
    assert letters.text == "abcd"


@given(st.lists(st.text(alphabet="ab ", min_size=1, max_size=20), max_size=5), st.integers(1, 10))
def test_the_budget_is_never_exceeded(texts: list[str], budget: int) -> None:
    kept = within_budget([passage(text) for text in texts], budget, count)
    assert sum(count(each.text) for each in kept) <= budget


def test_the_best_come_first_and_last() -> None:
    passages = [passage(text) for text in "12345"]
    assert "".join(each.text for each in best_at_the_edges(passages)) == "13542"
    assert best_at_the_edges([]) == []
