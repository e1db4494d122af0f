"""The whole analysis: hand-computed cases, pairs, ranges, retraining, and what it does with zero, never and nothing."""

import json
from typing import Any

import pytest
from example_usage import ARMS, some_prices, usage, varied_usages

from tasks.files import canonical_json
from tasks.records import BreakEven, RoiReport
from tasks.roi.analyse import analyse
from tasks.roi.usage import DRAWS
from tasks.settings.prices import PriceSettings, ServingPrices


def of_pair(report: RoiReport, first: str, second: str, basis: str = "answer") -> BreakEven:
    return next(found for found in report.break_evens if found.arms == (first, second) and found.basis == basis)


def rag_or_ft(queries_per_day: float, **changes: Any) -> RoiReport:
    """RAG pays $0.01 a query for its tokens; fine-tuning pays $600 at first and $100 a month for its server."""
    prices = PriceSettings(
        queries_per_day=queries_per_day,
        without_adapter=ServingPrices(usd_per_1k_prompt_tokens=0.01),
        with_adapter=ServingPrices(usd_per_server_month=100.0),
        retraining_interval_months=None,
        usd_per_label=1.0,
        labels_before_training=600,
        **changes,
    )
    unloaded = {"server_s": (0.0,) * 4}
    return analyse(prices, [usage("rag", **unloaded), usage("ft", **unloaded)])


def test_break_even_between_retrieval_and_training_by_hand() -> None:
    # 24 queries a day are 730 a month. At $0.01 RAG costs $7.30 a month, fine-tuning $100: never.
    assert of_pair(rag_or_ft(24.0), "rag", "ft").month.value == 0
    assert of_pair(rag_or_ft(24.0), "rag", "ft").cheaper_later == "rag"
    # RAG costs $200 a month at 20,000 queries a month: 600 + 100 t = 200 t at the end of month 6.
    found = of_pair(rag_or_ft(20_000 * 12 / 365), "rag", "ft")
    assert (found.cheaper_later, found.month.value, found.month.ci95) == ("ft", 6, (6, 6))
    assert found.within_months_share == 1
    # Over 12 months: 0.01 x 365 q = 600 + 1,200 at 493.15 queries a day.
    assert (found.cheaper_above, found.queries_per_day.value) == ("ft", pytest.approx(1800 / 3.65))


def test_a_break_even_at_a_months_end_is_not_lost_to_rounding() -> None:
    prices = PriceSettings(
        without_adapter=ServingPrices(usd_per_server_month=0.35),
        retraining_interval_months=None,
        usd_per_label=0.1,
        labels_before_training=7,
    )
    assert 7 * 0.1 > 2 * 0.35
    found = of_pair(analyse(prices, [usage("base"), usage("ft")]), "base", "ft")
    assert (found.cheaper_later, found.month.value) == ("ft", 2)


def test_a_break_even_after_the_horizon_is_told_apart() -> None:
    # RAG costs $140 a month: 600 + 100 t = 140 t at the end of month 15.
    found = of_pair(rag_or_ft(14_000 * 12 / 365), "rag", "ft")
    assert (found.cheaper_later, found.month.value, found.within_months_share) == ("ft", 15, 0)


def test_costs_of_an_arm_by_hand() -> None:
    costs = rag_or_ft(20_000 * 12 / 365).arms["ft"]
    assert costs.total_usd.value == pytest.approx(1800)
    assert costs.usd_per_query.value == pytest.approx(1800 / 240_000)
    assert costs.usd_per_correct_answer.value == pytest.approx(1800 / 120_000)  # half of the answers are correct
    assert [split.total_usd for split in costs.cumulative] == pytest.approx([600 + 100 * t for t in range(13)])
    assert (costs.trainings, costs.servers) == (1, 1.0)


def test_the_split_of_the_whole_time_is_its_total() -> None:
    for costs in analyse(some_prices(), varied_usages()).arms.values():
        assert costs.split.total_usd == pytest.approx(costs.total_usd.value)
        assert costs.cumulative[-1] == costs.split
        assert len(costs.cumulative) == 13


def test_a_better_arm_may_cost_more_for_an_answer_and_less_for_a_correct_one() -> None:
    prices = PriceSettings(without_adapter=ServingPrices(usd_per_1k_prompt_tokens=0.01))
    # RAG's prompts are twice as long, and three times as many of its answers are correct.
    base = usage("base", correct=(1.0, 0.0, 0.0, 0.0))
    rag = usage("rag", prompt_tokens=(2000,) * 4, correct=(1.0, 1.0, 1.0, 0.0))
    report = analyse(prices, [base, rag])
    assert report.arms["rag"].usd_per_query.value == pytest.approx(2 * (report.arms["base"].usd_per_query.value or 0))
    assert [each.arm for each in report.cheapest["answer"]] == ["base"]
    assert [each.arm for each in report.cheapest["correct_answer"]] == ["rag"]


def test_ranges_of_queries_meet_and_name_the_cheapest_arm() -> None:
    ranges = rag_or_ft(100.0).cheapest["answer"]
    assert [(each.arm, each.from_queries_per_day) for each in ranges] == [
        ("rag", 0),
        ("ft", pytest.approx(1800 / 3.65)),
    ]
    assert [each.to_queries_per_day for each in ranges] == [ranges[1].from_queries_per_day, None]


def test_intervals_of_break_even_come_from_the_spread_of_the_questions() -> None:
    usages = [each for each in varied_usages() if each.arm in ("rag", "ft")]
    report = analyse(some_prices(), usages)
    found = of_pair(report, "rag", "ft", "correct_answer").queries_per_day
    low, high = found.ci95
    assert low is not None and found.value is not None and low < found.value
    assert high is None or high > found.value
    assert found.ci95 == of_pair(analyse(some_prices(), usages), "rag", "ft", "correct_answer").queries_per_day.ci95
    assert (
        found.ci95
        != of_pair(analyse(some_prices(), usages, seed=1), "rag", "ft", "correct_answer").queries_per_day.ci95
    )


def test_draws_in_which_two_arms_cost_the_same_count_as_broken_even() -> None:
    # RAG is right in one more question of four; in about a third of the draws that question is not drawn.
    prices = PriceSettings(without_adapter=ServingPrices(usd_per_1k_prompt_tokens=0.01))
    report = analyse(prices, [usage("base"), usage("rag", correct=(1.0, 1.0, 1.0, 0.0))])
    found = of_pair(report, "base", "rag", "correct_answer")
    assert (found.cheaper_later, found.within_months_share) == ("rag", 1)
    assert found.month.ci95 == found.queries_per_day.ci95 == (0, 0)


def test_more_questions_narrow_the_interval() -> None:
    widths = []
    for questions in (20, 320):
        spread = analyse(some_prices(), varied_usages(questions=questions)).arms["rag"].usd_per_correct_answer
        low, high = spread.ci95
        assert low is not None and high is not None
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_zero_prices_have_no_break_even_and_no_recommendation() -> None:
    report = analyse(PriceSettings(), varied_usages())
    assert {found.cheaper_later for found in report.break_evens if found.basis == "answer"} == {None}
    assert {costs.total_usd.value for costs in report.arms.values()} == {0.0}
    assert report.recommendation.arm is None
    assert "fill in `prices` in the config" in report.recommendation.sentence


def test_an_arm_that_is_never_right_has_no_cost_of_a_correct_answer_and_never_breaks_even() -> None:
    report = analyse(some_prices(), [usage("base", correct=(0.0,) * 4), usage("rag")])
    spread = report.arms["base"].usd_per_correct_answer
    assert (spread.value, spread.ci95) == (None, (None, None))
    assert of_pair(report, "base", "rag", "correct_answer").cheaper_later == "rag"
    assert of_pair(report, "base", "rag", "correct_answer").month.value == 0
    assert report.recommendation.arm == "rag"


def test_when_no_arm_is_ever_right_none_is_recommended() -> None:
    report = analyse(some_prices(), [usage(arm, correct=(0.0,) * 4) for arm in ("base", "rag")])
    assert report.recommendation.arm is None
    assert report.recommendation.sentence == "No arm gave a correct answer, so none is worth its cost."
    assert report.cheapest["correct_answer"] == ()


def test_retraining_more_often_costs_trained_arms_more_and_others_nothing() -> None:
    report = analyse(some_prices(retraining_interval_months=5), varied_usages())
    assert [effect.interval_months for effect in report.retraining] == [1, 2, 3, 5, 6, 12, None]
    assert [effect.trainings for effect in report.retraining] == [12, 6, 4, 3, 2, 1, 1]
    for arm in ARMS:
        totals = [effect.total_usd[arm] for effect in report.retraining]
        assert totals == sorted(totals, reverse=True)
        assert (totals[0] > totals[-1]) == (arm in ("ft", "rag_ft"))
    own = next(effect for effect in report.retraining if effect.interval_months == 5)
    assert own.total_usd == pytest.approx({arm: costs.total_usd.value for arm, costs in report.arms.items()})


def test_every_pair_is_compared_by_both_bases() -> None:
    report = analyse(some_prices(), varied_usages())
    assert len(report.break_evens) == 12
    assert {found.arms for found in report.break_evens} == {
        (first, second) for index, first in enumerate(ARMS) for second in ARMS[index + 1 :]
    }


def test_one_arm_alone_has_costs_and_nothing_to_break_even_with() -> None:
    report = analyse(some_prices(), [usage("rag")])
    assert report.break_evens == ()
    assert report.recommendation.arm == "rag"


def test_the_report_survives_json_and_keeps_the_order_of_its_arms() -> None:
    report = analyse(some_prices(), varied_usages())
    again = RoiReport.model_validate(json.loads(canonical_json(report)))
    assert again == report
    assert tuple(again.arms) == ARMS


@pytest.mark.parametrize("usages", [[], [usage("rag"), usage("rag")]])
def test_no_arm_or_one_twice_is_refused(usages: list[Any]) -> None:
    with pytest.raises(ValueError, match="one usage for each arm is needed"):
        analyse(some_prices(), usages)


def test_shares_of_draws_sum_to_one() -> None:
    shares = analyse(some_prices(), varied_usages()).recommendation.draws_share
    assert sum(shares.values()) == pytest.approx(1.0)
    assert all((share * DRAWS).is_integer() for share in shares.values())
