"""Pairs are left out until the chosen answer is the longer one in half of them."""

import polars as pl
import pytest
from example_rows import assert_lawful, keys, pairs_frame, shuffled
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.filters.length_balance import READS, balance_length


def pair(longer: int, **more: object) -> dict[str, object]:
    """A pair whose chosen answer is longer by so many characters."""
    return {"completion": "é" * (10 + longer), "rejected": "x" * 10, **more}


def longer_by(rows: pl.DataFrame) -> list[int]:
    """By how many characters the chosen answer of each pair is longer."""
    pairs = rows.filter(rows["kind"] == "pair").select("completion", "rejected")
    return [len(chosen) - len(rejected) for chosen, rejected in pairs.iter_rows()]


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


@pytest.mark.parametrize(
    ("longer", "left"),
    [
        ([], []),
        ([1], []),
        ([-1], []),
        ([0], [0]),
        ([3, 0], [0]),
        ([1, 2, 3, -1], [1, -1]),
        ([-1, -1, -1, 0], [0]),
        ([2, -1, 0, 0], [2, -1, 0, 0]),
    ],
)
def test_of_longer_and_shorter_ones_as_many_are_left_and_equal_lengths_stay(longer: list[int], left: list[int]) -> None:
    kept = balance_length(pairs_frame([pair(by) for by in longer])).kept
    assert sorted(map(sign, longer_by(kept))) == sorted(map(sign, left))


def test_rows_that_are_no_pairs_stay() -> None:
    rows = pairs_frame([pair(1, kind="demonstration", rejected=None), pair(1, kind="rated", rejected=None)])
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
    assert sum(map(sign, longer_by(balance_length(rows).kept))) == 0
