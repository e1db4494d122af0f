"""Figures with intervals: equal to the textbook's, defined only where they mean something, and as sure as they say."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tasks.judging.estimates import Confusion, difference_estimate, kappa_estimate, share_estimate
from tasks.records import Preference

CATEGORIES: list[Preference] = ["a", "b", "tie", "both_bad"]
SAID = st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(CATEGORIES))


def confusion(said: Sequence[tuple[Preference, Preference]]) -> Confusion:
    counted: Confusion = {word: dict.fromkeys(CATEGORIES, 0) for word in CATEGORIES}
    for people, judge in said:
        counted[people][judge] += 1
    return counted


def table(*rows: Sequence[int]) -> Confusion:
    return {word: dict(zip(CATEGORIES, row, strict=True)) for word, row in zip(CATEGORIES, rows, strict=True)}


def test_kappa_is_the_one_cohen_printed() -> None:
    # Cohen 1960, table 1: two judges sort 200 subjects into three categories, with kappa 0.492. His interval is
    # 0.4915 plus or minus 1.96 * sqrt(0.7 * 0.3 / 200) / 0.59.
    found = kappa_estimate(table([88, 14, 18, 0], [10, 40, 10, 0], [2, 6, 12, 0], [0, 0, 0, 0]))
    assert found is not None and found.comparisons == 200
    assert found.value == pytest.approx(0.492, abs=5e-4)
    assert found.ci95 == (pytest.approx(0.384, abs=0.01), pytest.approx(0.599, abs=0.01))


@given(st.lists(SAID, min_size=1, max_size=30))
def test_kappa_is_that_of_scikit_learn(said: list[tuple[Preference, Preference]]) -> None:
    found = kappa_estimate(confusion(said))
    if len({word for both in said for word in both}) == 1:
        assert found is None
        return
    assert found is not None
    people, judge = zip(*said, strict=True)
    assert found.value == pytest.approx(cohen_kappa_score(people, judge, labels=CATEGORIES), abs=1e-9)
    assert -1 <= found.ci95[0] <= found.value <= found.ci95[1] <= 1


def test_kappa_is_not_defined_without_comparisons() -> None:
    assert kappa_estimate(confusion([])) is None


def test_the_same_answers_have_kappa_1_and_few_of_them_leave_much_open() -> None:
    few, many = (kappa_estimate(confusion([("a", "a"), ("b", "b")] * times)) for times in (3, 50))
    assert few is not None and many is not None
    assert few.value == many.value == few.ci95[1] == many.ci95[1] == 1.0
    assert few.ci95[0] < 0.3 and many.ci95[0] > 0.9


def test_a_coin_has_a_kappa_around_0() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        drawn = generator.choice(CATEGORIES, size=(40, 2), p=[0.4, 0.4, 0.1, 0.1])
        found = kappa_estimate(confusion([tuple(each) for each in drawn]))
        assert found is not None
        covered += found.ci95[0] <= 0 <= found.ci95[1]
    assert covered >= 184  # 92 % of nominally 95


@pytest.mark.parametrize("size", [10, 30, 100])
@pytest.mark.parametrize("skill", [0.4, 0.8, 0.95])
def test_the_interval_of_kappa_holds_it_as_often_as_it_says(skill: float, size: int) -> None:
    # A judge that knows people's answer with this probability and else draws as people do has this very kappa.
    prior = np.array([0.4, 0.4, 0.1, 0.1])
    together = skill * np.diag(prior) + (1 - skill) * np.outer(prior, prior)
    generator = np.random.default_rng(size)
    covered = 0
    for drawn in generator.multinomial(size, together.ravel(), size=500):
        found = kappa_estimate(table(*drawn.reshape(4, 4).tolist()))
        covered += found is None or found.ci95[0] <= skill <= found.ci95[1]
    assert covered >= 0.91 * 500


@pytest.mark.parametrize(("hits", "total", "value"), [(0, 5, 0.0), (5, 5, 1.0), (3, 12, 0.25)])
def test_a_share_has_an_interval_with_a_width_around_it(hits: int, total: int, value: float) -> None:
    found = share_estimate(hits, total)
    assert found is not None and (found.value, found.comparisons) == (value, total)
    assert 0 <= found.ci95[0] <= value <= found.ci95[1] <= 1
    assert found.ci95[1] - found.ci95[0] > 0.2


def test_nothing_has_no_share_and_no_difference() -> None:
    assert share_estimate(0, 0) is None
    assert difference_estimate([]) is None


def test_the_interval_of_a_difference_is_that_of_agresti_and_min() -> None:
    # Their adjusted Wald interval for matched pairs: half a one in each of the four cells, and the normal interval.
    better, worse, same = 14, 6, 30
    found = difference_estimate([1.0] * better + [-1.0] * worse + [0.0] * same)
    n, b, c = 50 + 2, better + 0.5, worse + 0.5
    half = 1.959964 * math.sqrt(b + c - (b - c) ** 2 / n) / n
    assert found is not None and found.value == pytest.approx(0.16)
    assert found.ci95 == (pytest.approx((b - c) / n - half, abs=1e-6), pytest.approx((b - c) / n + half, abs=1e-6))


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_a_difference_lies_in_its_interval_and_turns_with_its_sign(differences: list[float]) -> None:
    found = difference_estimate(differences)
    turned = difference_estimate([-each for each in differences])
    assert found is not None and turned is not None
    assert -1 <= found.ci95[0] <= found.value <= found.ci95[1] <= 1
    assert found.ci95[1] - found.ci95[0] > 0
    assert (-turned.value, -turned.ci95[1], -turned.ci95[0]) == pytest.approx((found.value, *found.ci95))


@pytest.mark.parametrize("size", [5, 30, 200])
@pytest.mark.parametrize(
    "shares", [(0.0, 0.0, 0.97, 0.0, 0.03), (0.05, 0.1, 0.6, 0.15, 0.1), (0.05, 0.0, 0.15, 0.0, 0.8)]
)
def test_the_interval_of_a_difference_holds_it_as_often_as_it_says(shares: tuple[float, ...], size: int) -> None:
    steps = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    true, generator = float(np.dot(shares, steps)), np.random.default_rng(size)
    covered = 0
    for drawn in generator.choice(steps, size=(500, size), p=shares):
        found = difference_estimate(drawn.tolist())
        assert found is not None
        covered += found.ci95[0] <= true <= found.ci95[1]
    assert covered >= 0.92 * 500
