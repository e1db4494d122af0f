"""Whether the chosen answer is the longer one: the share, and pairs left out until it is one half."""

import pytest
from example_rows import assert_lawful, keys, pairs_frame, shuffled
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.filters.length_balance import READS, balance_length, chosen_longer_share


def pair(longer: int, **more: object) -> dict[str, object]:
    """A pair whose chosen answer is longer by so many characters."""
    return {"completion": "é" * (10 + longer), "rejected": "x" * 10, **more}


@pytest.mark.parametrize(
    ("longer", "share"),
    [([], None), ([1], 1.0), ([-1], 0.0), ([0], 0.5), ([3, 0], 0.75), ([1, 2, 3, -1], 0.75), ([-1, -1, -1, 0], 0.125)],
)
def test_the_share_counts_equal_lengths_half(longer: list[int], share: float | None) -> None:
    assert chosen_longer_share(pairs_frame([pair(by) for by in longer])) == share


def test_rows_that_are_no_pairs_have_no_share() -> None:
    rows = pairs_frame([pair(1, kind="demonstration", rejected=None), pair(1, kind="rated", rejected=None)])
    assert chosen_longer_share(rows) is None
    assert balance_length(rows).removed.is_empty()


@pytest.mark.parametrize("side", [1, -1])
def test_of_the_crowded_side_judges_go_first_and_then_the_least_confident(side: int) -> None:
    rows = pairs_frame(
        [
            pair(side, confidence=0.5),
            pair(side, origin="reference", confidence=0.6),
            pair(side, origin="judge:j@1", confidence=0.9),
            pair(side, origin="end_user", confidence=0.8),
            pair(-side),
            pair(-side),
            pair(0, origin="judge:j@1", confidence=0.0),
        ]
    )
    assert keys(balance_length(rows).removed) == ["k2", "k3"]
    assert keys(balance_length(rows.filter(rows["key"] != "k5")).removed) == ["k0", "k2", "k3"]


def test_it_says_how_long_the_answers_were() -> None:
    removed = balance_length(pairs_frame([pair(2)])).removed
    assert removed.select("reason", "detail").row(0) == (
        "pairs_unbalancing_length",
        "chosen 12 characters, rejected 10",
    )


_PAIRS = st.builds(
    pair,
    st.integers(-2, 2),
    origin=st.sampled_from(["human", "judge:j@1"]),
    confidence=st.sampled_from([0.5, 1.0]),
    kind=st.sampled_from(["pair", "pair", "demonstration"]),
)


@given(pairs=st.lists(_PAIRS, max_size=12), seed=st.integers(0, 99))
def test_it_is_a_filter_after_which_the_share_is_one_half(pairs: list[dict[str, object]], seed: int) -> None:
    rows = pairs_frame(pairs)
    assert_lawful(balance_length, rows, READS, shuffled(rows, seed))
    assert chosen_longer_share(balance_length(rows).kept) in (0.5, None)
