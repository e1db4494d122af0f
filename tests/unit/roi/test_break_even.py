"""Break-even to the month and to the query: at month boundaries, never, always, undone by retraining, and by search."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.roi.break_even import (
    LOOK_AHEAD_MONTHS,
    MOST_QUERIES_PER_DAY,
    CostLine,
    Swap,
    compare,
    crossings,
    swap_in_months,
    swap_in_queries,
)


def line(fixed: float, slope: float, server: float = 0.0, load: float = 0.0, min_servers: int = 1) -> CostLine:
    return CostLine(fixed, slope, server, load, min_servers)


def months(first: float, monthly: float, *, every: int = 0, again: float = 0.0) -> list[float]:
    retrainings = [(month - 1) // every if every and month else 0 for month in range(LOOK_AHEAD_MONTHS + 1)]
    return [first + monthly * month + again * paid for month, paid in enumerate(retrainings)]


@pytest.mark.parametrize(
    ("invested", "saved", "month"),
    [
        (600.0, 100.0, 6),  # exactly at the end of month 6
        (600.01, 100.0, 7),
        (599.99, 100.0, 6),
        (0.6, 0.1, 6),  # 0.1 has no exact binary form, and the boundary still holds
        (0.3, 0.1, 3),
        (1.1, 0.1, 11),
        (11_900.0, 100.0, 119),
    ],
)
def test_the_month_is_exact_at_month_boundaries(invested: float, saved: float, month: int) -> None:
    invests, pays_monthly = months(invested, 0.2), months(0.0, 0.2 + saved)
    assert swap_in_months(invests, pays_monthly) == Swap(0, month)
    assert swap_in_months(pays_monthly, invests) == Swap(1, month)


def test_an_arm_that_invests_and_saves_nothing_never_breaks_even() -> None:
    assert swap_in_months(months(100.0, 10.0), months(0.0, 10.0)) == Swap(1, 0)
    assert swap_in_months(months(100.0, 10.0), months(0.0, 9.0)) == Swap(1, 0)


def test_what_pays_only_after_ten_years_never_breaks_even() -> None:
    assert swap_in_months(months(12_100.0, 0.0), months(0.0, 100.0)) == Swap(1, 0)


def test_two_arms_that_cost_the_same_have_no_break_even() -> None:
    assert swap_in_months(months(5.0, 1.0), months(5.0, 1.0)) == Swap(None, 0)
    assert swap_in_months([math.inf] * 121, [math.inf] * 121) == Swap(None, 0)


def test_an_arm_that_is_never_right_never_breaks_even() -> None:
    assert swap_in_months([math.inf] * 121, months(5.0, 1.0)) == Swap(1, 0)


def test_a_break_even_undone_by_a_retraining_does_not_count() -> None:
    # Saves 100 a month, invests 250 and again 250 after every three months: even at month 3, undone in 4.
    # Owing 250 - 100 t + 250 floor((t - 1) / 3): at 15 months 250 - 1500 + 1000 = -250, in 16 -100, and below 0 since.
    invests, pays_monthly = months(250.0, 0.0, every=3, again=250.0), months(0.0, 100.0)
    owing = [a - b for a, b in zip(invests, pays_monthly, strict=True)]
    assert owing[3] < 0 < owing[4]
    found = swap_in_months(invests, pays_monthly)
    assert found.lower == 0
    assert owing[int(found.start) - 1] > 0
    assert max(owing[int(found.start) :]) <= 0


def test_queries_by_hand() -> None:
    # $700 for good against $0.10 a daily query: even at 7,000 queries a day.
    assert crossings(line(700.0, 0.0), line(0.0, 0.1)) == [pytest.approx(7000.0)]
    assert swap_in_queries(line(700.0, 0.0), line(0.0, 0.1)) == Swap(0, pytest.approx(7000.0))
    assert swap_in_queries(line(0.0, 0.1), line(700.0, 0.0)) == Swap(1, pytest.approx(7000.0))


def test_servers_that_follow_the_load_can_swap_two_arms_twice() -> None:
    # A server of $100 that 1,000 daily queries fill, against $50 and $0.08 a query: 100 = 50 + 0.08 q at 625;
    # from 1,000 on 0.1 q = 50 + 0.08 q at 2,500.
    own, api = line(0.0, 0.0, server=100.0, load=0.001), line(50.0, 0.08)
    assert crossings(own, api) == [pytest.approx(625.0), pytest.approx(2500.0)]
    assert swap_in_queries(own, api) == Swap(1, pytest.approx(2500.0))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (line(1.0, 0.1), line(0.0, 0.1), Swap(1, 0)),  # the same slope: cheaper at any number
        (line(0.0, 0.1), line(0.0, 0.1), Swap(None, 0)),
        (line(0.0, 0.0), line(0.0, 0.0), Swap(None, 0)),
        (line(0.0, 0.1), line(0.0, 0.2), Swap(0, 0)),
        (line(1e12, 0.0), line(0.0, 1e-6), Swap(1, 0)),  # even only beyond all the queries there are
        (None, line(0.0, 0.1), Swap(1, 0)),
        (line(0.0, 0.1), None, Swap(0, 0)),
        (None, None, Swap(None, 0)),
    ],
)
def test_arms_that_never_swap_in_queries(a: CostLine | None, b: CostLine | None, expected: Swap) -> None:
    assert swap_in_queries(a, b) == expected


def test_costs_that_touch_and_part_again_do_not_swap() -> None:
    # $100 a server filled by 1,000 queries touches 0.1 q at 1,000 and stays on it: no more expensive from there on.
    own, api = line(0.0, 0.0, server=100.0, load=0.001), line(0.0, 0.1)
    assert crossings(own, api) == []
    assert swap_in_queries(own, api) == Swap(1, 0)


def test_where_two_arms_cost_the_same_for_a_while_the_swap_is_at_its_start() -> None:
    # 100 + 0.04 q, from 1,000 on 50 + 0.09 q; against 120, from 500 on 100 + 0.04 q: the same from 500 to 1,000.
    first, then = line(50.0, 0.04, server=50.0, load=0.001), line(100.0, 0.0, server=20.0, load=0.002)
    assert first.at(400) < then.at(400) and first.at(700) == pytest.approx(then.at(700))
    assert first.at(1100) > then.at(1100)
    assert swap_in_queries(first, then) == Swap(1, pytest.approx(500.0))


def test_a_swap_where_servers_begin_to_follow_the_load_is_found_once() -> None:
    # 200, from 1,000 on 100 + 0.1 q, against 0.2 q.
    assert crossings(line(100.0, 0.0, server=100.0, load=0.001), line(0.0, 0.2)) == [pytest.approx(1000.0)]


COSTS = st.floats(0.0, 1e4, allow_subnormal=False).map(lambda value: round(value, 4))
LINES = st.builds(
    line, COSTS, COSTS.map(lambda value: value / 1e4), COSTS, COSTS.map(lambda v: v / 1e7), st.integers(0, 3)
)


@given(LINES, LINES, st.floats(0.0, 9.0))
def test_between_two_crossings_the_cheaper_arm_stays_the_same(a: CostLine, b: CostLine, exponent: float) -> None:
    q = 10**exponent
    found = swap_in_queries(a, b)
    points = crossings(a, b)
    sign = compare(a.at(q), b.at(q))
    if sign == 0 or any(math.isclose(q, point, rel_tol=1e-6) for point in points):
        return
    swaps_above = sum(point > q for point in points)
    assert found.lower is not None
    assert ((0 if sign < 0 else 1) == found.lower) == (swaps_above % 2 == 0)


@given(LINES, LINES)
def test_at_a_crossing_both_cost_the_same(a: CostLine, b: CostLine) -> None:
    for point in crossings(a, b):
        assert 0 <= point <= MOST_QUERIES_PER_DAY
        assert a.at(point) == pytest.approx(b.at(point), rel=1e-6, abs=1e-6)


@given(LINES, LINES)
def test_who_is_asked_first_makes_no_difference(a: CostLine, b: CostLine) -> None:
    one, other = swap_in_queries(a, b), swap_in_queries(b, a)
    assert one.start == pytest.approx(other.start)
    assert (one.lower, other.lower) in {(0, 1), (1, 0), (None, None)}
