"""What one arm costs, month by month.

    cost up to the end of month t  =  first payments  +  t x monthly payments  +  retrainings x payments for each

    first payments       building the index; one training and its labels
    monthly payments     queries x (tokens + electricity)  +  servers  +  index hosting  +  storage
    retrainings          floor((t - 1) / n) for every n months: the one due at a month's end is paid in the next month,
                         so that none is paid at the very end

A month has 365 / 12 days and 730 hours. Servers follow the load and are paid by the time they run (autoscaling), at
least `min_servers` of them:

    servers  =  max(min_servers, queries a day x server_s / server_speed_ratio / (86,400 x max_utilisation))

which is Little's law: the mean number of queries under way is their rate times their time (Little 1961, "A Proof for
the Queuing Formula L = λW"). Costs therefore grow with queries along two straight lines, and break-even is exact.
The page's JavaScript (templates/roi_arithmetic.js) says the same, and a test compares the two.
"""

import math
from dataclasses import dataclass

from tasks.records import ArmUsage, CostSplit
from tasks.roi.usage import Means
from tasks.settings.prices import PriceSettings, ServingPrices

HOURS_PER_MONTH = 730.0
DAYS_PER_MONTH = 365.0 / 12.0
_SECONDS_PER_DAY = 86_400.0
_JOULES_PER_KWH = 3_600_000.0
_BYTES_PER_GB = 1e9


@dataclass(frozen=True)
class Terms:
    """What the cost of one arm is made of, in US dollars unless the name says otherwise; never negative.

    Attributes:
        tokens_per_query: prompt and completion tokens of a mean query.
        energy_per_query: electricity of a mean query.
        server_month: one server for a month.
        servers_per_daily_query: servers that one query a day keeps busy, a tiny fraction.
        min_servers: servers that always run.
        training: one training.
        training_energy: electricity of one training.
        first_labels: labels before the first training.
        later_labels: labels before each later one.
        interval_months: from training to training; None: only the first.
        index_build: once.
        index_month: hosting of the index.
        storage_month: adapter and index on disk.
        trained: whether there is a training at all.
    """

    tokens_per_query: float
    energy_per_query: float
    server_month: float
    servers_per_daily_query: float
    min_servers: int
    training: float
    training_energy: float
    first_labels: float
    later_labels: float
    interval_months: int | None
    index_build: float
    index_month: float
    storage_month: float
    trained: bool


def cost_terms(prices: PriceSettings, usage: ArmUsage, means: Means) -> Terms:
    """The terms of an arm's cost at these prices, with `means` in place of the arm's own (those of a draw, say).

    Training: hours x price of an hour + tokens x price of a token; an arm without an adapter has none and needs no
    labels, and one without retrieval has no index. Energy that was not read counts as none.
    """
    serving = serving_prices(prices, usage)
    kwh = prices.electricity_usd_per_kwh / _JOULES_PER_KWH  # US dollars a joule
    return Terms(
        tokens_per_query=means.prompt_tokens / 1000 * serving.usd_per_1k_prompt_tokens
        + means.completion_tokens / 1000 * serving.usd_per_1k_completion_tokens,
        energy_per_query=(usage.server_energy_j_per_query or 0.0) * kwh,
        server_month=server_month_usd(serving),
        servers_per_daily_query=means.server_s
        / serving.server_speed_ratio
        / (_SECONDS_PER_DAY * serving.max_utilisation),
        min_servers=serving.min_servers,
        training=_training_usd(prices, usage) if usage.adapter else 0.0,
        training_energy=(usage.training_energy_j or 0.0) * kwh if usage.adapter else 0.0,
        first_labels=prices.labels_before_training * prices.usd_per_label if usage.adapter else 0.0,
        later_labels=prices.labels_per_retraining * prices.usd_per_label if usage.adapter else 0.0,
        interval_months=prices.retraining_interval_months,
        index_build=prices.index_build_usd if usage.retrieval else 0.0,
        index_month=prices.index_usd_per_month if usage.retrieval else 0.0,
        storage_month=usage.storage_bytes / _BYTES_PER_GB * prices.storage_usd_per_gb_month,
        trained=usage.adapter,
    )


def serving_prices(prices: PriceSettings, usage: ArmUsage) -> ServingPrices:
    """The serving prices that hold for an arm: those with an adapter, or without."""
    return prices.with_adapter if usage.adapter else prices.without_adapter


def server_month_usd(serving: ServingPrices) -> float:
    """US dollars for one server and month; an hourly price counts 730 times."""
    if serving.usd_per_server_month is not None:
        return serving.usd_per_server_month
    return (serving.usd_per_server_hour or 0.0) * HOURS_PER_MONTH


def trainings_by(terms: Terms, month: int) -> int:
    """Trainings paid for up to the end of a month, the first included, which is paid in month 0."""
    if not terms.trained:
        return 0
    if terms.interval_months is None or month < 1:
        return 1
    return 1 + (month - 1) // terms.interval_months


def servers_paid(terms: Terms, queries_per_day: float) -> float:
    """Servers that run on average: those that the queries keep busy, and at least the minimum."""
    return max(float(terms.min_servers), queries_per_day * terms.servers_per_daily_query)


def split_costs(terms: Terms, queries_per_day: float, month: int) -> CostSplit:
    """All that was paid up to the end of a month, by what it was paid for; month 0 is before the first query."""
    queries = queries_per_day * DAYS_PER_MONTH * month
    trainings = trainings_by(terms, month)
    labels = terms.first_labels + (trainings - 1) * terms.later_labels if trainings else 0.0
    return CostSplit(
        hosting_usd=month * servers_paid(terms, queries_per_day) * terms.server_month,
        tokens_usd=queries * terms.tokens_per_query,
        training_usd=trainings * terms.training,
        labels_usd=labels,
        index_usd=terms.index_build + month * terms.index_month,
        storage_usd=month * terms.storage_month,
        energy_usd=queries * terms.energy_per_query + trainings * terms.training_energy,
    )


def fixed_usd(terms: Terms, month: int) -> float:
    """What was paid up to the end of a month whatever the number of queries, servers left out."""
    trainings = trainings_by(terms, month)
    paid = terms.index_build + month * (terms.index_month + terms.storage_month)
    if not trainings:
        return paid
    later = (trainings - 1) * (terms.training + terms.training_energy + terms.later_labels)
    return paid + terms.training + terms.training_energy + terms.first_labels + later


def monthly_usd(terms: Terms, queries_per_day: float) -> float:
    """What a month's queries and servers cost."""
    of_queries = queries_per_day * DAYS_PER_MONTH * (terms.tokens_per_query + terms.energy_per_query)
    return of_queries + servers_paid(terms, queries_per_day) * terms.server_month


def total_usd(terms: Terms, queries_per_day: float, month: int) -> float:
    """All that was paid up to the end of a month: the sum of `split_costs`, without the split."""
    return fixed_usd(terms, month) + month * monthly_usd(terms, queries_per_day)


def for_each_correct(usd: float, correct_share: float) -> float:
    """A cost divided by the share of answers that are correct; infinite where none is."""
    return usd / correct_share if correct_share > 0 else math.inf


def _training_usd(prices: PriceSettings, usage: ArmUsage) -> float:
    hours = usage.training_s / 3600 / prices.training_speed_ratio
    return hours * prices.usd_per_training_hour + usage.train_tokens / 1000 * prices.usd_per_1k_training_tokens
