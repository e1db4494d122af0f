"""Are production's questions still the questions they were? A classifier two-sample test on their embeddings.

A classifier is trained to tell the questions of now from those of before, and asked about questions it was not trained
on. If both come from the same distribution it can do no better than chance (Lopez-Paz & Oquab 2017, "Revisiting
classifier two-sample tests"). How well it does is the area under its ROC curve: the chance that of a question of now
and one of before the first looks more like now; 0.5 is chance.

The classifier is ridge regression on the labels 0 and 1, five-fold: that is Fisher's linear discriminant, regularised,
and what `sklearn.linear_model.Ridge` predicts under `cross_val_predict`, less its intercept: where a fold has more
questions of now than the others, theirs is lower, which would hide a drift. For the same reason the AUC compares
questions of one fold with each other only; it is still a little low where few different questions are asked, and those
often. The predictions are linear in the labels, so
that relabelling the questions at random costs one product with a matrix that is made once. The p-value comes from that:
where the questions of both periods are exchangeable, whatever their number, the share of relabellings that are told
apart as well as the true labels is a p-value that is exact (Phipson & Smyth 2010), and stays valid when counting stops
after the first ten (Besag & Clifford 1991, "Sequential Monte Carlo p-values").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDS = 5
PENALTY = 3.0
_EXCEEDANCES = 10
_MOST_RELABELLINGS = 100_000
_AT_ONCE = 512


@dataclass(frozen=True)
class TwoSample:
    """How well questions of now are told from those of before.

    Attributes:
        auc: out of fold.
        ci95: of the AUC, by Hanley & McNeil 1982; it takes the classifier as given.
        p_value: above 0, at most 1.
        scores: (now,) how much each question of now looks like now; the largest shows the drift best.
    """

    auc: float
    ci95: tuple[float, float]
    p_value: float
    scores: "NDArray[np.float64]"


def tell_apart(now: "NDArray[np.float32]", before: "NDArray[np.float32]", level: float, seed: int) -> TwoSample:
    """The test on the embeddings (now, dimensions) and (before, dimensions).

    Args:
        level: the p-value that matters, above 0: as many relabellings are drawn as it takes to be clearly below it, at
            most 100,000, so that no p-value is below 1e-5.

    Raises:
        ValueError: when there are fewer than five questions in all, or none of one period.
    """
    import numpy as np

    if not len(now) or not len(before) or len(now) + len(before) < FOLDS:
        raise ValueError(f"{len(now)} and {len(before)} questions cannot be told apart: five are needed in all")
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.ones(len(now)), np.zeros(len(before))])
    folds = np.array_split(rng.permutation(len(labels)), FOLDS)
    predict = predictions_by_labels(np.concatenate([now, before]).astype(np.float64), folds)
    scores = predict @ labels
    auc = _auc(scores, labels, folds)
    p_value = _p_value(predict, labels, level, rng)
    return TwoSample(auc, _interval(auc, len(now), len(before)), p_value, scores[: len(now)])


def predictions_by_labels(points: "NDArray[np.float64]", folds: "Sequence[NDArray[np.intp]]") -> "NDArray[np.float64]":
    """(n, n): what turns the labels of the points (n, dimensions) into each point's prediction by the other folds."""
    import numpy as np

    count, dimensions = points.shape
    predict = np.zeros((count, count))
    for fold in folds:
        rest = np.setdiff1d(np.arange(count), fold)
        mean = points[rest].mean(axis=0)
        centred = points[rest] - mean  # (rest, dimensions)
        weights = np.linalg.solve(centred.T @ centred + PENALTY * np.eye(dimensions), centred.T)  # (dimensions, rest)
        predict[np.ix_(fold, rest)] = (points[fold] - mean) @ weights
    return predict


def _auc(scores: "NDArray[np.float64]", labels: "NDArray[np.float64]", folds: "Sequence[NDArray[np.intp]]") -> float:
    """The share of pairs, one of now and one of before in the same fold, of which that of now scores higher."""
    from scipy.stats import mannwhitneyu

    won = pairs = 0.0
    for fold in folds:
        ones, zeros = scores[fold][labels[fold] == 1], scores[fold][labels[fold] == 0]
        if len(ones) and len(zeros):
            won += float(mannwhitneyu(ones, zeros).statistic)
            pairs += len(ones) * len(zeros)
    return won / pairs if pairs else 0.5


def _p_value(
    predict: "NDArray[np.float64]", labels: "NDArray[np.float64]", level: float, rng: "np.random.Generator"
) -> float:
    import numpy as np

    most = min(_MOST_RELABELLINGS, math.ceil(_EXCEEDANCES / level))
    matrix, ones = predict.astype(np.float32), int(labels.sum())
    observed = _separation(matrix, labels[None, :].astype(np.float32))[0]
    drawn = exceeding = 0
    while drawn < most:
        size = min(_AT_ONCE, most - drawn)
        # Of the labellings with as many ones each is as likely as any other: the ones are the smallest random numbers.
        numbers = rng.random((size, len(labels)))
        relabelled = (numbers <= np.partition(numbers, ones - 1, axis=1)[:, ones - 1 : ones]).astype(np.float32)
        exceeds = _separation(matrix, relabelled) >= observed
        if exceeding + int(exceeds.sum()) >= _EXCEEDANCES:
            last = int(np.flatnonzero(exceeds)[_EXCEEDANCES - exceeding - 1]) + 1
            return _EXCEEDANCES / (drawn + last)
        exceeding += int(exceeds.sum())
        drawn += size
    return (exceeding + 1) / (drawn + 1)


def _separation(matrix: "NDArray[np.float32]", labels: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """(labellings,): mean prediction of the ones minus that of the zeros, for labels (labellings, n)."""
    import numpy as np

    predictions = labels @ matrix.T
    ones = labels.sum(axis=1)
    of_ones = np.einsum("bn,bn->b", predictions, labels)
    separation: NDArray[np.float32] = of_ones / ones - (predictions.sum(axis=1) - of_ones) / (labels.shape[1] - ones)
    return separation


def _interval(auc: float, ones: int, zeros: int) -> tuple[float, float]:
    """Hanley & McNeil 1982, "The meaning and use of the area under a receiver operating characteristic curve"."""
    both, neither = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (ones - 1) * (both - auc**2) + (zeros - 1) * (neither - auc**2)
    half = 1.959963984540054 * math.sqrt(max(variance, 0.0) / (ones * zeros))
    return max(auc - half, 0.0), min(auc + half, 1.0)
