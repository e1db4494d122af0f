"""Rising latency: is the 95th percentile of seconds for an answer higher now than before? Pure.

If nothing has changed, the slowest twentieth of all answers of both periods is spread over them by chance, so that the
number of answers of now among it is hypergeometric: a quantile test after Mood (1950, "Introduction to the Theory of
Statistics"), by Fisher's exact test. Only the slow end counts; the median may fall meanwhile. Answers that wait for
each other are slow together: a burst of load is a finding, too.
"""

from collections.abc import Sequence

from tasks.monitoring.answers import ProductionAnswer
from tasks.monitoring.shares import compare_shares, describe_p
from tasks.records.monitoring import Measured, Verdict
from tasks.settings.monitoring import MonitorSettings

QUANTILE = 0.95


def examine_latency(
    now: Sequence[ProductionAnswer], before: Sequence[ProductionAnswer], settings: MonitorSettings, level: float
) -> Verdict:
    """The verdict on the 95th percentile of latency."""
    import numpy as np

    current, reference = _latencies(now), _latencies(before)
    if min(len(current), len(reference)) < settings.min_answers:
        sentence = (
            f"Latency: {len(current)} answers now and {len(reference)} before are too few for a verdict; "
            f"{settings.min_answers} are needed in each period."
        )
        return Verdict(kind="latency", sentence=sentence)
    slow_from = float(np.quantile([*current, *reference], QUANTILE))
    slow = [(sum(each > slow_from for each in latencies), len(latencies)) for latencies in (current, reference)]
    p_value = compare_shares(slow[0], slow[1]).p_value
    measured, earlier = measure_p95(current), measure_p95(reference)
    sentence = (
        f"95th percentile of latency: {_seconds(measured)} of {len(current)} answers now, {_seconds(earlier)} of "
        f"{len(reference)} before; {describe_p(p_value)}."
    )
    notable = measured.value > earlier.value and measured.value >= settings.latency_ratio * earlier.value
    return Verdict(
        kind="latency",
        sentence=sentence,
        now=measured,
        before=earlier,
        p_value=p_value,
        level=level,
        notable=notable,
    )


def measure_p95(latencies_s: Sequence[float]) -> Measured:
    """The 95th percentile of at least one latency, with a 95 % interval that holds for any distribution.

    The interval's ends are latencies whose ranks the binomial distribution gives (Conover 1999, "Practical
    Nonparametric Statistics", section 3.2). Of fewer than 72 latencies the upper end is the largest, which may be too
    low.
    """
    import numpy as np
    from scipy.stats import binom

    ordered = np.sort(np.asarray(latencies_s, dtype=np.float64))
    count = len(ordered)
    value = float(np.quantile(ordered, QUANTILE))
    low = max(int(binom.ppf(0.025, count, QUANTILE)) - 1, 0)
    high = min(int(binom.ppf(0.975, count, QUANTILE)), count - 1)
    ci95 = (min(float(ordered[low]), value), max(float(ordered[high]), value))
    return Measured(value=value, ci95=ci95, count=count)


def _latencies(answers: Sequence[ProductionAnswer]) -> list[float]:
    return [answer.latency_s for answer in answers if answer.latency_s is not None]


def _seconds(measured: Measured) -> str:
    return f"{measured.value:.2f} s ({measured.ci95[0]:.2f} to {measured.ci95[1]:.2f})"
