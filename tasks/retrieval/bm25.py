"""BM25 over all chunks of an index: what each term adds to each chunk's score is computed once, when it is built.

Lucene's variant, with the scores that bm25s gives: Lù 2024, "BM25S: orders of magnitude faster lexical search via eager
sparse scoring". They are computed here from the counts that each layer keeps, several times as fast as having bm25s
count again.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.retrieval.dense import best_hits
from tasks.retrieval.folders import map_array
from tasks.retrieval.fusion import Hit
from tasks.retrieval.terms import search_terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

K1 = 1.5
B = 0.75
# Looking terms up for some chunks takes as long as adding them to all when the chunks are more than 1 of so many.
_FEW = 50
# The scores are added up in single precision.
_ROUNDING = 1e-4
FILES = ("bm25_scores.npy", "bm25_chunks.npy", "bm25_starts.npy")


class TermCounts(NamedTuple):
    """How often each term is in each of some chunks: a sparse matrix by rows.

    Attributes:
        terms: the term of each entry, as its place in `vocabulary`.
        counts: how often it is in the chunk.
        ends: for each chunk, the place after its last entry.
        vocabulary: the terms.
    """

    terms: "NDArray[np.int32]"
    counts: "NDArray[np.int32]"
    ends: "NDArray[np.int64]"
    vocabulary: Sequence[str]


class TermScores(NamedTuple):
    """What each term adds to the score of each chunk that has it: a sparse matrix by columns.

    Attributes:
        scores: of each entry.
        chunks: the chunk of each entry, as its position.
        starts: for each term the place of its first entry, then the number of entries.
        vocabulary: the place of each term.
        rows: the number of positions.
    """

    scores: "NDArray[np.float32]"
    chunks: "NDArray[np.int32]"
    starts: "NDArray[np.int64]"
    vocabulary: Mapping[str, int]
    rows: int


def count_terms(texts: Iterable[str]) -> TermCounts:
    """The counts of the texts' terms."""
    import numpy as np

    vocabulary: dict[str, int] = {}
    terms: list[int] = []
    counts: list[int] = []
    ends: list[int] = []
    for text in texts:
        for term, count in Counter(search_terms(text)).items():
            terms.append(vocabulary.setdefault(term, len(vocabulary)))
            counts.append(count)
        ends.append(len(terms))
    return TermCounts(
        np.array(terms, dtype=np.int32),
        np.array(counts, dtype=np.int32),
        np.array(ends, dtype=np.int64),
        list(vocabulary),
    )


def score_terms(parts: Sequence[tuple[TermCounts, "NDArray[np.bool_]"]]) -> TermScores:
    """The scores of all parts' chunks, whose positions follow each other; chunks that are not live have none."""
    import numpy as np
    from scipy.sparse import csr_array

    vocabulary: dict[str, int] = {}
    terms, counts, lengths = [], [], []
    for part, live in parts:
        places = np.array([vocabulary.setdefault(term, len(vocabulary)) for term in part.vocabulary], dtype=np.int32)
        entries = np.diff(part.ends, prepend=0)
        kept = np.repeat(live, entries)
        terms.append(places[part.terms[kept]])
        counts.append(part.counts[kept])
        lengths.append(np.where(live, entries, 0))
    ends = np.cumsum(np.concatenate([[0], *lengths]))
    rows = len(ends) - 1
    by_row = csr_array(
        (np.concatenate([np.zeros(0, np.int32), *counts]), np.concatenate([np.zeros(0, np.int32), *terms]), ends),
        shape=(rows, max(1, len(vocabulary))),
    )
    live_rows = sum(int(live.sum()) for _, live in parts)
    table = by_row.tocsc()
    scores = _scores(table, by_row.sum(axis=1), live_rows)
    return TermScores(scores, table.indices.astype(np.int32), table.indptr.astype(np.int64), vocabulary, rows)


def _scores(table: Any, words: "NDArray[Any]", live_rows: int) -> "NDArray[np.float32]":
    """Each entry's BM25 score; `words` are the lengths of the chunks."""
    import numpy as np

    having = np.diff(table.indptr)
    rarity = np.log(1 + (live_rows - having + 0.5) / (having + 0.5))
    mean_words = float(words.sum()) / max(1, live_rows) or 1.0
    penalty = K1 * (1 - B + B * words / mean_words)
    saturated = table.data / (table.data + penalty[table.indices])
    scores: NDArray[np.float32] = (np.repeat(rarity, having) * saturated).astype(np.float32)
    return scores


def write_scores(folder: Path, scores: TermScores) -> None:
    """Writes the arrays as the FILES of the folder; the vocabulary is the caller's."""
    import numpy as np

    arrays: tuple[NDArray[Any], ...] = (scores.scores, scores.chunks, scores.starts)
    for name, array in zip(FILES, arrays, strict=True):
        np.save(folder / name, array)


def read_scores(folder: Path, vocabulary: Sequence[str], rows: int) -> TermScores:
    """What `write_scores` wrote, mapped into memory."""
    arrays = [map_array(folder / name) for name in FILES]
    return TermScores(arrays[0], arrays[1], arrays[2], {term: at for at, term in enumerate(vocabulary)}, rows)


def best_matches(
    scores: TermScores, questions: Sequence[str], limit: int, live: "NDArray[np.bool_] | None" = None
) -> list[list[Hit]]:
    """For each question the `limit` chunks with the highest BM25 scores above 0, best first; of equals the lower
    position.

    Args:
        live: (rows,), which chunks count; None: all. How rare a term is does not depend on it.
    """
    return [_best_of_one(scores, question, limit, live) for question in questions]


def _best_of_one(scores: TermScores, question: str, limit: int, live: "NDArray[np.bool_] | None") -> list[Hit]:
    """Adds the terms up, rarest first. Once the common ones that are left cannot bring a chunk among the best that is
    not near them already, they are looked up for the few that are.

    After Turtle and Flood 1995, "Query evaluation: strategies and optimizations" (MaxScore): the result is that of
    adding everything.
    """
    import numpy as np

    known = [scores.vocabulary[term] for term in search_terms(question) if term in scores.vocabulary]
    sizes = {term: int(scores.starts[term + 1] - scores.starts[term]) for term in known}
    terms = sorted(known, key=lambda term: (sizes[term], term))
    most = [_most_of_a_term(scores.rows, sizes[term]) for term in terms]
    left = sum(sizes[term] for term in terms)
    found = np.zeros(scores.rows, dtype=np.float32)
    for number, term in enumerate(terms):
        # To see which chunks are near takes as long as adding a common term, so only where it promises something.
        if left > scores.rows and sum(most[:number]) > 3 * sum(most[number:]):
            near = _near_the_best(found, limit, sum(most[number:]), live)
            if near is not None and len(near) * _FEW < scores.rows:
                _look_up(scores, terms[number:], near, found)
                return _best_above_zero(near, found[near], limit)
        entries = slice(scores.starts[term], scores.starts[term + 1])
        np.add.at(found, scores.chunks[entries], scores.scores[entries])
        left -= sizes[term]
    places = np.flatnonzero(found > 0 if live is None else (found > 0) & live)
    return _best_above_zero(places, found[places], limit)


def _most_of_a_term(rows: int, having: int) -> float:
    """What a term adds to a chunk at most: its rarity, were it all that the chunk says."""
    return math.log(1 + (rows - having + 0.5) / (having + 0.5)) + _ROUNDING


def _near_the_best(
    found: "NDArray[np.float32]", limit: int, most: float, live: "NDArray[np.bool_] | None"
) -> "NDArray[np.int64] | None":
    """The chunks that can still be among the best when at most `most` is added to each; None: any may."""
    import numpy as np

    places = np.flatnonzero(found > most if live is None else (found > most) & live)
    if len(places) < limit:
        return None
    # Those that have more than `most` already beat all that have nothing; so do those that come near the last of them.
    last = np.partition(found[places], len(places) - limit)[len(places) - limit]
    near = found >= last - most
    return np.flatnonzero(near if live is None else near & live)


def _look_up(
    scores: TermScores, terms: Sequence[int], places: "NDArray[np.int64]", found: "NDArray[np.float32]"
) -> None:
    """Adds what the terms give to the chunks at some places."""
    import numpy as np

    for term in terms:
        entries = slice(scores.starts[term], scores.starts[term + 1])
        chunks = scores.chunks[entries]
        at = np.searchsorted(chunks, places.astype(chunks.dtype)).clip(max=len(chunks) - 1)
        hit = chunks[at] == places
        found[places[hit]] += scores.scores[entries][at[hit]]


def _best_above_zero(places: "NDArray[np.int64]", scores: "NDArray[np.float32]", limit: int) -> list[Hit]:
    import numpy as np

    if len(scores) > limit:
        # Everything as good as the last one that is wanted, so that of equals the lower position is taken.
        best = scores >= np.partition(scores, len(scores) - limit)[len(scores) - limit]
        places, scores = places[best], scores[best]
    return best_hits(places, scores, limit)
