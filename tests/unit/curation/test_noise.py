"""Pairs that most voices contradict are left out."""

import pytest
from example_rows import assert_lawful, keys, pairs_frame, shuffled
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.filters.noise import READS, drop_noisy


@pytest.mark.parametrize(
    ("votes_for", "votes_against", "max_noise", "stays"),
    [
        (1.0, 0.0, 0.5, True),
        (1.0, 1.0, 0.5, True),  # half against is not most
        (1.0, 1.1, 0.5, False),
        (2.0, 3.0, 0.5, False),
        (0.3, 0.1, 0.25, True),  # 0.1 / 0.4 is not exactly 0.25
        (0.0, 1.0, 0.5, False),
        (0.0, 1.0, 1.0, True),
        (3.0, 0.1, 0.0, False),
        (3.0, 0.0, 0.0, True),
        (None, None, 0.0, True),  # nobody voted
        (0.0, 0.0, 0.0, True),  # or with no weight
    ],
)
def test_a_pair_goes_when_most_voices_are_against_it(
    votes_for: float | None, votes_against: float | None, max_noise: float, stays: bool
) -> None:
    rows = pairs_frame([{"votes_for": votes_for, "votes_against": votes_against}])
    assert len(drop_noisy(rows, max_noise).kept) == stays


def test_it_says_how_the_voices_were() -> None:
    rows = pairs_frame([{"votes_for": 1.0, "votes_against": 2.25}])
    removed = drop_noisy(rows, 0.5).removed
    assert removed.select("reason", "detail").row(0) == ("pairs_noisy", "voices for it 1.0, against it 2.25")


def test_rows_that_are_no_pairs_stay() -> None:
    rows = pairs_frame([{"kind": kind, "votes_for": 0.0, "votes_against": 1.0} for kind in ("demonstration", "rated")])
    assert keys(drop_noisy(rows, 0.0).kept) == ["k0", "k1"]


_VOICES = st.one_of(st.none(), st.integers(0, 3).map(float))


@given(
    voices=st.lists(st.tuples(_VOICES, _VOICES), max_size=8),
    max_noise=st.floats(0.0, 1.0),
    seed=st.integers(0, 99),
)
def test_it_is_a_filter(voices: list[tuple[float | None, float | None]], max_noise: float, seed: int) -> None:
    rows = pairs_frame([{"votes_for": f, "votes_against": a} for f, a in voices])
    assert_lawful(lambda frame: drop_noisy(frame, max_noise), rows, READS, shuffled(rows, seed))
