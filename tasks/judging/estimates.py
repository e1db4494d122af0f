"""Figures about a judge with their 95 % intervals, from counts and differences alone.

An audit slice is small and often all alike: a judge may agree with people twenty times out of twenty. A bootstrap
resamples nothing but agreement then, and its interval has no width. In simulations of 10 to 100 comparisons its
intervals of a good judge's kappa held the true kappa in 10 to 95 of 100 cases; those below never fell under 91.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from tasks.evaluation.intervals import wilson_interval
from tasks.records import Count, Preference, Record

# People's answer, then the judge's: how often the two came together.
Confusion = dict[Preference, dict[Preference, Count]]

# The preference as an outcome for candidate a: a win counts 1, a loss 0.
OUTCOMES: Mapping[Preference, float] = {"a": 1.0, "b": 0.0, "tie": 0.5, "both_bad": 0.5}

_NORMAL_975 = 1.959963984540054  # the normal distribution's 97.5 % point


class Estimate(Record):
    """A figure measured on some comparisons."""

    value: float
    ci95: tuple[float, float] = Field(description="95 % interval; it contains the value")
    comparisons: Annotated[int, Field(ge=1)] = Field(description="those it was measured on")


def share_estimate(hits: int, comparisons: int) -> Estimate | None:
    """The share of hits, 0 to 1, with its Wilson score interval (Wilson 1927); None of no comparisons."""
    if not comparisons:
        return None
    share = hits / comparisons
    return Estimate(value=share, ci95=wilson_interval(share, comparisons), comparisons=comparisons)


def kappa_estimate(confusion: Confusion) -> Estimate | None:
    """Cohen's kappa (Cohen 1960, "A coefficient of agreement for nominal scales"), -1 to 1, with its interval.

    kappa = (observed - expected) / (1 - expected), where `observed` is the share of comparisons on which both say
    the same, and `expected` the share on which two would who say each thing as often as these two, at random. 1 is
    perfect agreement, 0 what chance gives, below 0 is contradiction by rule.

    The interval is Cohen's own, which takes the expected share as known and only the observed one as uncertain, with
    Wilson's limits of the observed share in place of the normal ones.

    None without comparisons, and where both always gave one and the same answer: nobody can tell agreement from
    habit then.
    """
    total = sum(sum(row.values()) for row in confusion.values())
    if not total:
        return None
    said_by_judge = {category: sum(row[category] for row in confusion.values()) for category in confusion}
    # In whole numbers to the last division: a kappa of 0.4 must not fall short of 0.4.
    agreed = sum(confusion[category][category] for category in confusion)
    by_chance = sum(sum(confusion[category].values()) * said_by_judge[category] for category in confusion)
    if by_chance == total**2:
        return None
    kappa = (agreed * total - by_chance) / (total**2 - by_chance)
    expected = by_chance / total**2
    low, high = ((share - expected) / (1 - expected) for share in wilson_interval(agreed / total, total))
    # Rounding could step over the kappa, and the limits of a kappa near -1 over the scale.
    return Estimate(value=kappa, ci95=(max(min(low, kappa), -1.0), min(max(high, kappa), 1.0)), comparisons=total)


def difference_estimate(differences: Sequence[float]) -> Estimate | None:
    """The mean of paired differences, each in [-1, 1], with its interval; None without any.

    The interval is that of Agresti & Min (2005, "Simple improved confidence intervals for comparing matched
    proportions", Statistics in Medicine 24), which adds four halves to what was seen: one more comparison without a
    difference, half a one with each of the greatest. It holds for differences by halves, too, where a tie is half.
    """
    if not differences:
        return None
    count, total = len(differences) + 2, math.fsum(differences)
    centre = total / count
    variance = (math.fsum(each * each for each in differences) + 1) / count - centre**2
    half = _NORMAL_975 * math.sqrt(variance / count)
    mean = total / len(differences)
    interval = (max(min(centre - half, mean), -1.0), min(max(centre + half, mean), 1.0))
    return Estimate(value=mean, ci95=interval, comparisons=len(differences))
