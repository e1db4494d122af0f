"""Two forms give the same answers when they part only where the evaluated model itself all but wavers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.exporting.same_answers import Answered, Expected, broken_form, first_difference, judge_form, where_they_part

VOCABULARY = 6
TOLERANCE = 0.1
Tokens = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=8)


def logits(tokens: list[int], lead: float) -> Any:
    """Rows in which the token taken leads all others by this much."""
    rows = np.zeros((len(tokens), VOCABULARY), dtype=np.float32)
    rows[np.arange(len(tokens)), tokens] = lead
    return rows


def expected(tokens: list[int], lead: float = 5.0, question: str = "What is a list?") -> Expected:
    return Expected([1, 2], tokens, 0.0, question, logits(tokens, lead))


def judge(answers: list[tuple[Expected, Answered]]) -> Any:
    return judge_form("gguf", "f16", "llama.cpp 1", [e for e, _ in answers], [f for _, f in answers], TOLERANCE)


@given(tokens=Tokens, gap=st.floats(0.0, TOLERANCE))
def test_equal_answers_within_the_tolerance_pass(tokens: list[int], gap: float) -> None:
    verdict = judge([(expected(tokens), Answered([1, 2], tokens, gap))])
    assert verdict.passed
    assert verdict.problem is None
    assert (verdict.equal_answers, verdict.max_gap) == (1.0, gap)


@given(tokens=Tokens, place=st.integers(0, 7), other=st.integers(1, VOCABULARY - 1), rest=Tokens, lead=st.floats(0, 1))
def test_a_flip_is_accepted_exactly_where_the_lead_is_within_the_tolerance_whatever_follows(
    tokens: list[int], place: int, other: int, rest: list[int], lead: float
) -> None:
    place %= len(tokens)
    flipped = [*tokens[:place], (tokens[place] + other) % VOCABULARY, *rest]
    own = expected(tokens, lead)
    parting = where_they_part(tokens, flipped, own.logits)
    assert parting is not None
    assert parting.place == place
    assert parting.gap == pytest.approx(lead, abs=1e-6)
    verdict = judge([(own, Answered([1, 2], flipped, 0.0))])
    assert verdict.passed == (parting.gap <= TOLERANCE)
    assert verdict.equal_answers == 0.0


@given(tokens=Tokens, more=Tokens)
def test_an_answer_that_goes_on_or_stops_early_is_another_answer_whatever_the_lead(
    tokens: list[int], more: list[int]
) -> None:
    longer = tokens + more
    for own, found in ((tokens, longer), (longer, tokens)):
        parting = where_they_part(own, found, logits(own, 0.0))
        assert parting is not None
        assert (parting.place, parting.gap) == (len(tokens), math.inf)
        assert not judge([(expected(own, 0.0), Answered([1, 2], found, 0.0))]).passed


@given(one=Tokens, other=Tokens)
def test_the_first_difference_is_where_the_shared_start_ends(one: list[int], other: list[int]) -> None:
    place = first_difference(one, other)
    if place is None:
        assert one == other
    else:
        assert one[:place] == other[:place]
        assert one[place : place + 1] != other[place : place + 1]


@pytest.mark.parametrize("gap", [0.11, math.inf, math.nan])
def test_a_gap_beyond_the_tolerance_or_not_a_number_fails_though_the_answers_are_equal(gap: float) -> None:
    verdict = judge([(expected([1]), Answered([1, 2], [1], 0.0)), (expected([3]), Answered([1, 2], [3], gap))])
    assert not verdict.passed
    assert verdict.problem == f"gguf, asked 'What is a list?', is off by {gap:.2g} (0.1 allowed)"
    assert verdict.max_gap == (0.11 if gap == 0.11 else None)


def test_the_problem_names_form_prompt_token_and_gap_of_the_first_that_failed() -> None:
    fine = (expected([1, 2], question="Fine?"), Answered([1, 2], [1, 2], 0.01))
    bad = (expected([1, 2], 3.0, "Bad?"), Answered([1, 2], [1, 4], 0.01))
    worse = (expected([1, 2], question="Worse?"), Answered([1, 2], [1], 0.01))
    verdict = judge([fine, bad, worse, fine])
    assert verdict.problem == (
        "gguf, asked 'Bad?', differs at token 2, where the evaluated model prefers its own token by 3 (0.1 allowed)"
    )
    assert verdict.equal_answers == 0.5
    assert judge([worse]).problem == (
        "gguf, asked 'Worse?', differs at token 2, where the evaluated model ends elsewhere (0.1 allowed)"
    )


def test_a_prompt_that_was_read_otherwise_fails_though_the_answer_is_equal() -> None:
    verdict = judge([(expected([1]), Answered([1, 5], [1], 0.0))])
    assert verdict.problem == "gguf, asked 'What is a list?', reads another prompt: its token 2 differs"
    assert not verdict.passed


def test_a_form_that_did_not_answer_has_failed_on_every_prompt() -> None:
    verdict = broken_form("merged", "float32", "transformers 5", 4, 0.001, "merged does not load: no weights.")
    assert (verdict.passed, verdict.equal_answers, verdict.max_gap) == (False, 0.0, None)
    assert verdict.problem == "merged does not load: no weights"
