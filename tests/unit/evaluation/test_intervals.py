"""Bootstrap intervals: their coverage by simulation, their edges, and the symmetry of paired differences."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from tasks.evaluation.intervals import bootstrap_mean, paired_difference, wilson_interval
from tasks.records import PairedDifference

SCORES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40)
PAIRED_SCORES = st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=40)


def compare(a: list[float], b: list[float]) -> PairedDifference:
    return paired_difference(a, b, arm="challenger", against="champion", metric="rouge_l", resamples=1000, seed=7)


@pytest.mark.parametrize("shape", ["skewed", "mostly zero"])
def test_the_interval_covers_the_true_mean_about_95_times_in_100(shape: str) -> None:
    rng = np.random.default_rng(2026)
    simulations, questions = 1000, 60
    samples = rng.beta(1.0, 3.0, size=(simulations, questions))  # like ROUGE: many low scores, few high
    true_mean = 0.25
    if shape == "mostly zero":
        samples *= rng.random(samples.shape) < 0.4
        true_mean *= 0.4
    covered = 0
    for seed, sample in enumerate(samples):
        low, high = bootstrap_mean(sample.tolist(), resamples=1000, seed=seed).ci95
        covered += low <= true_mean <= high
    assert 0.92 <= covered / simulations <= 0.98


def test_pairing_finds_a_difference_that_hard_and_easy_questions_would_hide() -> None:
    rng = np.random.default_rng(3)
    champion = rng.uniform(0.0, 0.9, size=80)
    challenger = champion + rng.normal(0.05, 0.02, size=80)
    comparison = compare(challenger.tolist(), champion.tolist())
    assert comparison.ci95[0] > 0.04
    unpaired = [bootstrap_mean(arm.tolist(), 1000, seed=7).ci95 for arm in (champion, challenger)]
    assert unpaired[0][1] > unpaired[1][0]


@pytest.mark.parametrize("values", [[0.3], [0.1] * 7, [0.0] * 60, [-0.2, -0.2]])
def test_values_all_alike_give_an_interval_of_no_width_and_no_warning(values: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = bootstrap_mean(values, resamples=1000, seed=0)
    assert (summary.mean, *summary.ci95) == (values[0],) * 3


@pytest.mark.parametrize("values", [[], [0.1, float("nan")], [float("inf"), 0.0]])
def test_no_values_or_values_that_are_not_finite_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"a mean needs (at least one value|finite values)"):
        bootstrap_mean(values, resamples=1000, seed=0)


def test_arms_with_different_numbers_of_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="challenger has 2 scores and champion 1"):
        compare([0.1, 0.2], [0.1])


def test_the_seed_decides_the_interval() -> None:
    values = np.random.default_rng(0).random(30).tolist()
    assert bootstrap_mean(values, 1000, seed=1) == bootstrap_mean(values, 1000, seed=1)
    assert bootstrap_mean(values, 1000, seed=1) != bootstrap_mean(values, 1000, seed=2)


def test_more_questions_make_the_interval_narrower() -> None:
    values = np.random.default_rng(0).random(400)
    widths = [
        high - low for low, high in (bootstrap_mean(values[:n].tolist(), 1000, seed=0).ci95 for n in (25, 100, 400))
    ]
    assert widths[0] > widths[1] > widths[2]


def test_equal_answers_embedded_in_other_batches_are_ties() -> None:
    comparison = compare([0.9 + 1e-7, 0.5, 0.2], [0.9, 0.4, 0.4])
    assert (comparison.wins, comparison.ties, comparison.losses) == (1, 1, 1)


@settings(max_examples=50)
@given(SCORES)
def test_the_interval_contains_the_mean_and_stays_among_the_values(values: list[float]) -> None:
    summary = bootstrap_mean(values, resamples=1000, seed=0)
    low, high = summary.ci95
    assert low <= summary.mean <= high
    assert min(values) - 1e-9 <= low
    assert high <= max(values) + 1e-9


@settings(max_examples=50)
@given(PAIRED_SCORES)
def test_swapping_the_arms_negates_the_difference(pairs: list[tuple[float, float]]) -> None:
    a, b = [a for a, _ in pairs], [b for _, b in pairs]
    forward, backward = compare(a, b), compare(b, a)
    assert backward.difference == pytest.approx(-forward.difference, abs=1e-12)
    assert backward.ci95 == pytest.approx((-forward.ci95[1], -forward.ci95[0]), abs=1e-12)
    assert (backward.wins, backward.ties, backward.losses) == (forward.losses, forward.ties, forward.wins)


@settings(max_examples=50)
@given(PAIRED_SCORES)
def test_every_question_is_a_win_a_tie_or_a_loss(pairs: list[tuple[float, float]]) -> None:
    comparison = compare([a for a, _ in pairs], [b for _, b in pairs])
    assert comparison.wins + comparison.ties + comparison.losses == len(pairs)


@pytest.mark.parametrize(("successes", "cases"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (55, 200)])
def test_the_wilson_interval_is_scipys(successes: int, cases: int) -> None:
    interval = binomtest(successes, cases).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes / cases, cases) == pytest.approx((interval.low, interval.high))


@given(st.floats(0, 1), st.integers(1, 1000))
def test_the_wilson_interval_contains_the_share_and_has_a_width(share: float, cases: int) -> None:
    low, high = wilson_interval(share, cases)
    assert 0 <= low <= share <= high <= 1 and low < high


@pytest.mark.parametrize(("share", "cases"), [(0.5, 0), (-0.1, 3), (1.1, 3), (float("nan"), 3)])
def test_a_share_of_nothing_has_no_interval(share: float, cases: int) -> None:
    with pytest.raises(ValueError, match="a share in"):
        wilson_interval(share, cases)
