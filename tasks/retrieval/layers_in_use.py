"""Which layers an index is built on, and which of their chunks count."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tasks.retrieval.layers import Layer, LayerDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SMALL_SHARE = 4  # a layer is small when it has less than a quarter of the chunks of the largest
_SMALL_LAYERS = 8
_USED_SHARE = 0.5


def choose_layers(layers: Sequence[Layer], wanted: Collection[str]) -> list[Layer]:
    """The layers to build on, by the hashes of the texts that are wanted; what they lack goes into a new layer.

    Left out are layers of which less than half is wanted and not in a better one, and all the small ones once there
    are more than eight: each costs time whenever anything is searched.
    """
    chosen: list[Layer] = []
    covered: set[str] = set()
    for layer in sorted(layers, key=lambda layer: (-_size(_among(layer, wanted)), layer.name)):
        new = [document for document in _among(layer, wanted) if document.sha256 not in covered]
        if new and _size(new) >= _USED_SHARE * _size(layer.documents):
            chosen.append(layer)
            covered |= {document.sha256 for document in new}
    largest = max((len(layer.chunks) for layer in chosen), default=0)
    small = [layer.name for layer in chosen if len(layer.chunks) * _SMALL_SHARE < largest]
    if len(small) > _SMALL_LAYERS:
        return [layer for layer in chosen if layer.name not in small]
    return chosen


def live_rows(layers: Sequence[Layer], wanted: Collection[str]) -> "list[NDArray[np.bool_]]":
    """For each layer which of its chunks count: those of wanted texts that no layer before it has."""
    import numpy as np

    seen: set[str] = set()
    live: list[NDArray[np.bool_]] = []
    for layer in layers:
        counts = [document.sha256 in wanted and document.sha256 not in seen for document in layer.documents]
        rows = np.array(counts, dtype=bool)[layer.chunks["document"]]
        rows[len(rows) - len(layer.owners) :] = False  # hypothetical questions are no chunks
        live.append(rows)
        seen |= {document.sha256 for document in layer.documents}
    return live


def _among(layer: Layer, wanted: Collection[str]) -> list[LayerDocument]:
    return [document for document in layer.documents if document.sha256 in wanted]


def _size(documents: Sequence[LayerDocument]) -> int:
    # A text without a chunk counts, too: it must be somewhere, or it would be cut anew each time.
    return sum(max(1, document.chunks) for document in documents)
