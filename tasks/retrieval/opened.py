"""An index that is open: its chunks, passages and vectors by position."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import IntegrityError
from tasks.records import Chunk, IndexRef, Passage
from tasks.retrieval import bm25
from tasks.retrieval.dense import VectorRun
from tasks.retrieval.fusion import Hit
from tasks.retrieval.layers import Layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Index:
    """An index, its arrays mapped into memory. A chunk is known by its position, counted through the layers.

    Attributes:
        names: the document of each text, by the text's hash.
        duplicates: documents that are not indexed, having the text of one that is, with the name of that one.
        firsts: the position of each layer's first chunk.
        live: for each layer which of its chunks count.
    """

    ref: IndexRef
    names: Mapping[str, str]
    duplicates: Mapping[str, str]
    layers: tuple[Layer, ...]
    firsts: "NDArray[np.int64]"
    live: "tuple[NDArray[np.bool_], ...]"
    term_scores: bm25.TermScores

    def chunk(self, position: int) -> Chunk:
        """The chunk at a position."""
        layer, row = self._place(position)
        return layer.chunk(row, self._document_id(layer, row))

    def passage(self, hit: Hit) -> Passage:
        """What is returned for a chunk that was found."""
        layer, row = self._place(hit.position)
        found, document_id = layer.chunks[row], self._document_id(layer, row)
        return Passage(
            chunk_id=f"{document_id}:{found['start']}-{found['end']}",
            document_id=document_id,
            start=int(found["window_start"]),
            end=int(found["window_end"]),
            text=layer.window(row),
            score=hit.score,
        )

    def chunks(self) -> Iterator[Chunk]:
        """All chunks that count, by position."""
        return (
            self.chunk(int(first + row))
            for first, live in zip(self.firsts, self.live, strict=True)
            for row in live.nonzero()[0]
        )

    def vector(self, position: int) -> "NDArray[np.float32]":
        """The embedding of the chunk at a position: (dimensions,).

        Raises:
            IntegrityError: when the index has no embeddings.
        """
        layer, row = self._place(position)
        vector: NDArray[np.float32] = self._vectors_of(layer)[row]
        return vector

    def vector_runs(self) -> list[VectorRun]:
        """All embeddings, a run for each layer.

        Raises:
            IntegrityError: when the index has no embeddings.
        """
        return [
            VectorRun(int(first), self._vectors_of(layer), live)
            for first, layer, live in zip(self.firsts, self.layers, self.live, strict=True)
        ]

    def _vectors_of(self, layer: Layer) -> "NDArray[np.float32]":
        if layer.vectors is None:
            raise IntegrityError(
                f"The index {self.ref.sha256[:12]} has no embeddings: build one with `retrieval.dense` on."
            )
        return layer.vectors

    def _place(self, position: int) -> tuple[Layer, int]:
        at = int(self.firsts.searchsorted(position, side="right")) - 1
        return self.layers[at], position - int(self.firsts[at])

    def _document_id(self, layer: Layer, row: int) -> str:
        return self.names[layer.documents[layer.chunks[row]["document"]].sha256]
