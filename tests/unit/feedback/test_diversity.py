"""Farthest-first traversal: each choice is the farthest from those before, and few choices cover all."""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.diversity import farthest_first

LINE = {name: [float(place)] for name, place in {"a": 0, "b": 1, "c": 5, "d": 9, "e": 10}.items()}


def test_each_choice_is_the_farthest_from_all_before_it() -> None:
    assert farthest_first("abcde", "a", LINE, 3) == ["e", "c", "b"]
    assert farthest_first("bcd", "ae", LINE, 2) == ["c", "b"]


def test_with_nothing_chosen_the_first_comes_first_and_the_last_ones_are_the_repeats() -> None:
    assert farthest_first("cabde", "", LINE, 9) == ["c", "a", "e", "b", "d"]
    twins = {"a": [1.0, 0.0], "b": [1.0, 0.0], "c": [0.0, 1.0], "d": [1.0, 0.0]}
    assert farthest_first("abcd", "", twins, 4) == ["a", "c", "b", "d"]
    assert farthest_first("bd", "a", twins, 2) == ["b", "d"]


def test_nothing_is_chosen_where_nothing_is_wanted_or_there() -> None:
    assert farthest_first("", "a", LINE, 3) == []
    assert farthest_first("abc", "", LINE, 0) == []


def test_rounding_of_the_last_digits_changes_no_choice() -> None:
    # All equally far from each other, but for the last digits of a float32.
    points = np.eye(20) + np.random.default_rng(0).normal(size=(20, 20)) * 2e-7
    names = [str(number) for number in range(20)]
    assert farthest_first(names, [], dict(zip(names, points, strict=True)), 20) == names


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=7),
    st.integers(1, 3),
)
def test_no_question_lies_more_than_twice_as_far_out_as_with_the_best_choice(
    places: list[tuple[int, int]], count: int
) -> None:
    names = [str(number) for number in range(len(places))]
    points = {name: [float(x), float(y)] for name, (x, y) in zip(names, places, strict=True)}

    def radius(centres: tuple[str, ...]) -> float:
        return max(min(math.dist(points[name], points[centre]) for centre in centres) for name in names)

    best = min(radius(centres) for centres in itertools.combinations(names, min(count, len(names))))
    assert radius(tuple(farthest_first(names, [], points, count))) <= 2 * best + 1e-4
