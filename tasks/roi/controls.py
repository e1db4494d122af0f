"""The sliders of the page: which price each one moves, how far, and on what scale."""

from dataclasses import dataclass
from typing import Literal

from tasks.roi.costs import HOURS_PER_MONTH
from tasks.settings.prices import PriceSettings, ServingPrices

MOST_RETRAINING_MONTHS = 24


@dataclass(frozen=True)
class Control:
    """One slider.

    Attributes:
        id: the price it moves, as a path in the price sheet: `with_adapter.usd_per_server_hour`.
        group: the heading it stands under.
        label: what it is, with its unit.
        scale: `log` from 1 to `most`; `cubic` from 0 to `most`, finer near 0; `whole` from 0 to `most`, 0 for None.
        most: the right end.
        value: where it starts; None: never again.
    """

    id: str
    group: str
    label: str
    scale: Literal["log", "cubic", "whole"]
    most: float
    value: float | None


def list_controls(prices: PriceSettings) -> list[Control]:
    """The sliders in their order, each with room to at least four times the price sheet's figure."""
    queries, interval = prices.queries_per_day, prices.retraining_interval_months
    return [
        Control("queries_per_day", "Use", "Queries a day", "log", max(1e6, 10 * queries), queries),
        Control(
            "retraining_interval_months",
            "Use",
            "Months from training to training",
            "whole",
            max(MOST_RETRAINING_MONTHS, interval or 0),
            interval,
        ),
        _price("usd_per_label", "Use", "Dollars for a label", 5.0, prices.usd_per_label),
        *_serving("without_adapter", "Arms without an adapter (base, RAG)", prices.without_adapter),
        *_serving("with_adapter", "Arms with an adapter (fine-tuned)", prices.with_adapter),
    ]


def _serving(name: str, group: str, serving: ServingPrices) -> list[Control]:
    hour = serving.usd_per_server_hour
    if serving.usd_per_server_month is not None:
        hour = serving.usd_per_server_month / HOURS_PER_MONTH
    prompt, completion = serving.usd_per_1k_prompt_tokens, serving.usd_per_1k_completion_tokens
    return [
        _price(f"{name}.usd_per_1k_prompt_tokens", group, "Dollars for 1,000 prompt tokens", 0.02, prompt),
        _price(f"{name}.usd_per_1k_completion_tokens", group, "Dollars for 1,000 completion tokens", 0.05, completion),
        _price(f"{name}.usd_per_server_hour", group, "Dollars for a server and hour", 10.0, hour or 0.0),
    ]


def _price(path: str, group: str, label: str, most: float, value: float) -> Control:
    return Control(path, group, label, "cubic", max(most, 4 * value), value)
