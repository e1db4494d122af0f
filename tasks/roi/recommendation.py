"""Which arm to use, in plain words, and the conditions under which that holds."""

from collections.abc import Iterator, Mapping, Sequence

from tasks.evaluation.report_text import count_of
from tasks.records import ArmCosts, Basis, BreakEven, CheapestRange, Recommendation, RetrainingEffect
from tasks.roi.cheapest import cheapest_at
from tasks.roi.usage import DRAWS
from tasks.roi.wording import (
    capitalised,
    describe_ranges,
    format_interval_months,
    format_percent,
    format_queries,
    format_usd,
    in_sentence,
    usd_interval,
)
from tasks.settings.prices import PriceSettings

# The share of the draws from which a lead is more than chance would explain.
_SURE = 0.95
_BASES: tuple[Basis, ...] = ("correct_answer", "answer")


def recommend(
    prices: PriceSettings,
    arms: Mapping[str, ArmCosts],
    admitted: Sequence[str],
    first_shares: Mapping[str, float],
    cheapest: Mapping[Basis, Sequence[CheapestRange]],
    break_evens: Sequence[BreakEven],
    retraining: Sequence[RetrainingEffect],
) -> Recommendation:
    """The arm that costs least for each correct answer, among those that are right often enough.

    Args:
        prices: the price sheet.
        arms: what every arm costs.
        admitted: the arms with at least `prices.min_correct_share` correct answers.
        first_shares: in what share of the draws each of them costs least for a correct answer.
        cheapest: the admitted arm of least cost by queries a day, by basis.
        break_evens: of every pair.
        retraining: what other intervals would cost.
    """
    arm = cheapest_at({name: arms[name].usd_per_correct_answer.value for name in admitted})
    refusal = _refuse(prices, arms, admitted, arm)
    if refusal or arm is None:
        return Recommendation(arm=None, sentence=refusal, conditions=(), draws_share=dict(first_shares))
    conditions = [
        *_state_better(arm, arms),
        *(sentence for basis in _BASES if (sentence := describe_ranges(cheapest[basis], basis))),
        *_state_break_evens(prices, arm, admitted, break_evens),
        *_state_retraining(prices, arm, arms, admitted, retraining),
        _state_sureness(arm, arms, first_shares),
    ]
    return Recommendation(
        arm=arm,
        sentence=_state_choice(prices, arm, arms[arm], first_shares),
        conditions=tuple(conditions),
        draws_share=dict(first_shares),
    )


def _refuse(prices: PriceSettings, arms: Mapping[str, ArmCosts], admitted: Sequence[str], arm: str | None) -> str:
    """Why no arm can be recommended; empty where one can."""
    if all(costs.total_usd.value == 0 for costs in arms.values()):
        best = max(arms, key=lambda name: arms[name].usage.correct_share.mean)
        share = format_percent(arms[best].usage.correct_share.mean)
        return (
            "No arm costs anything at these prices, so cost cannot decide: fill in `prices` in the config. "
            f"Most often correct is {in_sentence(best)}, in {share} of its answers."
        )
    if not admitted:
        return (
            f"No arm is correct in {format_percent(prices.min_correct_share)} of its answers "
            "(`prices.min_correct_share`), so none is recommended."
        )
    return "" if arm else "No arm gave a correct answer, so none is worth its cost."


def _state_choice(prices: PriceSettings, arm: str, costs: ArmCosts, first_shares: Mapping[str, float]) -> str:
    lead = "" if first_shares[arm] >= _SURE else "; its lead is within what chance could explain"
    return (
        f"At {format_queries(prices.queries_per_day)} queries a day over {count_of(prices.months, 'month')}, "
        f"{in_sentence(arm)} costs least for each correct answer: {format_usd(costs.usd_per_correct_answer.value)} "
        f"(95 % interval {usd_interval(costs.usd_per_correct_answer)}), "
        f"with {format_percent(costs.usage.correct_share.mean)} of its answers correct{lead}."
    )


def _state_break_evens(
    prices: PriceSettings, arm: str, admitted: Sequence[str], break_evens: Sequence[BreakEven]
) -> Iterator[str]:
    """When the arm has paid for itself against each other, and which of them overtakes it after all."""
    for found in break_evens:
        if found.basis != "correct_answer" or arm not in found.arms or not found.month.value:
            continue
        other = next(name for name in found.arms if name != arm)
        month = int(found.month.value)
        if other not in admitted:
            continue
        if found.cheaper_later == arm and month <= prices.months:
            yield (
                f"Against {in_sentence(other)} it has paid for itself by the end of month {month} "
                f"({_month_interval(found)})."
            )
        elif found.cheaper_later == other:
            yield f"By the end of month {month} ({_month_interval(found)}) {in_sentence(other)} has become cheaper."


def _month_interval(found: BreakEven) -> str:
    low, high = (None if end is None else int(end) for end in found.month.ci95)
    first = "never within ten years" if low is None else f"month {low}"
    return f"95 % interval {first} to {'never within ten years' if high is None else f'month {high}'}"


def _state_retraining(
    prices: PriceSettings,
    arm: str,
    arms: Mapping[str, ArmCosts],
    admitted: Sequence[str],
    retraining: Sequence[RetrainingEffect],
) -> Iterator[str]:
    if not any(costs.trainings for costs in arms.values()):
        return
    chosen = {
        each.interval_months: cheapest_at({name: each.usd_per_correct_answer[name] for name in admitted})
        for each in retraining
    }
    others = [(interval, name) for interval, name in chosen.items() if name is not None and name != arm]
    for interval, name in others:
        yield f"If adapters were trained {format_interval_months(interval)}, {in_sentence(name)} would cost least."
    if not others:
        shortest = format_interval_months(retraining[0].interval_months)
        yield f"That stays so whether adapters are trained {shortest} or only once."


def _state_better(arm: str, arms: Mapping[str, ArmCosts]) -> Iterator[str]:
    """The arm that is right most often, where that is another one, and what its further correct answers cost.

    That is the difference in cost divided by the difference in correct answers, the incremental cost-effectiveness
    ratio of health economics.
    """
    best = max(arms, key=lambda name: arms[name].usage.correct_share.mean)
    share, own = arms[best].usage.correct_share.mean, arms[arm].usage.correct_share.mean
    dearer, cheaper = arms[best].usd_per_query.value, arms[arm].usd_per_query.value
    if share > own and dearer is not None and cheaper is not None:
        yield (
            f"{capitalised(in_sentence(best))} is correct more often ({format_percent(share)} against "
            f"{format_percent(own)}): it is the better choice where one more correct answer is worth more than "
            f"{format_usd((dearer - cheaper) / (share - own))}."
        )


def _state_sureness(arm: str, arms: Mapping[str, ArmCosts], first_shares: Mapping[str, float]) -> str:
    rivals = sorted(first_shares, key=lambda name: -first_shares[name])
    rival = next((name for name in rivals if name != arm and first_shares[name] > 0), None)
    tail = f", {in_sentence(rival)} in {format_percent(first_shares[rival])}" if rival else ""
    return f"It came first in {format_percent(first_shares[arm])} of {DRAWS:,} bootstrap draws of the questions{tail}."
