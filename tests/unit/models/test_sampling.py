import math

import pytest
import torch

from tasks.models.sampling import GumbelTopK

INPUT_IDS = torch.zeros((1, 1), dtype=torch.long)  # not read by the sampler


def draw(logits: list[float], temperature: float, top_k: int, draws: int, first_seed: int = 0) -> list[int]:
    """One draw from each of `draws` streams, seeded in a row as a batch of prompts is."""
    sampler = GumbelTopK(temperature, top_k, range(first_seed, first_seed + draws))
    chosen: list[int] = sampler(INPUT_IDS, torch.tensor([logits] * draws)).argmax(dim=-1).tolist()
    return chosen


def softmax(logits: list[float], temperature: float) -> list[float]:
    weights = [math.exp(logit / temperature) for logit in logits]
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_at_the_temperature(temperature: float) -> None:
    from scipy.stats import chisquare

    logits = [1.0, 0.0, -1.0, 0.5, 2.0]
    draws = draw(logits, temperature, top_k=5, draws=4000)
    observed = [draws.count(token) for token in range(5)]
    expected = [4000 * share for share in softmax(logits, temperature)]
    assert chisquare(observed, expected).pvalue > 0.001


def test_draws_of_one_stream_follow_the_softmax_too() -> None:
    from scipy.stats import chisquare

    logits = [0.3, -0.2, 1.1]
    sampler = GumbelTopK(0.8, 3, [7])
    draws = [int(sampler(INPUT_IDS, torch.tensor([logits])).argmax()) for _ in range(3000)]
    expected = [3000 * share for share in softmax(logits, 0.8)]
    assert chisquare([draws.count(token) for token in range(3)], expected).pvalue > 0.001


def test_draws_from_the_top_k_follow_their_own_softmax() -> None:
    from scipy.stats import chisquare

    draws = draw([1.0, -9.0, 0.0, 0.5, -9.0], 1.0, top_k=3, draws=3000)
    expected = [3000 * share for share in softmax([1.0, 0.0, 0.5], 1.0)]
    assert chisquare([draws.count(token) for token in (0, 2, 3)], expected).pvalue > 0.001


def test_only_the_top_k_tokens_are_ever_drawn() -> None:
    logits = [float(token % 7) / 10 for token in range(40)]
    logits[3], logits[17], logits[39] = 2.0, 2.1, 2.2
    assert set(draw(logits, 2.0, top_k=3, draws=1000)) == {3, 17, 39}


def test_top_1_is_greedy_at_any_temperature() -> None:
    assert set(draw([0.0, 0.1, 0.0], 100.0, top_k=1, draws=200)) == {1}


def test_a_top_k_above_the_vocabulary_means_all_of_it() -> None:
    assert set(draw([0.0, 0.0, 0.0], 1.0, top_k=50, draws=200)) == {0, 1, 2}


def test_one_token_a_row_is_left_and_all_others_are_minus_infinity() -> None:
    scores = GumbelTopK(1.0, 4, [1, 2, 3])(INPUT_IDS, torch.randn(3, 9, generator=torch.Generator().manual_seed(0)))
    assert scores.shape == (3, 9)
    assert torch.isinf(scores).sum(dim=-1).tolist() == [8, 8, 8]
    assert scores.max(dim=-1).values.tolist() == [0.0, 0.0, 0.0]


def test_a_masked_token_is_never_drawn() -> None:
    assert 1 not in draw([0.0, -math.inf, 0.0], 1.0, top_k=3, draws=500)


def test_a_row_draws_the_same_with_any_neighbours() -> None:
    logits = torch.randn(1, 60, generator=torch.Generator().manual_seed(1))
    alone, together = GumbelTopK(1.0, 50, [5]), GumbelTopK(1.0, 50, [9, 5, 11])
    for _ in range(20):
        expected = alone(INPUT_IDS, logits)
        assert torch.equal(together(INPUT_IDS, logits.repeat(3, 1))[1:2], expected)


def test_half_precision_scores_keep_their_type() -> None:
    scores = GumbelTopK(1.0, 2, [0])(INPUT_IDS, torch.zeros((1, 4), dtype=torch.bfloat16))
    assert scores.dtype == torch.bfloat16


def test_sampling_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    draw([0.0, 1.0], 1.0, top_k=2, draws=50)
    assert torch.equal(torch.get_rng_state(), before)
