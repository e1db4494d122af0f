"""The test of a round: a bet that no distribution beats, and one error rate for all rounds of a domain."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.evaluation.superiority import next_level, proven_gain, superiority_p_value

ROUNDS = 20
QUESTIONS = 200
SEQUENCES = 2_000
ERROR_RATE = 0.05
# Twice the standard deviation (0.17) of the demo's ROUGE-L differences between base and trained model.
SPREAD = 0.35

differences = st.lists(st.floats(-1.0, 1.0), max_size=60)


def test_the_capital_of_one_bet_is_the_mean_over_all_shares():
    # Of shares spread evenly over (0, 1), a difference of 1 makes 1 + share, which is 1.5 in the mean.
    assert superiority_p_value([1.0], 0.0) == pytest.approx(1 / 1.5)
    # Two of them: the mean of (1 + share) squared, 7 / 3 but for the steps of the shares.
    assert superiority_p_value([1.0, 1.0], 0.0) == pytest.approx(3 / 7, rel=1e-4)


@pytest.mark.parametrize(
    ("found", "effect"), [([], 0.0), ([0.0, 0.0], 0.0), ([0.1], 0.1), ([-1.0], 0.0), ([0.05], 0.1)]
)
def test_what_is_not_above_the_effect_proves_nothing(found: list[float], effect: float):
    assert superiority_p_value(found, effect) == 1.0
    assert effect or proven_gain(found, 0.05) is None


@given(differences)
def test_the_order_of_the_questions_does_not_matter(found: list[float]):
    again = sorted(found)
    assert superiority_p_value(again, 0.0) == pytest.approx(superiority_p_value(found, 0.0))


@given(differences.filter(bool), st.floats(0.0, 0.5), st.floats(0.0, 0.4))
def test_the_more_is_asked_for_the_less_is_proven(found: list[float], effect: float, more: float):
    assert superiority_p_value(found, effect + more) >= superiority_p_value(found, effect) - 1e-12


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_of_all_outcomes_of_fair_coins_no_more_than_the_level_pass(number: int):
    """Exactly: every outcome of a null with mean 0, skewed ones among them, enumerated with its probability."""
    for low, high in ((-1.0, 1.0), (-1.0, 0.25), (-0.25, 1.0)):
        up = -low / (high - low)  # so that the mean is 0
        found = []
        for outcome in product((low, high), repeat=number * 2):
            ups = sum(value == high for value in outcome)
            found.append((superiority_p_value(outcome, 0.0), up**ups * (1 - up) ** (len(outcome) - ups)))
        for level in {p for p, _ in found}:
            assert sum(chance for p, chance in found if p <= level) <= level + 1e-12


@pytest.mark.parametrize("found", [[1.1], [-1.01], [math.nan], [math.inf]])
def test_a_difference_that_cannot_be_is_refused(found: list[float]):
    with pytest.raises(ValueError, match=r"a bet needs differences in \[-1, 1\], and one is not"):
        superiority_p_value(found, 0.0)


@pytest.mark.parametrize("effect", [-0.1, 1.0, 1.5])
def test_an_effect_that_cannot_be_is_refused(effect: float):
    with pytest.raises(ValueError, match=f"a minimum effect of {effect} is not at least 0 and below 1"):
        superiority_p_value([0.5], effect)


def test_a_wider_metric_needs_wider_differences_for_the_same_proof():
    assert superiority_p_value([0.5] * 9, 0.0, 2.0) > superiority_p_value([0.5] * 9, 0.0)
    assert superiority_p_value([1.0] * 9, 0.0, 2.0) == pytest.approx(superiority_p_value([0.5] * 9, 0.0))


def test_overwhelming_evidence_has_a_p_value_above_zero():
    assert 0.0 < superiority_p_value([1.0] * 100_000, 0.0) < 1e-300


@given(st.lists(st.floats(-0.2, 1.0), min_size=5, max_size=60), st.floats(0.001, 0.5))
def test_the_proven_gain_is_where_the_p_value_meets_the_level(found: list[float], level: float):
    gain = proven_gain(found, level)
    if gain is None:
        assert superiority_p_value(found, 0.0) > level
    else:
        assert superiority_p_value(found, gain) <= level
        assert superiority_p_value(found, min(gain + 1e-6, 0.999999)) > level


def test_levels_fall_and_a_finding_that_held_hands_its_level_on():
    first, second, third = (next_level(ERROR_RATE, [False] * number) for number in range(3))
    assert (first, second, third) == pytest.approx((0.01914, 0.00677, 0.00368), abs=1e-5)
    assert next_level(ERROR_RATE, [True]) == pytest.approx(second + first)
    assert next_level(ERROR_RATE, [True, False]) == pytest.approx(third)
    assert next_level(ERROR_RATE, [True, True]) == pytest.approx(third + second + first)


@given(st.lists(st.booleans(), max_size=200))
def test_what_is_never_handed_on_adds_up_to_the_error_rate_at_most(earlier: list[bool]):
    levels = [next_level(ERROR_RATE, earlier[:number]) for number in range(len(earlier) + 1)]
    spent = sum(level for level, held in zip(levels, [*earlier, False], strict=True) if not held)
    assert spent <= ERROR_RATE


def test_where_nothing_improves_one_sequence_in_twenty_promotes_at_most_and_weekly_intervals_promote_far_more():
    """The champion's luck on the frozen test set is in all of a sequence's rounds, as it is in life."""
    rng = np.random.default_rng(20)
    champion = rng.normal(0.0, SPREAD / math.sqrt(2), (SEQUENCES, 1, QUESTIONS))
    challengers = rng.normal(0.0, SPREAD / math.sqrt(2), (SEQUENCES, ROUNDS, QUESTIONS))
    found = np.clip(challengers - champion, -1.0, 1.0)
    assert share_that_promotes(found) <= ERROR_RATE
    assert share_with_an_interval_above_zero(found) > 3 * ERROR_RATE


def test_where_a_challenger_is_better_on_most_and_far_worse_on_a_few_the_error_rate_holds_as_well():
    rng = np.random.default_rng(21)
    found = np.clip(0.2 - rng.exponential(0.2, (SEQUENCES, ROUNDS, QUESTIONS)), -1.0, 1.0)
    assert abs(found.mean()) < 0.005
    assert share_that_promotes(found) <= ERROR_RATE
    assert share_with_an_interval_above_zero(found) > 3 * ERROR_RATE


def test_a_true_gain_of_a_tenth_is_promoted_within_three_rounds_four_times_in_five():
    rng = np.random.default_rng(22)
    found = np.clip(rng.normal(0.10, SPREAD, (SEQUENCES // 4, 3, QUESTIONS)), -1.0, 1.0)
    assert share_that_promotes(found) >= 0.8


def share_that_promotes(found: NDArray[np.float64]) -> float:
    """Of sequences of rounds, (sequences, rounds, questions), the share in which a round's finding held."""
    return float(np.mean([any_round_holds(sequence) for sequence in found]))


def any_round_holds(sequence: NDArray[np.float64]) -> bool:
    # Until one holds, all earlier ones have not.
    return any(
        superiority_p_value(differences, 0.0) <= next_level(ERROR_RATE, [False] * number)
        for number, differences in enumerate(sequence)
    )


def share_with_an_interval_above_zero(found: NDArray[np.float64]) -> float:
    """The same for a plain 95 % interval each round, by normal theory."""
    errors = found.std(axis=2, ddof=1) / math.sqrt(found.shape[2])
    return float((found.mean(axis=2) - 1.96 * errors > 0).any(axis=1).mean())
