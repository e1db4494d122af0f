"""Search among embeddings: what any store of them does, and the exact search that needs none: every vector is
compared, in blocks, by matrix multiplication."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tasks.retrieval.fusion import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SCORES_AT_ONCE = 1 << 20
_QUERIES_AT_ONCE = 64


class VectorRun(NamedTuple):
    """Vectors at positions that follow each other.

    Attributes:
        first: the position of the first one.
        vectors: (rows, dimensions), every row of length 1.
        live: (rows,), which of them count.
        name: the sha256 of what they are of; the same name always has the same vectors.
    """

    first: int
    vectors: "NDArray[np.float32]"
    live: "NDArray[np.bool_]"
    name: str


class VectorStore(Protocol):
    """Where embeddings are searched. Runs are added by name and never change."""

    def add(self, runs: Sequence[VectorRun]) -> None:
        """Takes in the runs that it lacks."""

    def keep_only(self, names: Sequence[str]) -> None:
        """Removes all runs but those of these names."""

    def nearest(self, runs: Sequence[VectorRun], queries: "NDArray[np.float32]", limit: int) -> list[list[Hit]]:
        """For each query the `limit` live vectors of the runs with the highest cosine, best first.

        Args:
            runs: that were added.
            queries: (queries, dimensions), every row of length 1.
        """


class MappedFiles:
    """The store that is always there: the vectors as the layers have them, mapped into memory."""

    def add(self, runs: Sequence[VectorRun]) -> None:
        """Nothing: they are where they are."""

    def keep_only(self, names: Sequence[str]) -> None:
        """Nothing: layers that nothing names are deleted with their vectors."""

    def nearest(self, runs: Sequence[VectorRun], queries: "NDArray[np.float32]", limit: int) -> list[list[Hit]]:
        """Compares every vector; of equals the lower position comes first."""
        return nearest(runs, queries, limit)


def nearest(runs: Sequence[VectorRun], queries: "NDArray[np.float32]", limit: int) -> list[list[Hit]]:
    """For each query the `limit` live vectors with the highest cosine, best first; of equals the lower position.

    Args:
        queries: (queries, dimensions), every row of length 1.
    """
    return [
        hits
        for start in range(0, len(queries), _QUERIES_AT_ONCE)
        for hits in _nearest_to_some(runs, queries[start : start + _QUERIES_AT_ONCE], limit)
    ]


def _nearest_to_some(runs: Sequence[VectorRun], queries: "NDArray[np.float32]", limit: int) -> Iterator[list[Hit]]:
    import numpy as np

    positions: list[NDArray[np.int64]] = []
    scores: list[NDArray[np.float32]] = []
    rows = max(1, _SCORES_AT_ONCE // max(1, len(queries)))
    for run in runs:
        for start in range(0, len(run.vectors), rows):
            block = slice(start, start + rows)
            similarity = queries @ run.vectors[block].T  # (queries, rows)
            if not run.live[block].all():
                similarity[:, ~run.live[block]] = -np.inf
            best = top_places(similarity, limit)
            positions.append(best + (run.first + start))
            scores.append(np.take_along_axis(similarity, best, axis=1))
    if not positions:
        yield from ([] for _ in queries)
        return
    for row_positions, row_scores in zip(np.hstack(positions), np.hstack(scores), strict=True):
        yield best_hits(row_positions, row_scores, limit)


def top_places(scores: "NDArray[np.float32]", limit: int) -> "NDArray[np.int64]":
    """The places of each row's `limit` highest scores, in any order: (rows, limit), or all when there are fewer."""
    import numpy as np

    columns = scores.shape[1]
    if columns <= limit:
        return np.broadcast_to(np.arange(columns), scores.shape)
    return np.argpartition(scores, columns - limit, axis=1)[:, columns - limit :]


def best_hits(positions: "NDArray[np.int64]", scores: "NDArray[np.float32]", limit: int) -> list[Hit]:
    """The `limit` highest finite scores as hits, best first; of equals the lower position comes first."""
    import numpy as np

    order = np.lexsort((positions, -scores))[:limit]
    return [Hit(int(positions[at]), float(scores[at])) for at in order if np.isfinite(scores[at])]
