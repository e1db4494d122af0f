"""One ranking from several: by ranks, or by scores.

A ranking is a list of hits, best first. Of equal scores the lower position comes first, so the same rankings always
give the same one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Of Cormack, Clarke and Buettcher; results hardly depend on it.
RANK_CONSTANT = 60


class Hit(NamedTuple):
    """A chunk that was found: its position in the index, and a score; higher is better."""

    position: int
    score: float


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Hit]], weights: Sequence[float]) -> list[Hit]:
    """Hits scored by the weighted sum of 1 / (60 + rank) over the rankings that have them, ranks counted from 1.

    Cormack, Clarke and Buettcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
    methods". Only ranks count, so the scores of different methods need not be comparable.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.position] += weight / (RANK_CONSTANT + rank)
    return _best_first(scores)


def weighted_fusion(rankings: Sequence[Sequence[Hit]], weights: Sequence[float]) -> list[Hit]:
    """Hits scored by the weighted sum of their scores, each ranking's scaled so that its hits run from 0 to 1.

    What a ranking does not have counts 0 in it, as its last hit does. A ranking whose hits all score the same counts
    1 for each of them.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights, strict=True):
        for hit in scaled(ranking):
            scores[hit.position] += weight * hit.score
    return _best_first(scores)


def scaled(ranking: Sequence[Hit]) -> list[Hit]:
    """The hits with scores from 0 (the lowest) to 1 (the highest); all 1 when they are equal."""
    if not ranking:
        return []
    lowest = min(hit.score for hit in ranking)
    width = max(hit.score for hit in ranking) - lowest
    return [Hit(hit.position, (hit.score - lowest) / width if width > 0 else 1.0) for hit in ranking]


def _best_first(scores: Mapping[int, float]) -> list[Hit]:
    return sorted((Hit(*item) for item in scores.items()), key=lambda hit: (-hit.score, hit.position))
