"""When one arm becomes cheaper than another: in months at a number of queries a day, and in queries a day.

Months are whole, for bills are: the break-even month is the first month's end from which the one arm's costs are no
higher than the other's *and stay so* for ten years, whatever later retrainings cost. Equal costs count as broken even.

In queries a day each arm's cost is the higher of two straight lines (servers at their minimum; servers that follow the
load), so two arms can only swap places where two lines cross, which is solved exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.roi.costs import DAYS_PER_MONTH, Terms, fixed_usd

LOOK_AHEAD_MONTHS = 120
MOST_QUERIES_PER_DAY = 1e9

# Sums of prices such as 0.1 are off by some 1e-16; what differs by less than this share is the same.
_SAME = 1e-9


@dataclass(frozen=True)
class CostLine:
    """One arm's cost by queries a day: `fixed + slope x q + server x max(min_servers, load x q)`, in US dollars."""

    fixed: float
    slope: float
    server: float
    load: float
    min_servers: int

    @property
    def kink(self) -> float:
        """Queries a day from which servers follow the load; infinite where there is no load."""
        return self.min_servers / self.load if self.load > 0 else math.inf

    def at(self, queries_per_day: float) -> float:
        """The cost at a number of queries a day."""
        servers = max(float(self.min_servers), self.load * queries_per_day)
        return self.fixed + self.slope * queries_per_day + self.server * servers


@dataclass(frozen=True)
class Swap:
    """Which of two things is the lower one in the end, and from where on.

    Attributes:
        lower: 0 or 1; None where they are the same everywhere.
        start: from where on, for good; 0: everywhere.
    """

    lower: int | None
    start: float


def cost_line(terms: Terms, months: int, divided_by: float = 1.0) -> CostLine:
    """The arm's cost over the months by queries a day, divided by `divided_by`, such as the share correct (above 0)."""
    return CostLine(
        fixed=fixed_usd(terms, months) / divided_by,
        slope=months * DAYS_PER_MONTH * (terms.tokens_per_query + terms.energy_per_query) / divided_by,
        server=months * terms.server_month / divided_by,
        load=terms.servers_per_daily_query,
        min_servers=terms.min_servers,
    )


def compare(a: float, b: float) -> int:
    """-1 where `a` is lower, 1 where `b` is, 0 where they are the same but for rounding."""
    if a == b or abs(a - b) <= _SAME * max(abs(a), abs(b)) < math.inf:
        return 0
    return -1 if a < b else 1


def swap_in_months(a: Sequence[float], b: Sequence[float]) -> Swap:
    """When one row of costs, by month from 0, is for good no higher than the other."""
    since = [_months_until_no_higher(a, b), _months_until_no_higher(b, a)]
    if since[0] == since[1] == 0:
        return Swap(None, 0)
    lower = 0 if since[0] < since[1] else 1
    return Swap(lower, since[lower])


def swap_in_queries(a: CostLine | None, b: CostLine | None) -> Swap:
    """From how many queries a day one cost is for good no higher than the other; None is an infinite cost."""
    if a is None or b is None:
        return Swap(None if a is b else int(a is None), 0)
    points = crossings(a, b)
    signs = [compare(a.at(q), b.at(q)) for q in _knots(a, b)]
    # At very many queries a difference that stays the same would drown in the rest.
    final = next((sign for sign in reversed(signs) if sign), 0)
    if not final:
        return Swap(None, 0)
    return Swap(0 if final < 0 else 1, points[-1] if points else 0)


def crossings(a: CostLine, b: CostLine) -> list[float]:
    """Every number of queries a day at which the cheaper one changes, rising; where they touch for a while, its start.

    Looked for up to a thousand million queries a day.
    """
    knots = _knots(a, b)
    points: list[float] = []
    before, zero = 0, None  # the last sign that was not 0, and the first knot since then where both are the same
    for index, q in enumerate(knots):
        sign = compare(a.at(q), b.at(q))
        if sign == 0:
            zero = q if zero is None else zero
            continue
        if before and sign != before:
            points.append(_root(a, b, knots[index - 1], q) if zero is None else zero)
        before, zero = sign, None
    return points


def _root(a: CostLine, b: CostLine, low: float, high: float) -> float:
    """Where the difference, which is a straight line from `low` to `high`, is zero."""
    at_low, at_high = a.at(low) - b.at(low), a.at(high) - b.at(high)
    return low + (high - low) * at_low / (at_low - at_high)


def _knots(a: CostLine, b: CostLine) -> list[float]:
    return sorted({0.0, *(line.kink for line in (a, b) if line.kink < MOST_QUERIES_PER_DAY), MOST_QUERIES_PER_DAY})


def _months_until_no_higher(a: Sequence[float], b: Sequence[float]) -> int:
    """The first month from which `a` is never above `b`; their number where it is above in the last one."""
    month = len(a)
    while month > 0 and (a[month - 1] <= b[month - 1] or compare(a[month - 1], b[month - 1]) == 0):
        month -= 1
    return month
