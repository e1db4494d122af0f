"""Whether two arms, or two ways of retrieving, differ on the same questions: randomisation tests, corrected by Holm.

If two arms were the same, either score of a question could as well have come from the other, so that the sign of
their difference is a coin. The p-value is the share of all such throws whose mean is at least as far from zero as the
one seen (Fisher's randomisation test; Smucker, Allan & Carterette 2007, "A Comparison of Statistical Significance
Tests for Information Retrieval Evaluation", who found it, the bootstrap and the t-test to agree, and the sign and
Wilcoxon tests to mislead). Up to about 13 questions every throw is tried; beyond that, as many as the config's
`evaluate.bootstrap_resamples`.

Four arms make six pairs, of which one is below 0.05 by chance far more often than in 5 of 100 cases. Holm's correction
(Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure") keeps the chance that even one pair's finding on
a metric is false below 0.05, however the tests hang together. It is made metric by metric: metrics are views of the
same answers, and one of them, the primary one, was named beforehand.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from tasks.evaluation.intervals import TIE, paired_difference
from tasks.records import PairedTest

_THROWS_AT_ONCE = 1_000_000  # signs in memory at a time

# By arm, then by metric: one score a question.
Scores = Mapping[str, Mapping[str, Sequence[float]]]


def compare_all(scores: Scores, resamples: int, seed: int) -> tuple[PairedTest, ...]:
    """Each arm against each arm before it, on every metric that both have, corrected for all pairs on that metric.

    Raises:
        ValueError: when two arms have different numbers of questions for a metric, or a score is not finite.
    """
    return _test_pairs(scores, list(combinations(scores, 2)), resamples, seed)


def compare_with(scores: Scores, reference: str, resamples: int, seed: int) -> tuple[PairedTest, ...]:
    """Each other arm against the reference, on every metric that both have, corrected for all of them on that metric.

    Raises:
        ValueError: as `compare_all` does.
    """
    return _test_pairs(scores, [(reference, arm) for arm in scores if arm != reference], resamples, seed)


def _test_pairs(scores: Scores, pairs: Sequence[tuple[str, str]], resamples: int, seed: int) -> tuple[PairedTest, ...]:
    """Pairs of (against, arm)."""
    tested = [(against, arm, metric) for against, arm in pairs for metric in scores[against] if metric in scores[arm]]
    differences = [
        paired_difference(
            scores[arm][metric],
            scores[against][metric],
            arm=arm,
            against=against,
            metric=metric,
            resamples=resamples,
            seed=seed,
        )
        for against, arm, metric in tested
    ]
    p_values = [
        randomisation_p_value(scores[arm][metric], scores[against][metric], resamples, seed)
        for against, arm, metric in tested
    ]
    corrected = _correct_by_metric([metric for *_, metric in tested], p_values)
    return tuple(
        PairedTest(**difference.model_dump(), p_value=p_value, p_value_holm=p_value_holm)
        for difference, p_value, p_value_holm in zip(differences, p_values, corrected, strict=True)
    )


def _correct_by_metric(metrics: Sequence[str], p_values: Sequence[float]) -> list[float]:
    """The p-values, each corrected for those on the same metric."""
    corrected = dict[int, float]()
    for metric in dict.fromkeys(metrics):
        places = [place for place, name in enumerate(metrics) if name == metric]
        corrected.update(zip(places, holm([p_values[place] for place in places]), strict=True))
    return [corrected[place] for place in range(len(p_values))]


def randomisation_p_value(a: Sequence[float], b: Sequence[float], resamples: int, seed: int) -> float:
    """The two-sided p-value, above 0 and at most 1, of paired scores; 1 where no question makes a difference.

    Raises:
        ValueError: when the numbers of scores differ, or there are none.
    """
    import numpy as np
    from scipy.stats import permutation_test

    if len(a) != len(b) or not a:
        raise ValueError(f"{len(a)} and {len(b)} scores cannot be paired")
    # Whole numbers of the smallest difference that counts: their sums are exact, so that equally far is equally far.
    differences = np.round((np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)) / TIE)
    # A tie stays one whatever its sign, so only the others are thrown.
    differences = differences[np.abs(differences) > 1]
    if differences.size < 2:  # scipy wants two; either sign of one difference is as far from zero
        return 1.0
    result = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _THROWS_AT_ONCE // differences.size),
        alternative="two-sided",
        rng=np.random.default_rng(seed),
    )
    return min(float(result.pvalue), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for all of them together, in their order; a finding stands where it is below 0.05."""
    from statsmodels.stats.multitest import multipletests

    if not p_values:
        return []
    return [float(value) for value in multipletests(p_values, method="holm")[1]]
