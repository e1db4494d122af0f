"""How far people agree with each other; how far judges agree with them is in tasks/judging/calibration.py.

Two figures: the share of pairs of answers to the same comparison that are the same, and Krippendorff's alpha for
nominal values (Krippendorff 2004, "Content Analysis", chapter 11), which sets that share against chance: 1 is perfect
agreement, 0 what drawing answers from a hat would give, below 0 is disagreement by rule. It takes any number of people,
each of whom answered some comparisons. Its interval is the percentile bootstrap over comparisons (Zapf, Castell,
Morawietz & Karch 2016, "Measuring inter-rater reliability for nominal data - which coefficients and confidence
intervals are appropriate?", BMC Medical Research Methodology 16:93).
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from tasks.feedback.log import one_per_id
from tasks.feedback.sources import is_person
from tasks.feedback.votes import preference_seen_from, votes_by_pair
from tasks.records import Count, Feedback, Preference, Record, Share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Alpha = Annotated[float, Field(ge=-1.0, le=1.0)]

_CATEGORIES: tuple[Preference, ...] = get_args(Preference)


class Agreement(Record):
    """How far people agree with each other; a, b, tie and both_bad are the categories."""

    comparisons: Count = Field(description="answered by two people or more")
    annotators: Count = Field(description="people who answered one of those")
    agreed: Share | None = Field(
        description="pairs of answers that are the same, averaged over comparisons; None without any"
    )
    alpha: Alpha | None = Field(
        description="Krippendorff's alpha, nominal; None with fewer than 2 comparisons, or where all answers are alike"
    )
    alpha_ci95: tuple[Alpha, Alpha] | None = Field(description="95 % bootstrap interval over comparisons")


def measure_agreement(feedback: Sequence[Feedback], *, resamples: int, seed: int) -> Agreement:
    """The agreement of people in judgements of whomever, in any order; one vote for each person and pair.

    The same judgements, resamples and seed give the same figures.
    """
    votes = votes_by_pair(one_per_id(row for row in feedback if is_person(row)))
    units = [votes[pair] for pair in sorted(votes) if len(votes[pair]) >= 2]
    counts = [_count_categories(unit) for unit in units]
    alpha, interval = _alpha_with_interval(counts, resamples, seed)
    return Agreement(
        comparisons=len(units),
        annotators=len({(row.source, row.annotator) for unit in units for row in unit}),
        agreed=sum(map(_agreeing_share, counts)) / len(counts) if counts else None,
        alpha=alpha,
        alpha_ci95=interval,
    )


def krippendorff_alpha(counts: "Sequence[Sequence[int]] | NDArray[np.int_]") -> float | None:
    """Krippendorff's alpha, nominal, in [-1, 1], of answers counted by comparison and category.

    A comparison with one answer says nothing about agreement and changes nothing. None where fewer than 2 have
    more, or where all answers are alike: then nobody can tell agreement from habit.
    """
    import numpy as np

    if not len(counts):
        return None
    table = np.asarray(counts, dtype=np.int64)  # (comparisons, categories)
    paired = table[table.sum(axis=1) >= 2]
    if len(paired) < 2:
        return None
    alpha = float(_alphas(paired, np.ones((1, len(paired)), dtype=np.int64))[0])
    return None if np.isnan(alpha) else alpha


def _alphas(kinds: "NDArray[np.int64]", drawn: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """Alpha of each draw (draws,), NaN where all its answers are alike.

    Args:
        kinds: the comparisons that there are, two answers or more in each. (kinds, categories)
        drawn: how often each occurs. (draws, kinds)
    """
    import numpy as np

    answers = kinds.sum(axis=1)
    # Pairs of unlike answers: those of a comparison with n answers count 1 / (n - 1) each, those that can be drawn
    # from all N answers 1 / (N - 1).
    observed = drawn @ ((answers**2 - (kinds**2).sum(axis=1)) / (answers - 1))
    said = drawn @ kinds  # (draws, categories)
    total = said.sum(axis=1)
    expected = (total**2 - (said**2).sum(axis=1)) / (total - 1)
    ratio = np.divide(observed, expected, out=np.full(len(drawn), np.nan), where=expected > 0)
    # Rounding can step over the ends of the scale.
    alphas: NDArray[np.float64] = np.clip(1 - ratio, -1.0, 1.0)
    return alphas


def _alpha_with_interval(
    counts: Sequence[Sequence[int]], resamples: int, seed: int
) -> tuple[float | None, tuple[float, float] | None]:
    """Alpha and its interval, which always contains it.

    Draws whose answers are all alike have no alpha and are left out; they are common only where the comparisons are
    so few that the interval is wide in any case.
    """
    import numpy as np

    alpha = krippendorff_alpha(counts)
    if alpha is None:
        return None, None
    # However many comparisons there are, few are unlike: how often each is drawn is all that matters.
    kinds, times = np.unique(np.asarray(counts, dtype=np.int64), axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(counts), times / len(counts), size=resamples)
    alphas = _alphas(kinds, drawn)
    known = alphas[~np.isnan(alphas)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (alpha, alpha)
    return alpha, (min(float(low), alpha), max(float(high), alpha))


def _count_categories(unit: Sequence[Feedback]) -> list[int]:
    """How many said a, b, tie and both_bad, where a and b are as the first who were asked saw them."""
    # Not by the candidates' ids: people who compute alpha from what was clicked should find the same.
    seen_from = min(unit, key=lambda row: (row.round, row.id)).candidate_a
    said = Counter(preference_seen_from(row, seen_from) for row in unit)
    return [said[category] for category in _CATEGORIES]


def _agreeing_share(counts: Sequence[int]) -> float:
    """The share of the pairs of answers that are the same."""
    answers = sum(counts)
    return sum(count * (count - 1) for count in counts) / (answers * (answers - 1))
