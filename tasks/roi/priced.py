"""One arm at the price sheet's prices, from the measured means or from one draw of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.records import ArmUsage, Basis
from tasks.roi.break_even import LOOK_AHEAD_MONTHS, CostLine, cost_line
from tasks.roi.costs import DAYS_PER_MONTH, Terms, cost_terms, fixed_usd, for_each_correct, monthly_usd, total_usd
from tasks.roi.usage import Means
from tasks.settings.prices import PriceSettings

BASES: tuple[Basis, ...] = ("answer", "correct_answer")


@dataclass(frozen=True)
class PricedArm:
    """What an arm's cost is made of, and how often it is right.

    Attributes:
        terms: the parts of its cost.
        correct_share: 0 to 1.
    """

    terms: Terms
    correct_share: float


def price_arms(prices: PriceSettings, usages: Sequence[ArmUsage], means: Sequence[Means]) -> dict[str, PricedArm]:
    """Every arm by name, in the order of the usages."""
    return {
        usage.arm: PricedArm(cost_terms(prices, usage, mean), mean.correct_share)
        for usage, mean in zip(usages, means, strict=True)
    }


def share_paid_for(arm: PricedArm, basis: Basis) -> float:
    """The share of answers that count by this basis: all of them, or the correct ones."""
    return 1.0 if basis == "answer" else arm.correct_share


def usd_per_answer(prices: PriceSettings, arm: PricedArm, basis: Basis) -> float:
    """All costs over the whole time for each answer, or each correct one; infinite where there is none."""
    queries = prices.queries_per_day * DAYS_PER_MONTH * prices.months
    total = total_usd(arm.terms, prices.queries_per_day, prices.months)
    return for_each_correct(total / queries, share_paid_for(arm, basis))


def fixed_by_month(arm: PricedArm) -> list[float]:
    """What was paid up to the ends of the months 0 to 120 whatever the number of queries; the same in every draw."""
    return [fixed_usd(arm.terms, month) for month in range(LOOK_AHEAD_MONTHS + 1)]


def costs_by_month(prices: PriceSettings, arm: PricedArm, basis: Basis, fixed: Sequence[float]) -> list[float]:
    """Cumulative costs at the ends of the months, divided by the share of answers that count; `fixed` as above."""
    monthly, share = monthly_usd(arm.terms, prices.queries_per_day), share_paid_for(arm, basis)
    return [for_each_correct(usd + month * monthly, share) for month, usd in enumerate(fixed)]


def line_of(prices: PriceSettings, arm: PricedArm, basis: Basis) -> CostLine | None:
    """The arm's cost over the whole time by queries a day, as in `costs_by_month`; None: infinite."""
    share = share_paid_for(arm, basis)
    return cost_line(arm.terms, prices.months, share) if share > 0 else None


def finite(value: float) -> float | None:
    """The value, or None for infinity, which JSON cannot hold."""
    return value if math.isfinite(value) else None


def finite_costs(prices: PriceSettings, arms: Mapping[str, PricedArm], basis: Basis) -> dict[str, float | None]:
    """`usd_per_answer` of every arm; None: infinite."""
    return {name: finite(usd_per_answer(prices, arm, basis)) for name, arm in arms.items()}
