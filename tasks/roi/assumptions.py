"""What the figures rest on and leave out, in plain sentences."""

from collections.abc import Iterator, Sequence

from tasks.evaluation.report_text import count_of, format_number
from tasks.records import ArmUsage
from tasks.roi.wording import format_percent, in_sentence
from tasks.settings.prices import PriceSettings

_JOULES_PER_KWH = 3_600_000.0


def list_assumptions(prices: PriceSettings, usages: Sequence[ArmUsage]) -> tuple[str, ...]:
    """Sentences for the end of the page."""
    return (*_of_every_sheet(usages), *_of_servers(prices), *_of_energy(prices, usages))


def _of_every_sheet(usages: Sequence[ArmUsage]) -> Iterator[str]:
    yield (
        f"Intervals come from drawing the {count_of(usages[0].questions, 'test question')} anew 1,000 times, the same "
        "for every arm; prices are taken as exact."
    )
    yield "Paid queries are taken to be like the test questions in length and difficulty, and as many every day."
    if any(usage.adapter for usage in usages):
        yield (
            "Training was measured once, so its cost has no interval, and every retraining is taken to cost as much. "
            "How much answers would suffer without retraining was not measured and is not in the figures."
        )
        yield "A retraining that falls due at the end of a month is paid in the next one."
    yield "Left out: labels of the test questions, people's working time but for labels, and taxes."


def _of_servers(prices: PriceSettings) -> Iterator[str]:
    for name, serving in (("without", prices.without_adapter), ("with", prices.with_adapter)):
        if not (serving.usd_per_server_hour or serving.usd_per_server_month):
            continue
        speed = (
            "as fast as the machine that measured"
            if serving.server_speed_ratio == 1
            else f"{serving.server_speed_ratio:g} times as fast as the machine that measured"
        )
        yield (
            f"Servers {name} an adapter are taken to be {speed}, to be in use for at most "
            f"{format_percent(serving.max_utilisation)} of the time and to follow the load, but never to be fewer than "
            f"{serving.min_servers}; capacity is that of the measured batches."
        )


def _of_energy(prices: PriceSettings, usages: Sequence[ArmUsage]) -> Iterator[str]:
    unread = [
        in_sentence(usage.arm)
        for usage in usages
        if usage.server_energy_j_per_query is None or (usage.adapter and usage.training_energy_j is None)
    ]
    if unread:
        left_out = ", so its electricity is not in the figures" if prices.electricity_usd_per_kwh > 0 else ""
        yield f"Energy could not be read, or not all of it, for {', '.join(unread)}{left_out}."
    for usage in usages:
        if usage.adapter and usage.training_energy_j is not None:
            kwh = format_number(usage.training_energy_j / _JOULES_PER_KWH)
            yield f"Training {in_sentence(usage.arm)} took {kwh} kWh in processors and memory; graphics cards not read."
