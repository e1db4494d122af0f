"""Means over questions and the spread that the bootstrap gives them."""

import math

import pytest
from example_usage import usage, varied_usages
from pydantic import ValidationError

from tasks.evaluation.intervals import bootstrap_mean
from tasks.roi.usage import DRAWS, Means, draw_means, mean_usage, percentile_ends, share_latencies, summarise_usage


def test_answers_of_a_batch_share_its_seconds() -> None:
    assert share_latencies([8.0, 3.0, 8.0, 8.0, 8.0, 3.0]) == (2.0, 1.5, 2.0, 2.0, 2.0, 1.5)
    assert math.fsum(share_latencies([8.0, 3.0, 8.0, 8.0, 8.0, 3.0])) == 8.0 + 3.0


def test_means_by_hand() -> None:
    measured = usage("rag", prompt_tokens=(100, 200, 300, 400), correct=(1.0, 1.0, 1.0, 0.0))
    assert mean_usage(measured) == Means(prompt_tokens=250.0, completion_tokens=500.0, server_s=2.0, correct_share=0.75)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValidationError, match="rag has columns of different lengths"):
        usage("rag", prompt_tokens=(1, 2, 3))


def test_arms_with_different_numbers_of_questions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"every arm needs the same questions, not \[1, 4\] of them"):
        draw_means([usage("base"), usage("rag", correct=(1.0,))], seed=0)


def test_the_same_seed_gives_the_same_draws_and_another_gives_others() -> None:
    usages = varied_usages()
    assert draw_means(usages, seed=3) == draw_means(usages, seed=3) != draw_means(usages, seed=4)


def test_all_arms_are_given_the_same_drawn_questions() -> None:
    alike = varied_usages()[0]
    draws = draw_means([alike, alike.model_copy(update={"arm": "rag"})], seed=0)
    assert len(draws) == DRAWS
    assert all(base == rag for base, rag in draws)
    assert len({base for base, _ in draws}) > DRAWS / 2


def test_the_spread_is_that_of_the_bootstrap_of_the_evaluation() -> None:
    measured = varied_usages()[1]
    drawn = [draw[0] for draw in draw_means([measured], seed=0)]
    found = summarise_usage(measured, drawn).server_s_per_query
    expected = bootstrap_mean(measured.server_s, resamples=10_000, seed=1)
    assert found.mean == pytest.approx(expected.mean)
    width = expected.ci95[1] - expected.ci95[0]
    assert found.ci95 == pytest.approx(expected.ci95, abs=0.1 * width)


def test_questions_all_alike_have_no_spread() -> None:
    measured = usage("base", correct=(1.0, 1.0))
    summary = summarise_usage(measured, [draw[0] for draw in draw_means([measured], seed=0)])
    assert summary.server_s_per_query.ci95 == (2.0, 2.0)
    assert summary.correct_share.ci95 == (1.0, 1.0)


def test_an_interval_leaves_out_two_and_a_half_percent_on_each_side() -> None:
    assert percentile_ends([float(value) for value in range(1, 1001)], 500.0) == (25.0, 975.0)


def test_an_interval_may_end_at_never_and_always_holds_the_value() -> None:
    assert percentile_ends([1.0] * 900 + [math.inf] * 100, 1.0) == (1.0, math.inf)
    assert percentile_ends([1.0] * 900 + [math.inf] * 100, math.inf) == (1.0, math.inf)
    assert percentile_ends([2.0, 3.0], 1.0) == (1.0, 3.0)
