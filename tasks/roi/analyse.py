"""From measured usage and a price sheet to what every arm costs and is worth."""

from collections.abc import Sequence

from tasks.records import ArmCosts, ArmUsage, RoiReport, Spread
from tasks.roi.assumptions import list_assumptions
from tasks.roi.cheapest import cheapest_at, cheapest_ranges
from tasks.roi.costs import servers_paid, split_costs, total_usd, trainings_by
from tasks.roi.pairs import Arms, break_even_points
from tasks.roi.priced import BASES, PricedArm, finite, finite_costs, line_of, price_arms, usd_per_answer
from tasks.roi.recommendation import recommend
from tasks.roi.retraining import retraining_effects
from tasks.roi.usage import Means, draw_means, mean_usage, percentile_ends, summarise_usage
from tasks.settings.prices import PriceSettings


def analyse(prices: PriceSettings, usages: Sequence[ArmUsage], seed: int = 0) -> RoiReport:
    """Costs of every arm, break-even points of every pair, and a recommendation.

    Intervals hold 95 % of the bootstrap draws of the test questions (see tasks/roi/usage.py). The same usages, prices
    and seed give the same report.

    Raises:
        ValueError: when there are no arms, an arm comes twice, or the numbers of questions differ.
    """
    names = [usage.arm for usage in usages]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"one usage for each arm is needed, not {names}")
    means = draw_means(usages, seed)
    point = price_arms(prices, usages, [mean_usage(usage) for usage in usages])
    draws = [price_arms(prices, usages, drawn) for drawn in means]
    admitted = [name for name, arm in point.items() if arm.correct_share >= prices.min_correct_share]
    arms = {
        usage.arm: _cost_arm(prices, usage, point[usage.arm], [draw[usage.arm] for draw in draws], drawn)
        for usage, drawn in zip(usages, zip(*means, strict=True), strict=True)
    }
    cheapest = {
        basis: cheapest_ranges({name: line_of(prices, point[name], basis) for name in admitted}) for basis in BASES
    }
    break_evens = break_even_points(prices, point, draws)
    retraining = retraining_effects(prices, usages)
    firsts = _first_shares(prices, admitted, draws)
    return RoiReport(
        prices=prices.model_dump(mode="json"),
        questions=usages[0].questions,
        arms=arms,
        break_evens=break_evens,
        cheapest=cheapest,
        retraining=retraining,
        recommendation=recommend(prices, arms, admitted, firsts, cheapest, break_evens, retraining),
        assumptions=list_assumptions(prices, usages),
    )


def _cost_arm(
    prices: PriceSettings, usage: ArmUsage, point: PricedArm, draws: Sequence[PricedArm], means: Sequence[Means]
) -> ArmCosts:
    terms, months, queries = point.terms, prices.months, prices.queries_per_day
    load = terms.servers_per_daily_query
    per_query, per_correct = (
        _spread([usd_per_answer(prices, arm, basis) for arm in (point, *draws)]) for basis in BASES
    )
    return ArmCosts(
        usage=summarise_usage(usage, means),
        usd_per_query=per_query,
        usd_per_correct_answer=per_correct,
        total_usd=_spread([total_usd(arm.terms, queries, months) for arm in (point, *draws)]),
        split=split_costs(terms, queries, months),
        cumulative=tuple(split_costs(terms, queries, month) for month in range(months + 1)),
        trainings=trainings_by(terms, months),
        servers=servers_paid(terms, queries) if terms.server_month > 0 else 0.0,
        queries_per_day_per_server=1 / load if load > 0 else None,
    )


def _spread(values: Sequence[float]) -> Spread:
    """The first value with the interval of the others."""
    low, high = percentile_ends(values[1:], values[0])
    return Spread(value=finite(values[0]), ci95=(finite(low), finite(high)))


def _first_shares(prices: PriceSettings, admitted: Sequence[str], draws: Sequence[Arms]) -> dict[str, float]:
    """In what share of the draws each admitted arm costs least per correct answer."""
    firsts = [
        cheapest_at(finite_costs(prices, {name: draw[name] for name in admitted}, "correct_answer")) for draw in draws
    ]
    return {name: firsts.count(name) / len(firsts) for name in admitted}
