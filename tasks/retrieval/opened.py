"""An index that is open: its chunks, passages and vectors by position."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tasks.errors import IntegrityError
from tasks.records import Chunk, IndexRef, Passage, Record, Sha256
from tasks.retrieval import bm25
from tasks.retrieval.dense import MappedFiles, VectorRun, VectorStore
from tasks.retrieval.fusion import Hit
from tasks.retrieval.graph.graph import Graph
from tasks.retrieval.layers import Layer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class IndexedDocument(Record):
    """A document by its name."""

    id: str
    sha256: Sha256
    duplicate_of: str | None
    metadata: dict[str, Any] = Field(default_factory=dict)


def named_texts(documents: Iterable[IndexedDocument]) -> tuple[dict[str, str], dict[str, str]]:
    """The first document of each text, by the text's hash; and the other documents, with the name of that one."""
    names: dict[str, str] = {}
    duplicates: dict[str, str] = {}
    for document in documents:
        first = names.setdefault(document.sha256, document.id)
        if first != document.id:
            duplicates[document.id] = first
    return names, duplicates


@dataclass(frozen=True)
class Index:
    """An index, its arrays mapped into memory. A chunk is known by its position, counted through the layers.

    Attributes:
        names: the document of each text, by the text's hash.
        duplicates: documents that are not indexed, having the text of one that is, with the name of that one.
        firsts: the position of each layer's first chunk.
        live: for each layer which of its chunks count.
        documents: all of them, whether they have a text of their own or not.
        store: where the embeddings are searched.
        is_restricted: whether there are chunks that do not count for another reason than that their document is gone.
        graph: of entities and chunks; None: it was built without.
    """

    ref: IndexRef
    names: Mapping[str, str]
    duplicates: Mapping[str, str]
    layers: tuple[Layer, ...]
    firsts: "NDArray[np.int64]"
    live: "tuple[NDArray[np.bool_], ...]"
    term_scores: bm25.TermScores
    graph: Graph | None = None
    documents: tuple[IndexedDocument, ...] = ()
    store: VectorStore = field(default_factory=MappedFiles)
    is_restricted: bool = False

    def nearest(self, queries: "NDArray[np.float32]", limit: int) -> list[list[Hit]]:
        """For each query, (queries, dimensions), the `limit` chunks of the highest cosine, best first.

        Raises:
            IntegrityError: when the index has no embeddings, or the store has lost some.
        """
        return self.store.nearest(self.vector_runs(), queries, limit)

    def best_matches(self, questions: Sequence[str], limit: int) -> list[list[Hit]]:
        """For each question the `limit` chunks of the highest BM25 scores above 0, best first."""
        live = self._all_live if self.is_restricted else None
        return bm25.best_matches(self.term_scores, questions, limit, live)

    @cached_property
    def metadata(self) -> dict[str, dict[str, Any]]:
        """What is known of each document, by its name."""
        return {document.id: document.metadata for document in self.documents}

    @cached_property
    def views(self) -> "dict[str, Index]":
        """This index restricted to some documents, by how: what `restrict` has made of it."""
        return {}

    @cached_property
    def _all_live(self) -> "NDArray[np.bool_]":
        import numpy as np

        return np.concatenate([np.zeros(0, dtype=bool), *self.live])

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

    def chunk_position(self, position: int) -> int:
        """The position of the chunk that a hypothetical question's is about, or that of a chunk itself."""
        layer, row = self._place(position)
        return position - row + layer.chunk_row(row)

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
            VectorRun(int(first), self._vectors_of(layer), layer.with_questions(live), layer.name)
            for first, layer, live in zip(self.firsts, self.layers, self.live, strict=True)
        ]

    def are_live(self, positions: "NDArray[np.int64]") -> "NDArray[np.bool_]":
        """Which of the chunks at some positions count."""
        return self._all_live[positions]

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
