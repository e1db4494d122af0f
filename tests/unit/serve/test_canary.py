"""The canary's share is held and repeatable, and thumbs are compared with intervals that hold up."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.serve.canary import CanaryComparison, Thumb, compare_thumbs, turn_of


def compare(thumbs: list[Thumb]) -> CanaryComparison:
    return compare_thumbs(thumbs, 1, 2, resamples=1000, seed=0)


def thumbs(version: int, up: int, down: int, question: str = "q{}") -> list[Thumb]:
    return [Thumb(version=version, question=question.format(number), up=number < up) for number in range(up + down)]


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


def test_without_thumbs_there_are_no_rates() -> None:
    compared = compare([])
    assert (compared.champion.rate, compared.difference, compared.paired) == (None, None, None)
    assert compare(thumbs(1, 3, 1)).difference is None


def test_the_interval_of_the_difference_is_newcombes() -> None:
    # Newcombe 1998, table II: 56/70 - 48/80 = 0.2, method 10: 0.0524 to 0.3339.
    compared = compare([*thumbs(2, 56, 14), *thumbs(1, 48, 32)])
    assert compared.difference is not None
    assert compared.difference.mean == pytest.approx(0.2)
    assert compared.difference.ci95 == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_other_versions_are_passed_over() -> None:
    assert compare([*thumbs(1, 2, 1), *thumbs(3, 9, 0)]) == compare(thumbs(1, 2, 1))


def test_equal_questions_are_paired_each_counting_once() -> None:
    # On q0 the champion was rated three times; q9 was asked of the challenger alone.
    given_thumbs = [
        *(Thumb(version=1, question="q0", up=up) for up in (True, False, False)),
        Thumb(version=2, question="q0", up=True),
        Thumb(version=1, question="q1", up=True),
        Thumb(version=2, question="q1", up=True),
        Thumb(version=2, question="q9", up=False),
    ]
    compared = compare(given_thumbs)
    assert compared.paired_questions == 2
    assert compared.paired is not None
    assert compared.paired.difference == pytest.approx((2 / 3 + 0) / 2)
    assert (compared.paired.wins, compared.paired.ties, compared.paired.losses) == (1, 1, 0)


def test_the_interval_covers_a_difference_of_nothing_in_most_draws() -> None:
    draw = random.Random(0)
    covered = 0
    for _ in range(300):
        drawn = [
            Thumb(version=version, question=f"{version} {number}", up=draw.random() < 0.7)
            for version, count in ((1, 60), (2, 25))
            for number in range(count)
        ]
        difference = compare(drawn).difference
        assert difference is not None
        covered += difference.ci95[0] <= 0 <= difference.ci95[1]
    assert covered / 300 > 0.92
