"""How far people agree with each other, and judges with people.

Between people: the share of pairs of answers to the same comparison that are the same, and Krippendorff's alpha for
nominal values (Krippendorff 2004, "Content Analysis", chapter 11), which sets that share against chance: 1 is perfect
agreement, 0 what drawing answers from a hat would give, below 0 is disagreement by rule. It takes any number of people,
each of whom answered some comparisons. Its interval is the percentile bootstrap over comparisons (Zapf, Castell,
Morawietz & Karch 2016, "Measuring inter-rater reliability for nominal data - which coefficients and confidence
intervals are appropriate?", BMC Medical Research Methodology 16:93).

Between a judge and people: the share of people's answers that the judge's verdict repeats, on the audit slice alone,
since the other comparisons were chosen for the judge's doubts, and people saw its suggestion there. Its interval is
Wilson's, for a young audit slice is small, and often all alike.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from tasks.evaluation.intervals import wilson_interval
from tasks.feedback.log import one_per_id
from tasks.feedback.votes import Pair, pair_of, preference_on_pair, preference_seen_from, votes_by_pair
from tasks.records import Count, Feedback, Preference, Record, Share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Alpha = Annotated[float, Field(ge=-1.0, le=1.0)]

_CATEGORIES: tuple[Preference, ...] = get_args(Preference)


class JudgeAgreement(Record):
    """How often a judge says what people say, on the audit slice."""

    judge: str = Field(description="a feedback source such as `judge:reference`")
    comparisons: Annotated[int, Field(ge=1)] = Field(description="audit comparisons that people and the judge judged")
    agreed: Share = Field(description="people's answers that its verdict repeats, averaged over the comparisons")
    ci95: tuple[Share, Share] = Field(description="95 % Wilson interval of that mean")


class Agreement(Record):
    """How far people agree with each other, and judges with people; a, b, tie and both_bad are the categories."""

    comparisons: Count = Field(description="answered by two people or more")
    annotators: Count = Field(description="people who answered one of those")
    agreed: Share | None = Field(
        description="pairs of answers that are the same, averaged over comparisons; None without any"
    )
    alpha: Alpha | None = Field(
        description="Krippendorff's alpha, nominal; None with fewer than 2 comparisons, or where all answers are alike"
    )
    alpha_ci95: tuple[Alpha, Alpha] | None = Field(description="95 % bootstrap interval over comparisons")
    judges: tuple[JudgeAgreement, ...] = Field(description="by name; none without an answered audit slice")


def measure_agreement(feedback: Sequence[Feedback], *, resamples: int, seed: int) -> Agreement:
    """The agreement in judgements of people and judges together, in any order; one vote for each person and pair.

    The same judgements, resamples and seed give the same figures.
    """
    rows = one_per_id(feedback)
    votes = votes_by_pair(rows)
    units = [votes[pair] for pair in sorted(votes) if len(votes[pair]) >= 2]
    counts = [_count_categories(unit) for unit in units]
    alpha, interval = _alpha_with_interval(counts, resamples, seed)
    return Agreement(
        comparisons=len(units),
        annotators=len({(row.source, row.annotator) for unit in units for row in unit}),
        agreed=sum(map(_agreeing_share, counts)) / len(counts) if counts else None,
        alpha=alpha,
        alpha_ci95=interval,
        judges=_judge_agreements(rows),
    )


def krippendorff_alpha(counts: "Sequence[Sequence[int]] | NDArray[np.int_]") -> float | None:
    """Krippendorff's alpha, nominal, in [-1, 1], of answers counted by comparison and category.

    A comparison with one answer says nothing about agreement and changes nothing. None where fewer than 2 have
    more, or where all answers are alike: then nobody can tell agreement from habit.
    """
    import numpy as np
    from nltk.metrics.agreement import AnnotationTask

    if len(counts) < 2:
        return None
    table = np.asarray(counts, dtype=np.int64)  # (comparisons, categories)
    paired = table[table.sum(axis=1) >= 2]
    if len(paired) < 2 or np.count_nonzero(paired.sum(axis=0)) < 2:
        return None
    answers = [
        (answer, comparison, int(category))
        for comparison, row in enumerate(paired)
        for answer, category in enumerate(np.repeat(np.arange(len(row)), row))
    ]
    alpha = float(AnnotationTask(answers).alpha())
    # Rounding can step over the ends of the scale.
    return min(max(alpha, -1.0), 1.0)


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
    table, generator = np.asarray(counts), np.random.default_rng(seed)
    draws = (table[generator.integers(len(table), size=len(table))] for _ in range(resamples))
    alphas = [drawn for draw in draws if (drawn := krippendorff_alpha(draw)) is not None]
    low, high = np.percentile(alphas, [2.5, 97.5]) if alphas else (alpha, alpha)
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


def _judge_agreements(rows: Sequence[Feedback]) -> tuple[JudgeAgreement, ...]:
    audit = votes_by_pair(row for row in rows if row.audit)
    verdicts: dict[str, dict[Pair, Preference]] = defaultdict(dict)
    for row in rows:
        if row.source.startswith("judge:") and not row.retracted and pair_of(row) in audit:
            verdicts[row.source][pair_of(row)] = preference_on_pair(row)
    found = []
    for judge, said in sorted(verdicts.items()):
        shares = [
            sum(preference_on_pair(row) == said[pair] for row in audit[pair]) / len(audit[pair])
            for pair in sorted(said)
        ]
        agreed = sum(shares) / len(shares)
        interval = wilson_interval(agreed, len(shares))
        found.append(JudgeAgreement(judge=judge, comparisons=len(shares), agreed=agreed, ci95=interval))
    return tuple(found)
