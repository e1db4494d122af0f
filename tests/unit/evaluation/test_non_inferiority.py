"""A challenger that loses the margin is let through no more often than the level says, and an equal one mostly is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.evaluation.superiority import non_inferiority_p_value, questions_needed, superiority_p_value

SEQUENCES = 2_000
LEVEL = 0.05
MARGIN = 0.1
QUESTIONS = 60


def passes(found: NDArray[np.float64], margin: float = MARGIN) -> float:
    """Of rounds, (rounds, questions), the share in which a loss of the margin is ruled out."""
    return float(np.mean([non_inferiority_p_value(differences, margin) <= LEVEL for differences in found.tolist()]))


@pytest.mark.parametrize("loss", [MARGIN, 0.12, 0.2])
def test_a_challenger_that_loses_the_margin_or_more_passes_in_one_round_of_twenty_at_most(loss: float):
    rng = np.random.default_rng(30)
    found = np.clip(rng.normal(-loss, 0.15, (SEQUENCES, QUESTIONS)), -1.0, 1.0)
    assert passes(found) <= LEVEL


def test_so_does_one_that_loses_everything_on_a_few_questions_and_nothing_on_the_others():
    rng = np.random.default_rng(31)
    found = -(rng.random((SEQUENCES, QUESTIONS)) < MARGIN).astype(np.float64)
    assert 0.0 < passes(found) <= LEVEL


@pytest.mark.parametrize(("spread", "least"), [(0.0, 1.0), (0.1, 0.95), (0.15, 0.8)])
def test_an_equal_challenger_mostly_passes_with_sixty_questions(spread: float, least: float):
    """Measured: 100, 98 and 85 of 100, by the spread of the differences."""
    rng = np.random.default_rng(32)
    assert passes(np.clip(rng.normal(0.0, spread, (SEQUENCES // 4, QUESTIONS)), -1.0, 1.0)) >= least


@given(st.floats(0.01, 0.9), st.floats(0.001, 0.5), st.sampled_from([1.0, 2.0]))
def test_the_questions_needed_are_the_fewest_with_which_equal_answers_prove_it(
    margin: float, level: float, largest: float
):
    needed = questions_needed(margin, level, largest)
    assert non_inferiority_p_value([0.0] * needed, margin, largest) <= level
    assert non_inferiority_p_value([0.0] * (needed - 1), margin, largest) > level


@pytest.mark.parametrize(("margin", "questions"), [(0.05, 88), (0.1, 43), (0.15, 28), (0.2, 20)])
def test_so_many_questions_does_each_margin_take(margin: float, questions: int):
    assert questions_needed(margin, LEVEL) == questions


@given(st.lists(st.floats(-1.0, 1.0), max_size=40), st.floats(0.01, 0.5), st.floats(0.0, 0.4))
def test_a_wider_margin_proves_more_and_no_margin_less_than_superiority(found: list[float], margin: float, more: float):
    assert non_inferiority_p_value(found, margin + more) <= non_inferiority_p_value(found, margin) + 1e-12
    assert non_inferiority_p_value(found, margin) <= superiority_p_value(found, 0.0) + 1e-12


@pytest.mark.parametrize("margin", [0.0, -0.1, 1.0])
def test_a_margin_that_cannot_be_is_refused(margin: float):
    sentence = f"a margin of {margin} is not above 0 and below 1"
    with pytest.raises(ValueError, match=sentence):
        non_inferiority_p_value([0.0], margin)
    with pytest.raises(ValueError, match=sentence):
        questions_needed(margin, LEVEL)


@pytest.mark.parametrize("level", [0.0, 1.5])
def test_a_level_that_cannot_be_is_refused(level: float):
    with pytest.raises(ValueError, match=f"a level of {level} is not above 0 and at most 1"):
        questions_needed(MARGIN, level)
