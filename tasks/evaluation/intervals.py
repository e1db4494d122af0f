"""How sure a mean is: percentile bootstrap intervals, over questions and over paired differences.

The test questions are a sample of those the domain's users ask, so a mean over them is known only roughly. The
bootstrap draws the same number of questions again and again, with replacement, and takes the middle 95 % of the
means it sees (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 13). Two arms answer the
same questions, so their difference is resampled question by question (chapter 8): what makes a question hard for
both cancels out, and far smaller differences show.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.records import Latency, MetricSummary, PairedDifference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Differences up to this are ties. Embeddings are float32, so equal answers can differ in the seventh digit.
TIE = 1e-6

_DRAWS_AT_ONCE = 2_000_000

_NORMAL_975 = 1.959963984540054  # the normal distribution's 97.5 % point


def bootstrap_mean(values: Sequence[float], resamples: int, seed: int) -> MetricSummary:
    """The mean of the values with its 95 % percentile bootstrap interval, which always contains it.

    The same values, resamples and seed give the same interval. One value, or values all alike, give an interval of
    no width: it says nothing about other questions, so a verdict has to ask for a minimum of questions beside it.

    Raises:
        ValueError: when there are no values, or some are NaN or infinite.
    """
    import numpy as np

    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError("a mean needs at least one value")
    if not np.isfinite(sample).all():
        raise ValueError("a mean needs finite values")
    mean = float(sample.mean())
    if sample.min() == sample.max():
        constant = float(sample[0])
        return MetricSummary(mean=constant, ci95=(constant, constant))
    low, high = _percentile_interval(sample, resamples, seed)
    # With few resamples the interval's ends can be means rounded otherwise than the mean itself.
    return MetricSummary(mean=mean, ci95=(min(low, mean), max(high, mean)))


def latency_quantiles(latencies_s: Sequence[float]) -> Latency:
    """The median and the 95th percentile of at least one duration, in seconds."""
    import numpy as np

    return Latency(p50=float(np.quantile(latencies_s, 0.5)), p95=float(np.quantile(latencies_s, 0.95)))


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % Wilson score interval (Wilson 1927) of a share found in `count` cases; it always contains the share.

    Unlike the bootstrap it has a width where all cases are alike, which a few often are. Cases that are yes in part
    vary less than those that are yes or no with the same mean, so for them it is a little too wide.

    Raises:
        ValueError: when there are no cases, or the share is not in [0, 1].
    """
    if count < 1 or not 0.0 <= share <= 1.0:
        raise ValueError(f"a share in [0, 1] of at least one case is needed, not {share} of {count}")
    squared = _NORMAL_975**2 / count
    centre = (share + squared / 2) / (1 + squared)
    half = math.sqrt(squared * (share * (1 - share) + squared / 4)) / (1 + squared)
    # At the ends rounding could step over the share.
    return min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share)


def paired_difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    arm: str,
    against: str,
    metric: str,
    resamples: int,
    seed: int,
) -> PairedDifference:
    """Arm `a` minus arm `b` on the same questions in the same order, with its 95 % paired bootstrap interval.

    `wins` counts the questions on which `a` scores higher by more than `TIE`, `losses` those on which `b` does.

    Raises:
        ValueError: when the arms have different numbers of questions, none, or scores that are not finite.
    """
    import numpy as np

    if len(a) != len(b):
        raise ValueError(f"{arm} has {len(a)} scores and {against} {len(b)}: the questions cannot be paired")
    differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    summary = bootstrap_mean(differences.tolist(), resamples, seed)
    wins, losses = int((differences > TIE).sum()), int((differences < -TIE).sum())
    return PairedDifference(
        arm=arm,
        against=against,
        metric=metric,
        difference=summary.mean,
        ci95=summary.ci95,
        wins=wins,
        ties=len(differences) - wins - losses,
        losses=losses,
    )


def _percentile_interval(sample: "NDArray[np.float64]", resamples: int, seed: int) -> tuple[float, float]:
    import numpy as np
    from scipy.stats import bootstrap

    interval = bootstrap(
        (sample,),
        np.mean,
        n_resamples=resamples,
        confidence_level=0.95,
        method="percentile",
        vectorized=True,
        # Draws in blocks of at most 16 MB, whatever the number of questions; the result is the same.
        batch=max(1, _DRAWS_AT_ONCE // sample.size),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)
