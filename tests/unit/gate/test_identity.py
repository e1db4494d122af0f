"""What is promoted is what was evaluated, against the champion that consumers have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.gate.identity import not_taken_back, same_champion, same_model


@pytest.mark.parametrize("difference", [0.0, 1e-6, 1e-3])
def test_logits_within_a_thousandth_are_the_same_model(difference: float):
    assert same_model(difference).passed


@pytest.mark.parametrize(
    ("difference", "gap"),
    [
        (1.0001e-3, "differ by at most 0.001"),
        (54.0, "differ by at most 54"),
        (-1.0, "differ by at most -1"),
        (None, "differ beyond measure"),
    ],
)
def test_logits_further_apart_or_not_a_number_are_another_model(difference: float | None, gap: str):
    check = same_model(difference)
    assert not check.passed
    assert check.sentence == (
        f"The registered model is not the model that was evaluated: loaded back, its logits {gap} (0.001 allowed)."
    )


def test_the_champion_that_was_compared_with_may_be_taken_over_from():
    check = same_champion(3, 3, 4)
    assert check.passed
    assert check.sentence == "The champion is still version 3, with which the challenger was compared."


def test_a_champion_that_is_the_challenger_was_moved_by_an_attempt_that_was_killed():
    assert same_champion(3, 4, 4).passed


@pytest.mark.parametrize(("now", "words"), [(2, "version 2"), (None, "none")])
def test_another_champion_than_the_one_compared_with_is_not_taken_over_from(now: int | None, words: str):
    check = same_champion(3, now, 4)
    assert not check.passed
    assert check.sentence == (
        f"The challenger was compared with version 3, but the champion is now {words}: run the next round to compare "
        "with that one."
    )


@given(compared=st.integers(1, 9), now=st.none() | st.integers(1, 9), challenger=st.integers(1, 9))
def test_only_two_versions_may_be_champion(compared: int, now: int | None, challenger: int):
    assert same_champion(compared, now, challenger).passed == (now in {compared, challenger})


def test_what_a_person_has_taken_back_is_not_promoted_again():
    assert not_taken_back(4, None).passed
    check = not_taken_back(4, "rolled back (2026-11-23T07:00:00+00:00 to 3 by ann: too wordy)")
    assert not check.passed
    assert check.sentence == (
        "Version 4 was rolled back (2026-11-23T07:00:00+00:00 to 3 by ann: too wordy): it is not promoted again; run "
        "the next round."
    )
