"""Comparing logits: the worst gap counts, and what cannot be compared is not the same."""

import math

import pytest
import torch

from tasks.errors import ModelError
from tasks.registry.comparing import largest_difference


def test_the_largest_gap_of_any_sequence_counts():
    expected = [torch.zeros(2, 3), torch.zeros(4, 3)]
    found = [torch.zeros(2, 3), torch.zeros(4, 3)]
    found[0][1, 2] = 0.25
    found[1][3, 0] = -0.5
    assert largest_difference(expected, found) == 0.5


@pytest.mark.parametrize("position", [0, 1])
def test_a_nan_anywhere_is_an_infinite_gap(position: int):
    found = [torch.zeros(1, 2), torch.zeros(1, 2)]
    found[position][0, 0] = math.nan
    assert largest_difference([torch.zeros(1, 2), torch.zeros(1, 2)], found) == math.inf


def test_two_infinities_are_not_the_same():
    assert largest_difference([torch.tensor([math.inf])], [torch.tensor([math.inf])]) == math.inf


def test_low_precision_is_compared_without_losing_more():
    assert largest_difference([torch.ones(1, dtype=torch.bfloat16)], [torch.full((1,), 1.001)]) > 0.0009


@pytest.mark.parametrize(
    ("expected", "found"),
    [([torch.zeros(2, 3)], [torch.zeros(2, 4)]), ([torch.zeros(2, 3)], []), ([], [])],
)
def test_nothing_to_compare_is_an_error(expected: list[torch.Tensor], found: list[torch.Tensor]):
    with pytest.raises(ModelError, match="compare the same model on the same sequences, and at least one"):
        largest_difference(expected, found)
