"""From the passages that were found to those put before the model: which, how many and in what order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from tasks.records import Passage
from tasks.words import split_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]


def same_passage(a: Passage, b: Passage) -> bool:
    """Whether two passages have the same text, or share more than half of the shorter one's place in a document."""
    if a.text == b.text:
        return True
    shared = min(a.end, b.end) - max(a.start, b.start)
    return a.document_id == b.document_id and 2 * shared > min(a.end - a.start, b.end - b.start)


def without_near_duplicates(
    passages: "Iterable[tuple[Passage, Vector | None]]", similarity: float | None
) -> "Iterator[tuple[Passage, Vector | None]]":
    """Those passages, with their vectors, that are not the same as one before them that stays.

    Args:
        passages: best first; each with its embedding, (dimensions,), of length 1, or None: its meaning is not compared.
        similarity: cosine from which two are the same; None: meanings are not compared.
    """
    kept: list[tuple[Passage, Vector | None]] = []
    for passage, vector in passages:
        if not any(
            same_passage(passage, other) or _means_the_same(vector, other_vector, similarity)
            for other, other_vector in kept
        ):
            kept.append((passage, vector))
            yield passage, vector


def _means_the_same(a: "Vector | None", b: "Vector | None", similarity: float | None) -> bool:
    return a is not None and b is not None and similarity is not None and float(a @ b) >= similarity


def maximal_marginal_relevance(
    relevance: Sequence[float], vectors: "Sequence[Vector]", weight: float, limit: int
) -> list[int]:
    """The places of `limit` passages, each the one with the most of `weight` * relevance - (1 - `weight`) * likeness
    to the most alike of those before it.

    Carbonell and Goldstein 1998, "The use of MMR, diversity-based reranking for reordering documents and producing
    summaries". Of equals the first one is taken.

    Args:
        relevance: of each passage, 0 to 1.
        vectors: embedding of each passage, (dimensions,), of length 1.
        weight: 1: relevance alone; 0: after the first one, novelty alone.
    """
    import numpy as np

    worth = np.asarray(relevance, dtype=np.float64)
    table = np.asarray(vectors, dtype=np.float64)  # (passages, dimensions)
    likeness = np.full(len(worth), -np.inf)
    chosen: list[int] = []
    while len(chosen) < min(limit, len(worth)):
        marginal = weight * worth - (1 - weight) * likeness if chosen else worth.copy()
        marginal[chosen] = -np.inf
        best = int(marginal.argmax())
        likeness = np.maximum(likeness, table @ table[best])
        chosen.append(best)
    return chosen


def within_budget(passages: Sequence[Passage], budget: int, count: Callable[[str], int]) -> list[Passage]:
    """The passages, best first, as long as they have no more than `budget` units together.

    One that does not fit is left out, and so are all after it: a worse passage never takes a better one's place. The
    first one is never left out but cut at a space, from its end, until it fits.

    Args:
        budget: units, at least 1.
        count: how many units a text has: words, or the tokens of a model.
    """
    kept: list[Passage] = []
    left = budget
    for passage in passages:
        needed = count(passage.text)
        if needed > left:
            if not kept:
                kept += _cut(passage, left, count)
            break
        kept.append(passage)
        left -= needed
    return kept


def within_words(passages: Sequence[Passage], max_words: int | None) -> list[Passage]:
    """The passages, best first, as long as they have no more words together; all of them when there is no limit."""
    if max_words is None:
        return list(passages)
    return within_budget(passages, max_words, lambda text: len(split_words(text)))


def _cut(passage: Passage, budget: int, count: Callable[[str], int]) -> list[Passage]:
    """The longest beginning of the passage that fits, ending before a space if it can; none when nothing fits."""
    text = passage.text
    spaces = [place for place in range(1, len(text)) if text[place].isspace() and not text[place - 1].isspace()]
    for ends in (spaces, range(1, len(text))):
        low, high = 0, len(ends)  # the first `low` of them fit, those from `high` on do not
        while low < high:
            middle = (low + high + 1) // 2
            if count(text[: ends[middle - 1]]) <= budget:
                low = middle
            else:
                high = middle - 1
        if low:
            end = ends[low - 1]
            return [passage.model_copy(update={"text": text[:end], "end": passage.start + end})]
    return []


def best_at_the_edges(passages: Sequence[Passage]) -> list[Passage]:
    """The best passage first, the second best last, and so on inwards: models read the middle least.

    Liu et al. 2023, "Lost in the middle: how language models use long contexts".
    """
    return [*passages[::2], *passages[1::2][::-1]]
