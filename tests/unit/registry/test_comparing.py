"""Comparing logits: the worst gap counts, and what cannot be compared is not the same."""

import math

import pytest
import torch

from tasks.errors import ModelError
from tasks.records import BaseModelRef, ModelVersion
from tasks.registry.comparing import largest_difference, require_same_model

VERSION = ModelVersion(name="demo", version=3, base=BaseModelRef(id="t", path="/t", sha256="b" * 64))


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


@pytest.mark.parametrize("gap", [0.0, 1e-3])
def test_a_gap_up_to_a_thousandth_is_the_same_model(gap: float):
    require_same_model(VERSION, gap)


@pytest.mark.parametrize("gap", [0.0011, 54.0, math.inf, math.nan])
def test_a_wider_gap_is_refused_loudly(gap: float):
    with pytest.raises(ModelError) as caught:
        require_same_model(VERSION, gap)
    assert caught.value.problems == (
        f"Version 3 of demo is not the model that was evaluated: loaded back from the registry, its logits differ by "
        f"{gap:.3g} (0.001 allowed); it is not promoted. Delete the version in MLflow and run the promote stage again.",
    )
