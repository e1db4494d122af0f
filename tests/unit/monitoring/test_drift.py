"""Questions from one distribution are told apart as seldom as is promised, and a new topic is found."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from tasks.monitoring.drift import FOLDS, PENALTY, predictions_by_labels, tell_apart

Points = NDArray[np.float32]


def topics(rng: np.random.Generator, count: int, shares: list[float], dimensions: int = 24) -> Points:
    """Unit vectors around as many centres as there are shares; the centres are always the same."""
    centres = np.random.default_rng(99).normal(size=(len(shares), dimensions))
    chosen = rng.choice(len(shares), size=count, p=shares)
    points = centres[chosen] + 1.5 * rng.normal(size=(count, dimensions))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)


def test_predictions_are_those_of_scikit_learns_ridge_on_the_same_folds() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    rng = np.random.default_rng(1)
    points, labels = rng.normal(size=(43, 7)), (rng.random(43) < 0.3).astype(float)
    folds = np.array_split(rng.permutation(43), FOLDS)
    fold_of, intercepts = np.empty(43, dtype=int), np.empty(43)
    for number, fold in enumerate(folds):
        fold_of[fold] = number
        intercepts[fold] = np.delete(labels, fold).mean()

    expected = cross_val_predict(Ridge(alpha=PENALTY), points, labels, cv=PredefinedSplit(fold_of)) - intercepts

    np.testing.assert_allclose(predictions_by_labels(points, folds) @ labels, expected, atol=1e-10)


@pytest.mark.parametrize(("now", "before"), [(60, 60), (30, 150)])
def test_of_500_windows_in_which_nothing_drifts_as_many_raise_an_alarm_as_the_level_allows(
    now: int, before: int
) -> None:
    level, alarms = 0.05, 0
    for seed in range(500):
        rng = np.random.default_rng(seed)
        sample = [topics(rng, size, [0.6, 0.3, 0.1]) for size in (now, before)]
        alarms += tell_apart(sample[0], sample[1], level, seed).p_value <= level

    # Exact, so that only chance can bring it above 5 %: more than this by chance once in 1,000.
    assert alarms <= binom.ppf(0.999, 500, level)
    assert alarms > 0  # a test that never raises an alarm would pass, too


def test_a_new_topic_that_30_percent_ask_about_is_found_at_a_daily_level_in_four_weeks_of_five() -> None:
    daily, found = 1 / 365 / 4, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        before, now = topics(rng, 300, [0.7, 0.3, 0.0]), topics(rng, 80, [0.5, 0.2, 0.3])
        found.append(tell_apart(now, before, daily, seed))

    assert np.mean([each.p_value <= daily for each in found]) >= 0.8
    assert 0.57 < np.mean([each.auc for each in found]) < 0.75


def test_the_questions_that_look_most_like_now_are_those_of_the_new_topic() -> None:
    rng = np.random.default_rng(3)
    old, new = topics(rng, 70, [1.0, 0.0]), topics(rng, 30, [0.0, 1.0])

    found = tell_apart(np.concatenate([old, new]), topics(rng, 200, [1.0, 0.0]), 0.05, 0)

    assert np.mean(np.argsort(-found.scores)[:20] >= 70) >= 0.9


def test_the_same_questions_and_seed_give_the_same_figures() -> None:
    rng = np.random.default_rng(3)
    now, before = topics(rng, 50, [0.5, 0.5]), topics(rng, 60, [0.7, 0.3])

    first, second = (tell_apart(now, before, 0.01, 7) for _ in range(2))

    assert (first.auc, first.p_value, first.ci95) == (second.auc, second.p_value, second.ci95)
    assert first.ci95[0] <= first.auc <= first.ci95[1]


def test_one_question_asked_again_and_again_in_both_periods_is_no_drift() -> None:
    same = np.ones((40, 8), dtype=np.float32) / np.sqrt(8, dtype=np.float32)

    found = tell_apart(same, same, 0.05, 0)

    assert 0.3 < found.auc < 0.7
    assert found.p_value > 0.05


def test_a_topic_that_two_in_five_ask_about_is_not_hidden_by_three_questions_that_all_others_ask() -> None:
    old, new = np.eye(4, dtype=np.float32)[:3], np.eye(4, dtype=np.float32)[3:]
    now, before = np.concatenate([np.repeat(old, 10, axis=0), np.repeat(new, 20, axis=0)]), np.repeat(old, 30, axis=0)

    aucs = [tell_apart(now, before, 0.05, seed).auc for seed in range(5)]

    # With ties broken by chance it would be 0.7. Pooled over folds, with their intercepts, it was 0.54.
    assert all(0.55 < auc < 0.75 for auc in aucs)


def test_questions_that_share_nothing_are_told_apart_for_certain() -> None:
    ones, others = np.tile([1.0, 0.0], (60, 1)), np.tile([0.0, 1.0], (60, 1))

    found = tell_apart(ones.astype(np.float32), others.astype(np.float32), 0.001, 0)

    assert found.auc == 1.0
    assert found.p_value == pytest.approx(1 / 10_001)


@pytest.mark.parametrize(("now", "before"), [(0, 50), (50, 0), (2, 2)])
def test_too_few_questions_cannot_be_told_apart(now: int, before: int) -> None:
    with pytest.raises(ValueError, match=f"{now} and {before} questions cannot be told apart"):
        tell_apart(np.ones((now, 3), np.float32), np.ones((before, 3), np.float32), 0.05, 0)
