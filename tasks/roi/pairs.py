"""Break-even points of pairs of arms, with the interval that the measured spread gives them."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from tasks.records import Basis, BreakEven, Spread
from tasks.roi.break_even import Swap, swap_in_months, swap_in_queries
from tasks.roi.priced import BASES, PricedArm, costs_by_month, finite, fixed_by_month, line_of
from tasks.roi.usage import percentile_ends
from tasks.settings.prices import PriceSettings

Arms = Mapping[str, PricedArm]


def break_even_points(prices: PriceSettings, point: Arms, draws: Sequence[Arms]) -> tuple[BreakEven, ...]:
    """Every pair of arms, by both bases; `point` decides which arm is the cheaper one in the end."""
    return tuple(found for basis in BASES for found in _of_basis(prices, basis, point, draws))


def _of_basis(prices: PriceSettings, basis: Basis, point: Arms, draws: Sequence[Arms]) -> list[BreakEven]:
    fixed = {name: fixed_by_month(arm) for name, arm in point.items()}
    months = [
        {name: costs_by_month(prices, arm, basis, fixed[name]) for name, arm in arms.items()}
        for arms in (point, *draws)
    ]
    lines = [{name: line_of(prices, arm, basis) for name, arm in arms.items()} for arms in (point, *draws)]
    return [
        _break_even(
            prices,
            (a, b),
            basis,
            [swap_in_months(costs[a], costs[b]) for costs in months],
            [swap_in_queries(of[a], of[b]) for of in lines],
        )
        for a, b in combinations(point, 2)
    ]


def _break_even(
    prices: PriceSettings, arms: tuple[str, str], basis: Basis, in_months: Sequence[Swap], in_queries: Sequence[Swap]
) -> BreakEven:
    by_month, by_queries = _starts(in_months), _starts(in_queries)
    in_time = [start <= prices.months for start in by_month[1:]]
    return BreakEven(
        arms=arms,
        basis=basis,
        cheaper_later=_name(arms, in_months[0]),
        month=_spread(by_month),
        within_months_share=sum(in_time) / len(in_time) if in_months[0].lower is not None else 0.0,
        cheaper_above=_name(arms, in_queries[0]),
        queries_per_day=_spread(by_queries),
    )


def _starts(swaps: Sequence[Swap]) -> list[float]:
    """From where on the arm that is the cheaper one at the point is so in each draw, too; infinite: in the end not."""
    lower = swaps[0].lower
    return [_start(swap, lower) for swap in swaps]


def _start(swap: Swap, lower: int | None) -> float:
    # Where two arms cost the same throughout, either has broken even from the start.
    return swap.start if swap.lower in (lower, None) else math.inf


def _spread(starts: Sequence[float]) -> Spread:
    low, high = percentile_ends(starts[1:], starts[0])
    return Spread(value=finite(starts[0]), ci95=(finite(low), finite(high)))


def _name(arms: tuple[str, str], swap: Swap) -> str | None:
    return None if swap.lower is None else arms[swap.lower]
