"""Questions unlike each other: farthest-first traversal of their embeddings.

Gonzalez 1985, "Clustering to minimize the maximum intercluster distance": next is always the point whose nearest
chosen point is the farthest away. What is left uncovered then lies at most twice as far from a chosen point as with
the best choice of that many.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embeddings: TypeAlias = "Mapping[str, Sequence[float] | NDArray[np.float32]]"  # by question id, all of one length

# Float32 distances differ in the last digits from one machine to the next; a choice must not.
_DISTANCE_DECIMALS = 5


def farthest_first(
    questions: Sequence[str],
    chosen: Sequence[str],
    embeddings: Embeddings,
    count: int,
) -> list[str]:
    """`count` of the questions, each the farthest from all chosen before it; of equally far ones, the first.

    Takes time in the product of questions and choices, and memory in the number of questions.
    """
    import numpy as np

    if not questions or count <= 0:
        return []
    points = np.asarray([embeddings[question_id] for question_id in questions], dtype=np.float32)  # (Q, D)
    squares = np.einsum("qd,qd->q", points, points)  # (Q,)
    nearest = np.full(len(questions), np.inf, dtype=np.float32)  # (Q,) squared distance to the nearest chosen one

    def choose(point: "NDArray[np.float32]") -> None:
        distances = squares - 2 * (points @ point) + point @ point
        np.minimum(nearest, np.round(distances, _DISTANCE_DECIMALS).clip(min=0), out=nearest)

    for question_id in chosen:
        choose(np.asarray(embeddings[question_id], dtype=np.float32))
    found: list[str] = []
    while len(found) < min(count, len(questions)):
        index = int(nearest.argmax())
        found.append(questions[index])
        choose(points[index])
        nearest[index] = -1  # once is enough, even where all others are equal to a chosen one
    return found
