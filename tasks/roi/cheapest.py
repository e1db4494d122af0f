"""Which of all arms is the cheapest, by queries a day."""

from collections.abc import Mapping
from itertools import combinations, pairwise

from tasks.records import CheapestRange
from tasks.roi.break_even import MOST_QUERIES_PER_DAY, CostLine, compare, crossings


def cheapest_at(costs: Mapping[str, float | None]) -> str | None:
    """The arm of least cost, the first of those that cost the same; None where no arm has a cost."""
    best: str | None = None
    lowest: float | None = None
    for arm, cost in costs.items():
        if cost is not None and (lowest is None or compare(cost, lowest) < 0):
            best, lowest = arm, cost
    return best


def cheapest_ranges(lines: Mapping[str, CostLine | None]) -> tuple[CheapestRange, ...]:
    """The cheapest arm from no queries a day to any number, range by range; empty where no arm has a cost.

    Between two neighbouring crossings of any two arms the order of all arms stays the same, so one look in the middle
    of each range settles it.
    """
    finite = {arm: line for arm, line in lines.items() if line is not None}
    points = {point for a, b in combinations(finite.values(), 2) for point in crossings(a, b)}
    ends = [0.0, *sorted(points), MOST_QUERIES_PER_DAY]
    ranges: list[tuple[str, float]] = []
    for low, high in pairwise(ends):
        arm = cheapest_at({name: line.at((low + high) / 2) for name, line in finite.items()})
        if arm is not None and (not ranges or ranges[-1][0] != arm):
            ranges.append((arm, low))
    tops = [*(low for _, low in ranges[1:]), None]
    return tuple(
        CheapestRange(arm=arm, from_queries_per_day=low, to_queries_per_day=top)
        for (arm, low), top in zip(ranges, tops, strict=False)  # the last top has no range where there are none
    )
