"""Prices and usages on which the page's arithmetic and Python's are compared."""

import random

from example_usage import ARMS, some_prices, usage, varied_usages

from tasks.records import ArmUsage
from tasks.settings.prices import PriceSettings, ServingPrices


def random_prices(seed: int) -> PriceSettings:
    rng = random.Random(seed)

    def price(most: float) -> float:
        return rng.choice([0.0, most * rng.random() ** 3])

    def serving() -> ServingPrices:
        return ServingPrices(
            usd_per_1k_prompt_tokens=price(0.05),
            usd_per_1k_completion_tokens=price(0.1),
            usd_per_server_hour=rng.choice([None, price(5.0)]),
            min_servers=rng.randrange(3),
            max_utilisation=rng.uniform(0.2, 1.0),
            server_speed_ratio=rng.uniform(0.5, 20.0),
        )

    return PriceSettings(
        queries_per_day=10 ** rng.uniform(0, 6),
        months=rng.randint(1, 36),
        min_correct_share=rng.choice([0.0, 0.3]),
        without_adapter=serving(),
        with_adapter=serving(),
        retraining_interval_months=rng.choice([None, 1, 2, 3, 7, 12]),
        usd_per_training_hour=price(20.0),
        usd_per_1k_training_tokens=price(0.02),
        training_speed_ratio=rng.uniform(0.5, 20.0),
        usd_per_label=price(2.0),
        labels_before_training=rng.randrange(2000),
        labels_per_retraining=rng.randrange(500),
        index_build_usd=price(100.0),
        index_usd_per_month=price(100.0),
        storage_usd_per_gb_month=price(1.0),
        electricity_usd_per_kwh=price(1.0),
    )


ALIKE = [usage(arm) for arm in ARMS]
NEVER_RIGHT = [usage("base", correct=(0.0,) * 4), usage("rag"), usage("ft", correct=(0.0,) * 4)]
MEASURED_ENERGY = [usage(arm, training_energy_j=5e7, server_energy_j_per_query=900.0) for arm in ARMS]
# Seven labels of $0.10 against $0.35 a month: equal at the end of month 2, but for rounding.
BOUNDARY = PriceSettings(
    queries_per_day=12.0,
    without_adapter=ServingPrices(usd_per_server_month=0.35),
    retraining_interval_months=None,
    usd_per_label=0.1,
    labels_before_training=7,
)

CASES: dict[str, tuple[PriceSettings, list[ArmUsage]]] = {
    "everything has a price": (some_prices(), varied_usages()),
    "zero prices": (PriceSettings(), varied_usages()),
    "a month's hosting": (some_prices(with_adapter=ServingPrices(usd_per_server_month=99.0)), varied_usages()),
    "serverless": (some_prices(with_adapter=ServingPrices(usd_per_server_hour=3.0, min_servers=0)), varied_usages()),
    "trained once": (some_prices(retraining_interval_months=None), varied_usages()),
    "trained every month": (some_prices(retraining_interval_months=1), varied_usages()),
    "equal at a month's end": (BOUNDARY, ALIKE),
    "arms that are never right": (some_prices(), NEVER_RIGHT),
    "energy": (some_prices(electricity_usd_per_kwh=0.4), MEASURED_ENERGY),
    "some arms not good enough": (some_prices(min_correct_share=0.45), varied_usages(2)),
    "one arm": (some_prices(), [usage("rag_ft")]),
    **{f"random {seed}": (random_prices(seed), varied_usages(seed, 15)) for seed in range(8)},
}
