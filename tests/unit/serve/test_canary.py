"""The canary's share of the requests is held, and repeatable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.serve.canary import turn_of


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_challenger_gets_its_share_of_ids_and_always_the_same(share: float) -> None:
    ids = [f"{number:032x}" for number in range(4000)]
    turns = [turn_of(name, share) for name in ids]

    assert abs(turns.count("challenger") / len(ids) - share) < (0.03 if 0 < share < 1 else 1e-9)
    assert turns == [turn_of(name, share) for name in ids]


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_takes_nobody_away_from_the_challenger(name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert turn_of(name, low) == "champion" or turn_of(name, high) == "challenger"
