"""Randomisation tests and Holm's correction against what can be counted by hand, and against their promise."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.benchmark.paired_tests import compare_all, holm, randomisation_p_value

RESAMPLES = 1000


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [
        ([0.1, 0.2, 0.3], 2 / 8),  # all signs one way: two of the eight throws
        ([0.1, 0.2, -0.3], 8 / 8),  # a mean of zero: every throw is as far from it
        ([0.1, 0.2, 0.3, 0.4, 0.5], 2 / 32),
        ([0.5, 0.4, -0.1], 4 / 8),
        ([0.0, 0.0], 1.0),
        ([0.4], 1.0),
        ([0.1, 0.2, 0.3, 0.0, 1e-9], 2 / 8),  # ties say nothing, nor does the last digit of a cosine
    ],
)
def test_few_questions_are_counted_out(differences: list[float], p_value: float) -> None:
    found = randomisation_p_value(differences, [0.0] * len(differences), RESAMPLES, 0)

    assert found == pytest.approx(p_value)


@given(st.lists(st.sampled_from([-0.4, -0.1, 0.2, 0.7]), min_size=2, max_size=8))
def test_it_is_the_share_of_sign_throws_at_least_as_far_from_zero(differences: list[float]) -> None:
    every_sign = product((1, -1), repeat=len(differences))
    throws = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in every_sign]
    share = np.mean([throw >= abs(sum(differences)) - 1e-9 for throw in throws])

    found = randomisation_p_value(differences, [0.0] * len(differences), RESAMPLES, 0)

    assert found == pytest.approx(share, abs=1e-9)


def test_the_same_arms_are_found_different_in_no_more_than_five_of_a_hundred_cases() -> None:
    rng = np.random.default_rng(1)
    p_values = [
        randomisation_p_value(rng.normal(size=40).tolist(), rng.normal(size=40).tolist(), RESAMPLES, 0)
        for _ in range(200)
    ]

    assert np.mean([p <= 0.05 for p in p_values]) < 0.09  # 0.05 and three standard errors
    assert np.mean([p <= 0.5 for p in p_values]) > 0.35


def test_swapping_the_arms_changes_nothing_and_the_seed_decides_the_throws() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.2, 1, 60).tolist(), rng.normal(0, 1, 60).tolist()

    assert randomisation_p_value(a, b, RESAMPLES, 3) == randomisation_p_value(a, b, RESAMPLES, 3)
    assert randomisation_p_value(a, b, RESAMPLES, 3) == pytest.approx(randomisation_p_value(b, a, RESAMPLES, 3))


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [])])
def test_what_cannot_be_paired_is_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        randomisation_p_value(a, b, RESAMPLES, 0)


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # Holm: 3 * 0.01, then 2 * 0.03, then never below that
        ([0.02], [0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values: list[float], corrected: list[float]) -> None:
    assert holm(p_values) == pytest.approx(corrected)


def test_every_pair_of_arms_is_tested_on_the_metrics_that_both_have() -> None:
    scores = {
        "base": {"rouge_l": [0.1, 0.2, 0.3, 0.2, 0.1, 0.2]},
        "rag": {"rouge_l": [0.4, 0.5, 0.5, 0.6, 0.3, 0.5], "context_overlap": [0.5] * 6},
        "rag_ft": {"rouge_l": [0.9, 0.8, 0.7, 0.9, 0.8, 0.9], "context_overlap": [0.9] * 6},
    }

    tests = compare_all(scores, RESAMPLES, 0)

    assert [(test.arm, test.against, test.metric) for test in tests] == [
        ("rag", "base", "rouge_l"),
        ("rag_ft", "base", "rouge_l"),
        ("rag_ft", "rag", "rouge_l"),
        ("rag_ft", "rag", "context_overlap"),
    ]
    assert all(test.p_value == pytest.approx(2 / 64) for test in tests)
    # Three pairs on the one metric, one on the other.
    assert [test.p_value_holm for test in tests] == pytest.approx([3 * 2 / 64] * 3 + [2 / 64])
    assert (tests[0].wins, tests[0].losses) == (6, 0)
    assert tests[0].difference == pytest.approx(sum([0.3, 0.3, 0.2, 0.4, 0.2, 0.3]) / 6)


def test_one_arm_is_compared_with_nothing() -> None:
    assert compare_all({"base": {"rouge_l": [0.1]}}, RESAMPLES, 0) == ()
