"""How money, queries, months and arms are written."""

import pytest
from example_usage import some_prices, usage

from tasks.records import BreakEven, CheapestRange, Spread
from tasks.roi.assumptions import list_assumptions
from tasks.roi.wording import (
    describe_month,
    describe_queries,
    describe_ranges,
    format_interval_months,
    format_percent,
    format_queries,
    format_usd,
    in_sentence,
)
from tasks.settings.prices import PriceSettings


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0.0, "$0"),
        (1e-12, "$0"),
        (0.00012345, "$0.000123"),
        (0.1, "$0.100"),
        (0.9999, "$1.000"),
        (1.0, "$1.00"),
        (999.999, "$1,000.00"),
        (1234.5, "$1,234"),
        (4e6, "$4,000,000"),
        (None, "no bound"),
    ],
)
def test_money_has_cents_or_three_digits(usd: float | None, text: str) -> None:
    assert format_usd(usd) == text


@pytest.mark.parametrize(
    ("queries", "text"),
    [(0.0, "0"), (0.254, "0.254"), (7.0, "7"), (12.34, "12.3"), (371.23, "371"), (7012.0, "7,010"), (1e6, "1,000,000")],
)
def test_queries_have_three_digits(queries: float, text: str) -> None:
    assert format_queries(queries) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.001, "1 %"), (0.814, "81 %"), (0.999, "99 %"), (1.0, "100 %")]
)
def test_only_all_is_a_hundred_percent_and_only_nothing_is_zero(share: float, text: str) -> None:
    assert format_percent(share) == text


@pytest.mark.parametrize(("interval", "text"), [(1, "every month"), (3, "every 3 months"), (None, "only once")])
def test_intervals_of_retraining(interval: int | None, text: str) -> None:
    assert format_interval_months(interval) == text


@pytest.mark.parametrize(
    ("arm", "text"), [("base", "base"), ("rag", "RAG"), ("ft", "fine-tuned"), ("rag_ft", "RAG + fine-tuned")]
)
def test_arms_within_a_sentence(arm: str, text: str) -> None:
    assert in_sentence(arm) == text


def found(cheaper: str | None, value: float | None, ci95: tuple[float | None, float | None]) -> BreakEven:
    spread = Spread(value=value, ci95=ci95)
    return BreakEven(
        arms=("rag", "ft"),
        basis="answer",
        cheaper_later=cheaper,
        month=spread,
        within_months_share=0.5,
        cheaper_above=cheaper,
        queries_per_day=spread,
    )


@pytest.mark.parametrize(
    ("break_even", "month", "queries"),
    [
        (
            found("ft", 5, (3, 9)),
            "fine-tuned from month 5 (95 % interval 3 to 9)",
            "fine-tuned from 5 on (95 % interval 3 to 9)",
        ),
        (
            found("ft", 14, (9, None)),
            "fine-tuned from month 14, after the 12 months (95 % interval 9 to never)",
            "fine-tuned from 14 on (95 % interval 9 to never)",
        ),
        (
            found("rag", 0, (0, 0)),
            "RAG from the start; fine-tuned never breaks even",
            "RAG at any number; fine-tuned never breaks even",
        ),
        (found(None, 0, (0, 0)), "the same throughout", "the same at any number"),
    ],
)
def test_break_even_in_words(break_even: BreakEven, month: str, queries: str) -> None:
    assert (describe_month(break_even, 12), describe_queries(break_even)) == (month, queries)


def ranges(*starts: tuple[str, float]) -> list[CheapestRange]:
    return [CheapestRange(arm=arm, from_queries_per_day=low, to_queries_per_day=None) for arm, low in starts]


@pytest.mark.parametrize(
    ("cheapest", "text"),
    [
        ([], ""),
        (ranges(("rag", 0)), "At any number of queries a day RAG costs least for each answer, right or wrong."),
        (
            ranges(("rag", 0), ("ft", 7012), ("base", 20_000)),
            "Below 7,010 queries a day RAG costs least for each answer, right or wrong; "
            "from 7,010 on, fine-tuned does; from 20,000 on, base does.",
        ),
    ],
)
def test_ranges_in_words(cheapest: list[CheapestRange], text: str) -> None:
    assert describe_ranges(cheapest, "answer") == text


def test_energy_that_was_not_read_is_said_and_not_priced() -> None:
    sentences = list_assumptions(some_prices(electricity_usd_per_kwh=0.3), [usage("base"), usage("ft")])
    assert (
        "Energy could not be read, or not all of it, for base, fine-tuned, so its electricity is not in the figures."
        in sentences
    )


def test_energy_that_was_read_is_told_in_kilowatt_hours() -> None:
    measured = usage("ft", training_energy_j=360_000.0, server_energy_j_per_query=2.0)
    sentences = list_assumptions(some_prices(), [measured])
    assert "Training fine-tuned took 0.100 kWh in processors and memory; graphics cards not read." in sentences
    assert not any("could not be read" in sentence for sentence in sentences)


def test_nothing_is_assumed_of_servers_and_training_that_nobody_pays_for() -> None:
    sentences = list_assumptions(PriceSettings(), [usage("base")])
    assert not any("Servers" in sentence or "training" in sentence for sentence in sentences)
