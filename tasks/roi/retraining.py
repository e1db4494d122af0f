"""What it would cost to train the adapters more or less often."""

from collections.abc import Sequence

from tasks.records import ArmUsage, RetrainingEffect
from tasks.roi.costs import total_usd, trainings_by
from tasks.roi.priced import finite_costs, price_arms
from tasks.roi.usage import mean_usage
from tasks.settings.prices import PriceSettings

_INTERVALS_MONTHS = (1, 2, 3, 6, 12)


def retraining_effects(prices: PriceSettings, usages: Sequence[ArmUsage]) -> tuple[RetrainingEffect, ...]:
    """Totals at the usual intervals and at the price sheet's own, from the shortest to never again.

    Whether an arm answers better for being trained more often is not in these figures: it was not measured.
    """
    own = prices.retraining_interval_months
    intervals = sorted({*_INTERVALS_MONTHS, *([own] if own else [])})
    return tuple(_effect(prices, usages, interval) for interval in (*intervals, None))


def _effect(prices: PriceSettings, usages: Sequence[ArmUsage], interval_months: int | None) -> RetrainingEffect:
    changed = prices.model_copy(update={"retraining_interval_months": interval_months})
    arms = price_arms(changed, usages, [mean_usage(usage) for usage in usages])
    return RetrainingEffect(
        interval_months=interval_months,
        trainings=max((trainings_by(arm.terms, prices.months) for arm in arms.values()), default=0),
        total_usd={name: total_usd(arm.terms, prices.queries_per_day, prices.months) for name, arm in arms.items()},
        usd_per_correct_answer=finite_costs(changed, arms, "correct_answer"),
    )
