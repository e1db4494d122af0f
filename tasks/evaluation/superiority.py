"""Is the challenger better than the champion, asked round after round of one domain? Pure.

A loop that compares every week finds something better by chance sooner or later: of sequences of twenty rounds in
which nothing improves, a 95 % interval each round lets a fifth or more promote something. So all rounds of a domain
share one error rate: the chance that a challenger that is no better is ever promoted.

The p-value of a round is a bet. Whoever doubts that the challenger is better can be bet against: for each test
question a share of one's capital is put on the challenger, and the capital grows or shrinks with the difference of
the two scores. If the mean difference among all questions that could be asked is not above the minimum effect, no
share wins in the long run, and the capital comes to k times what it was with a chance of 1/k at most (Ville 1939).
So 1 / capital is a p-value, for any distribution of differences, however skewed, and any number of questions; normal
theory and the bootstrap promise it for many questions only, and fail where a challenger is a little better on most
and far worse on a few. The share is not chosen: capital is spread evenly over all shares up to the largest that can
never lose everything, which does nearly as well as the best of them (Waudby-Smith & Ramdas 2024, "Estimating means
of bounded random variables by betting"; Cover 1991, "Universal portfolios"). No order of questions, no seed.

The same bet with a negative effect says that a challenger is not worse by more than a margin (non-inferiority).

The level of a round is its share of the error rate, spent by the online fallback procedure (Tian & Ramdas 2021,
"Online control of the familywise error rate"): round t has a weight, the weights of all rounds to come add up to 1,
and a round that follows one whose finding held gets that one's level besides, for it was not used up. This holds
however the rounds hang together, and they do: the champion's luck on this test set is in all of them. Weights fall
with t to the power of -1.5, so that the first round has a third and the hundredth can still promote.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.evaluation.intervals import TIE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How far apart two scores can lie; those of the other metrics are in [0, 1].
LARGEST_DIFFERENCE = {"semantic_similarity": 2.0}

_ZETA_1_5 = 2.612375348685488  # sum of t ** -1.5 over all t from 1: the Riemann zeta function at 1.5
_SHARES = 64
_BISECTIONS = 40
_SMALLEST_LOG = -700.0  # of what a float can hold


def next_level(error_rate: float, earlier: Sequence[bool]) -> float:
    """The level of the next round: the highest p-value with which its finding holds.

    Args:
        error_rate: of all rounds together, above 0 and below 1.
        earlier: for each earlier round, oldest first, whether its finding held.
    """
    level = 0.0
    for number in range(1, len(earlier) + 2):
        carried = level if number > 1 and earlier[number - 2] else 0.0
        level = error_rate * number**-1.5 / _ZETA_1_5 + carried
    return level


def superiority_p_value(differences: Sequence[float], minimum_effect: float, largest: float = 1.0) -> float:
    """The p-value, above 0 and at most 1, of "the mean difference is not above `minimum_effect`"; 1 without any.

    Args:
        differences: challenger minus champion, one a question, each in [-largest, largest].
        minimum_effect: the largest gain that is not worth a promotion, in [0, largest).
        largest: the widest that two scores can lie apart: 1 for metrics in [0, 1], 2 for those in [-1, 1].

    Raises:
        ValueError: when a difference is out of range or not finite, or the effect is.
    """
    if not 0.0 <= minimum_effect < largest:
        raise ValueError(f"a minimum effect of {minimum_effect} is not at least 0 and below {largest}")
    return _bet(differences, minimum_effect, largest)


def non_inferiority_p_value(differences: Sequence[float], margin: float, largest: float = 1.0) -> float:
    """The p-value, above 0 and at most 1, of "the mean difference is a loss of `margin` or more"; 1 without any.

    The same bet with a minimum effect of -`margin`: every question on which nothing is lost wins a little.

    Args:
        differences: challenger minus what it must not fall behind, one a question, each in [-largest, largest].
        margin: the loss that would matter, in (0, largest).

    Raises:
        ValueError: when a difference is out of range or not finite, or the margin is.
    """
    if not 0.0 < margin < largest:
        raise ValueError(f"a margin of {margin} is not above 0 and below {largest}")
    return _bet(differences, -margin, largest)


def questions_needed(margin: float, level: float, largest: float = 1.0) -> int:
    """With how many questions a challenger that does as well on every one of them is proven not to lose `margin`.

    With fewer, equal answers prove nothing; differences that scatter take more.

    Raises:
        ValueError: when the margin is not in (0, largest), or the level not in (0, 1].
    """
    if not 0.0 < level <= 1.0:
        raise ValueError(f"a level of {level} is not above 0 and at most 1")
    low, high = -1, 1
    while _equal(high, margin, largest) > level:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _equal(middle, margin, largest) <= level else (middle, high)
    return high


def _equal(questions: int, margin: float, largest: float) -> float:
    """The p-value of that many differences of 0."""
    import numpy as np

    if not 0.0 < margin < largest:
        raise ValueError(f"a margin of {margin} is not above 0 and below {largest}")
    return _p_value(questions * np.log1p(_shares(-margin, largest) * margin))


def _bet(differences: Sequence[float], minimum_effect: float, largest: float) -> float:
    import numpy as np

    found = np.asarray(differences, dtype=np.float64)
    if not (np.abs(found) <= largest + TIE).all():
        raise ValueError(f"a bet needs differences in [-{largest:g}, {largest:g}], and one is not")
    gains = np.clip(found, -largest, largest) - minimum_effect
    return _p_value(np.log1p(np.outer(_shares(minimum_effect, largest), gains)).sum(axis=1))


def _shares(minimum_effect: float, largest: float) -> "NDArray[np.float64]":
    """The shares of capital that are put on the challenger, evenly spread, (shares,)."""
    import numpy as np

    # A bet of 1 / (largest + minimum_effect) loses everything on the worst difference: shares stay below it.
    return (np.arange(_SHARES) + 0.5) / _SHARES / (largest + minimum_effect)


def _p_value(log_capital: "NDArray[np.float64]") -> float:
    """1 / capital, from the logarithm of what each share came to, (shares,)."""
    from scipy.special import logsumexp

    log_p_value = math.log(_SHARES) - float(logsumexp(log_capital))
    return math.exp(min(max(log_p_value, _SMALLEST_LOG), 0.0))


def proven_gain(differences: Sequence[float], level: float, largest: float = 1.0) -> float | None:
    """The largest minimum effect of at least 0 that the differences prove at the level; None when they prove none.

    The lower end of a confidence interval with the coverage 1 - `level`.

    Raises:
        ValueError: as `superiority_p_value`.
    """
    if superiority_p_value(differences, 0.0, largest) > level:
        return None
    low, high = 0.0, largest
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if superiority_p_value(differences, middle, largest) <= level:
            low = middle
        else:
            high = middle
    return low
