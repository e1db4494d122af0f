"""Is a share larger now than it was? Fisher's exact test, with Newcombe's interval of the difference. Pure.

Fisher's test (1935) holds its level for any numbers, small ones and shares near 0 and 1 among them, which is where
production is. The interval of a share is Wilson's; that of the difference is Newcombe's from both (1998, method 10).
"""

import math
from dataclasses import dataclass

from tasks.evaluation.intervals import wilson_interval
from tasks.records.monitoring import Measured


@dataclass(frozen=True)
class Rise:
    """A share now beside the share before.

    Attributes:
        difference: now minus before; positive: it rose.
        ci95: of the difference; contains it.
        p_value: of its not having risen.
    """

    now: Measured
    before: Measured
    difference: float
    ci95: tuple[float, float]
    p_value: float


def measure_share(cases: int, count: int) -> Measured:
    """The share of `cases` among `count`, at least 1, with its 95 % interval."""
    share = cases / count
    return Measured(value=share, ci95=wilson_interval(share, count), count=count)


def compare_shares(now: tuple[int, int], before: tuple[int, int]) -> Rise:
    """The test, on (cases, count) of each period.

    Raises:
        ValueError: when a period has no count, or more cases than it counts.
    """
    import numpy as np
    from scipy.stats import fisher_exact

    (cases, count), (cases_before, count_before) = now, before
    table = [[cases, count - cases], [cases_before, count_before - cases_before]]
    if min(count, count_before) < 1 or min(map(min, table)) < 0:
        raise ValueError(f"{cases} of {count} and {cases_before} of {count_before} are no shares")
    measured, reference = measure_share(cases, count), measure_share(cases_before, count_before)
    difference = measured.value - reference.value
    low = difference - math.hypot(measured.value - measured.ci95[0], reference.ci95[1] - reference.value)
    high = difference + math.hypot(measured.ci95[1] - measured.value, reference.value - reference.ci95[0])
    p_value = float(fisher_exact(np.array(table), alternative="greater").pvalue)
    return Rise(measured, reference, difference, (low, high), min(max(p_value, 0.0), 1.0))


def percent(share: float) -> str:
    """`12.3 %`."""
    return f"{100 * share:.1f} %"


def describe_p(p_value: float) -> str:
    """`p 0.0021`; very small ones only as that."""
    return f"p {p_value:.2g}" if p_value >= 1e-9 else "p below 1e-9"


def points(rise: Rise, sign: int = 1) -> str:
    """The difference in percentage points, with its interval; with the sign -1 that of the share's complement."""
    low, high = sorted((sign * rise.ci95[0], sign * rise.ci95[1]))
    return f"{100 * sign * rise.difference:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
