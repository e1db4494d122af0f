"""From measured questions to means with their spread.

The spread comes from the bootstrap: the test questions are drawn again and again, with replacement, and every figure
is worked out anew from each draw (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 13).
All arms get the same drawn questions, since they answered the same ones. The cost of a correct answer is a ratio, and
the percentile bootstrap is the usual way to its interval (Briggs, Wonderling & Mooney 1997, "Pulling cost-effectiveness
analysis up by its bootstraps", Health Economics 6:327-340). An interval's end is the value of one of the draws, so that
"never" can be an end, too. With one question, or questions all alike, intervals have no width and say nothing.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.evaluation.intervals import latency_quantiles
from tasks.records import ArmUsage, MetricSummary, UsageSummary

DRAWS = 1000

# The page holds every draw; seven digits are far finer than any spread, and both it and Python use the rounded means.
_DIGITS = 7


@dataclass(frozen=True)
class Means:
    """Means of one arm over the test questions, or over one draw of them.

    Attributes:
        prompt_tokens: per query.
        completion_tokens: per query.
        server_s: seconds of the machine per query.
        correct_share: 0 to 1.
    """

    prompt_tokens: float
    completion_tokens: float
    server_s: float
    correct_share: float


def share_latencies(latencies_s: Sequence[float]) -> tuple[float, ...]:
    """The machine's seconds per answer, from latencies of which all answers of a batch have the batch's.

    The sum is the time the machine was busy. Batches are told apart by their latency, measured to the nanosecond.
    """
    sizes = Counter(latencies_s)
    return tuple(latency / sizes[latency] for latency in latencies_s)


def mean_usage(usage: ArmUsage) -> Means:
    """The arm's means over all its test questions."""
    return Means(*(math.fsum(column) / usage.questions for column in _columns(usage)))


def draw_means(usages: Sequence[ArmUsage], seed: int, draws: int = DRAWS) -> list[tuple[Means, ...]]:
    """Each draw's means, one an arm in the order given; the same seed gives the same draws.

    Raises:
        ValueError: when the arms have different numbers of questions.
    """
    import numpy as np

    if len(counts := {usage.questions for usage in usages}) != 1:
        raise ValueError(f"every arm needs the same questions, not {sorted(counts)} of them")
    measured = np.array([_columns(usage) for usage in usages], dtype=np.float64)  # (arms, columns, questions)
    questions = measured.shape[2]
    rng = np.random.default_rng(seed)
    drawn = (measured[:, :, rng.integers(0, questions, questions)].mean(axis=2) for _ in range(draws))
    return [tuple(Means(*(_rounded(value) for value in arm)) for arm in means.tolist()) for means in drawn]


def percentile_ends(values: Sequence[float], value: float) -> tuple[float, float]:
    """The 95 % percentile interval of the drawn values, widened where needed to hold `value`.

    Its ends are drawn values: those that 2.5 % and 97.5 % of the draws do not exceed. Infinity counts as a value.
    """
    ordered = sorted(values)
    low, high = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.025, 0.975))
    return min(low, value), max(high, value)


def summarise_usage(usage: ArmUsage, drawn: Sequence[Means]) -> UsageSummary:
    """The arm's means with their intervals, and what was measured once."""
    means = mean_usage(usage)

    def summary(name: str) -> MetricSummary:
        mean = getattr(means, name)
        return MetricSummary(mean=mean, ci95=percentile_ends([getattr(draw, name) for draw in drawn], mean))

    return UsageSummary(
        prompt_tokens_per_query=summary("prompt_tokens"),
        completion_tokens_per_query=summary("completion_tokens"),
        server_s_per_query=summary("server_s"),
        correct_share=summary("correct_share"),
        latency_s=latency_quantiles(usage.latency_s),
        training_s=usage.training_s,
        train_tokens=usage.train_tokens,
        storage_bytes=usage.storage_bytes,
        training_energy_j=usage.training_energy_j,
        server_energy_j_per_query=usage.server_energy_j_per_query,
    )


def _columns(usage: ArmUsage) -> tuple[tuple[float, ...], ...]:
    return (usage.prompt_tokens, usage.completion_tokens, usage.server_s, usage.correct)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
