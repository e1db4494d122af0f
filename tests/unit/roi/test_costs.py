"""Costs worked out by hand, the sum of their parts, and what more queries can never do."""

from typing import Any

import pytest
from example_usage import ARMS, some_prices, usage
from hypothesis import given
from hypothesis import strategies as st

from tasks.roi.costs import (
    DAYS_PER_MONTH,
    Terms,
    cost_terms,
    for_each_correct,
    servers_paid,
    split_costs,
    total_usd,
    trainings_by,
)
from tasks.roi.usage import mean_usage
from tasks.settings.prices import PriceSettings, ServingPrices

PRICE = st.floats(0.0, 50.0)


def terms(arm: str, prices: PriceSettings, **changes: Any) -> Terms:
    measured = usage(arm, **changes)
    return cost_terms(prices, measured, mean_usage(measured))


@st.composite
def price_sheets(draw: st.DrawFn) -> PriceSettings:
    def serving() -> ServingPrices:
        return ServingPrices(
            usd_per_1k_prompt_tokens=draw(PRICE),
            usd_per_1k_completion_tokens=draw(PRICE),
            usd_per_server_hour=draw(st.none() | PRICE),
            min_servers=draw(st.integers(0, 3)),
            max_utilisation=draw(st.floats(0.1, 1.0)),
            server_speed_ratio=draw(st.floats(0.1, 10.0)),
        )

    return PriceSettings(
        without_adapter=serving(),
        with_adapter=serving(),
        retraining_interval_months=draw(st.none() | st.integers(1, 24)),
        usd_per_training_hour=draw(PRICE),
        usd_per_1k_training_tokens=draw(PRICE),
        usd_per_label=draw(PRICE),
        labels_before_training=draw(st.integers(0, 1000)),
        labels_per_retraining=draw(st.integers(0, 1000)),
        index_build_usd=draw(PRICE),
        index_usd_per_month=draw(PRICE),
        storage_usd_per_gb_month=draw(PRICE),
        electricity_usd_per_kwh=draw(PRICE),
    )


def test_tokens_are_priced_by_the_thousand() -> None:
    prices = PriceSettings(
        without_adapter=ServingPrices(usd_per_1k_prompt_tokens=0.01, usd_per_1k_completion_tokens=0.04)
    )
    # 1,000 prompt tokens at $0.01 a thousand and 500 completion tokens at $0.04 a thousand: $0.03 a query.
    # 12 queries a day are 365 in a month: $10.95.
    split = split_costs(terms("base", prices), 12.0, 1)
    assert split.tokens_usd == pytest.approx(10.95)
    assert split.total_usd == split.tokens_usd


@pytest.mark.parametrize(
    ("queries_per_day", "servers"),
    [
        (1.0, 1.0),  # the minimum
        (21_600.0, 1.0),  # 2 s each, half of a server's time: 86,400 x 0.5 / 2 fill exactly one
        (43_200.0, 2.0),
        (54_000.0, 2.5),
    ],
)
@pytest.mark.parametrize("serving", [{"usd_per_server_hour": 2.0}, {"usd_per_server_month": 1460.0}])
def test_servers_follow_the_load_by_littles_law(
    queries_per_day: float, servers: float, serving: dict[str, float]
) -> None:
    prices = PriceSettings(without_adapter=ServingPrices(max_utilisation=0.5, **serving))
    of_base = terms("base", prices)
    assert servers_paid(of_base, queries_per_day) == pytest.approx(servers)
    # $2 an hour are $1,460 for a month of 730 hours.
    assert split_costs(of_base, queries_per_day, 3).hosting_usd == pytest.approx(3 * servers * 1460)


def test_a_server_four_times_as_fast_answers_four_times_as_many() -> None:
    slow, fast = (
        terms("base", PriceSettings(without_adapter=ServingPrices(server_speed_ratio=ratio))) for ratio in (1.0, 4.0)
    )
    assert slow.servers_per_daily_query == pytest.approx(4 * fast.servers_per_daily_query)


def test_without_a_minimum_hosting_costs_nothing_when_nobody_asks() -> None:
    serverless = ServingPrices(usd_per_server_hour=2.0, min_servers=0, max_utilisation=1.0)
    of_base = terms("base", PriceSettings(without_adapter=serverless))
    assert split_costs(of_base, 0.0, 12).hosting_usd == 0
    # 43,200 queries of 2 s keep one server busy.
    assert split_costs(of_base, 43_200.0, 1).hosting_usd == pytest.approx(1460.0)


def test_training_and_labels_by_hand() -> None:
    prices = PriceSettings(
        retraining_interval_months=4,
        usd_per_training_hour=3.0,
        usd_per_1k_training_tokens=0.001,
        training_speed_ratio=2.0,
        usd_per_label=0.5,
        labels_before_training=200,
        labels_per_retraining=40,
    )
    # One training: an hour, half of it on the faster machine, $1.50, and 2,000 thousand tokens, $2.00: $3.50.
    # In 12 months: the first and those paid in months 5 and 9. Labels: $100 at first, $20 each later time.
    split = split_costs(terms("ft", prices), 10.0, 12)
    assert (split.training_usd, split.labels_usd) == (pytest.approx(10.5), pytest.approx(140.0))
    assert split.total_usd == pytest.approx(150.5)


def test_index_storage_and_electricity_by_hand() -> None:
    prices = PriceSettings(
        retraining_interval_months=None,
        index_build_usd=7.0,
        index_usd_per_month=20.0,
        storage_usd_per_gb_month=0.1,
        electricity_usd_per_kwh=0.36,
    )
    measured = {"training_energy_j": 36_000_000.0, "server_energy_j_per_query": 100.0}
    split = split_costs(terms("rag_ft", prices, **measured), 12.0, 6)
    assert split.index_usd == pytest.approx(127.0)
    assert split.storage_usd == pytest.approx(1.2)  # adapter and index: 2 GB, 6 months
    # 10 kWh for one training, $3.60; 6 x 365 queries of 100 J, 219,000 J, $0.0219.
    assert split.energy_usd == pytest.approx(3.6219)


@pytest.mark.parametrize(
    ("interval", "month", "trainings"),
    [
        (3, 0, 1),
        (3, 3, 1),  # due at the end of month 3, paid in month 4
        (3, 4, 2),
        (3, 12, 4),
        (3, 13, 5),
        (1, 1, 1),
        (1, 12, 12),
        (12, 12, 1),
        (12, 13, 2),
        (24, 12, 1),
        (None, 120, 1),
    ],
)
def test_a_retraining_is_paid_in_the_month_after_it_falls_due(interval: int | None, month: int, trainings: int) -> None:
    of_ft = terms("ft", PriceSettings(retraining_interval_months=interval))
    assert trainings_by(of_ft, month) == trainings


def test_an_arm_pays_for_what_it_has_and_for_nothing_else() -> None:
    prices = some_prices(with_adapter=some_prices().without_adapter)
    paid = {arm: split_costs(terms(arm, prices), 5000.0, 12) for arm in ARMS}
    assert {arm for arm, split in paid.items() if split.index_usd} == {"rag", "rag_ft"}
    assert {arm for arm, split in paid.items() if split.training_usd} == {"ft", "rag_ft"}
    assert {arm for arm, split in paid.items() if split.labels_usd} == {"ft", "rag_ft"}
    assert {arm for arm, split in paid.items() if split.storage_usd} == {"rag", "ft", "rag_ft"}


def test_serving_prices_are_those_of_the_kind_of_model() -> None:
    prices = some_prices()
    paid = {arm: split_costs(terms(arm, prices), 5000.0, 12) for arm in ARMS}
    assert {arm for arm, split in paid.items() if split.tokens_usd} == {"base", "rag"}
    assert {arm for arm, split in paid.items() if split.hosting_usd} == {"ft", "rag_ft"}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("month", [0, 1, 12, 120])
def test_zero_prices_cost_nothing(arm: str, month: int) -> None:
    assert split_costs(terms(arm, PriceSettings()), 1000.0, month).total_usd == 0


@given(price_sheets(), st.sampled_from(ARMS), st.floats(0.0, 1e6), st.integers(0, 120))
def test_the_parts_sum_to_the_total(prices: PriceSettings, arm: str, queries: float, month: int) -> None:
    of_arm = terms(arm, prices, training_energy_j=1e6, server_energy_j_per_query=5.0)
    assert split_costs(of_arm, queries, month).total_usd == pytest.approx(total_usd(of_arm, queries, month), rel=1e-9)


@given(price_sheets(), st.sampled_from(ARMS), st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.integers(0, 120))
def test_more_queries_are_never_cheaper(
    prices: PriceSettings, arm: str, queries: float, more: float, month: int
) -> None:
    of_arm = terms(arm, prices)
    less, total = total_usd(of_arm, queries, month), total_usd(of_arm, queries + more, month)
    assert total >= less * (1 - 1e-12)


@given(price_sheets(), st.sampled_from(ARMS), st.floats(0.0, 1e6), st.integers(0, 119))
def test_a_later_month_is_never_cheaper(prices: PriceSettings, arm: str, queries: float, month: int) -> None:
    of_arm = terms(arm, prices)
    assert total_usd(of_arm, queries, month + 1) >= total_usd(of_arm, queries, month) * (1 - 1e-12)


@given(price_sheets(), st.integers(1, 24), st.integers(1, 24), st.integers(0, 120))
def test_training_more_often_is_never_cheaper(prices: PriceSettings, often: int, longer: int, month: int) -> None:
    intervals = (often, often + longer, None)
    paid = [
        total_usd(terms("ft", prices.model_copy(update={"retraining_interval_months": interval})), 100.0, month)
        for interval in intervals
    ]
    assert paid[0] >= paid[1] * (1 - 1e-12) and paid[1] >= paid[2] * (1 - 1e-12)


def test_a_correct_answer_costs_more_the_rarer_it_is() -> None:
    assert (for_each_correct(3.0, 0.5), for_each_correct(3.0, 1.0)) == (6.0, 3.0)
    assert for_each_correct(3.0, 0.0) == for_each_correct(0.0, 0.0) == float("inf")


def test_twelve_months_are_a_year() -> None:
    assert pytest.approx(365.0) == 12 * DAYS_PER_MONTH
