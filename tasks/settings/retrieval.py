"""How documents are cut, found and put before the model."""

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from tasks.settings.section import Fraction, Positive, Section

ChunkKind = Literal["fixed", "sentence", "sentence_window", "headings"]


class ChunkSettings(Section):
    """How a document is cut into the pieces that are matched."""

    kind: ChunkKind = Field(
        default="headings",
        description="fixed: words; sentence: whole sentences; sentence_window: one sentence, returned with its "
        "neighbours; headings: sections of Markdown and reStructuredText, and in them whole sentences",
    )
    words: Positive = Field(default=120, description="words of a piece at most")
    overlap: Annotated[int, Field(ge=0)] = Field(default=20, description="words at most that neighbours share")
    window_sentences: Annotated[int, Field(ge=0)] = Field(
        default=2, description="sentences returned on each side of the one that matched, for sentence_window"
    )
    hypothetical_questions: Annotated[int, Field(ge=0, le=20)] = Field(
        default=0, description="questions that `writer` writes about each piece, by which it is found, too; 0: none"
    )

    @model_validator(mode="after")
    def _overlap_leaves_something_new(self) -> "ChunkSettings":
        if self.overlap >= self.words:
            raise ValueError(
                f"retrieval.chunks.overlap: {self.overlap} is not below `words` ({self.words}); "
                "lower it, or raise `words`"
            )
        return self


class GraphSettings(Section):
    """Chunks that are tied to a question through what they mention, for questions that one document cannot answer."""

    extractor: Literal["statistical", "writer"] = Field(
        default="statistical",
        description="statistical: names, titles, code and links; writer: also what `writer` finds, asked once a chunk",
    )
    weight: Fraction = Field(default=0.5, description="share of the graph in the fusion; the rest is the others'")
    damping: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.5, description="probability that the walk goes on after a step; the higher, the farther it gets"
    )
    max_entity_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.01, description="an entity that more of the chunks mention, and more than 10, is left out"
    )


class StoreSettings(Section):
    """Where the embeddings are searched; the index's own files keep them in any case."""

    kind: Literal["files", "lancedb"] = Field(
        default="files",
        description="files: the index's own, mapped into memory, all compared; lancedb: tables of LanceDB, in a folder "
        "or an object store (pip install 'ratchet-llm[lancedb]')",
    )
    uri: str | None = Field(
        default=None,
        min_length=1,
        description="lancedb: a folder, or s3://, gs:// or az:// with credentials in the environment, for this home "
        "alone; None: below RATCHET_HOME",
    )
    approximate_from: Positive | None = Field(
        default=None, description="lancedb: chunks of a layer from which not all are compared; None: always all"
    )

    @model_validator(mode="after")
    def _only_lancedb_has_a_place(self) -> "StoreSettings":
        for name in ("uri", "approximate_from"):
            if self.kind == "files" and getattr(self, name) is not None:
                raise ValueError(f"retrieval.store.{name}: it needs kind lancedb; set the kind, or set it to null")
        return self


def _check_where(where: dict[str, Any]) -> dict[str, Any]:
    return {key: _check_wanted(key, value) for key, value in where.items()}


def _check_wanted(key: str, given: Any) -> Any:
    # YAML makes a date of 2026-01-31; documents keep dates as ISO 8601.
    values = [each.isoformat() if isinstance(each, date) else each for each in _as_list(given)]
    if not values or not all(isinstance(each, str | int) or _is_finite(each) for each in values):
        raise ValueError(
            f"retrieval.where.{key}: {given!r} is not accepted; it should be text, a number, true, false, or a list of "
            "them"
        )
    return tuple(values) if isinstance(given, list | tuple) else values[0]


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


# By key of a document's metadata the wanted value, or several one of which it must be.
Where = Annotated[dict[str, Any], AfterValidator(_check_where)]


class RetrievalSettings(Section):
    """From a question to the passages put before the model."""

    chunks: ChunkSettings = ChunkSettings()
    store: StoreSettings = StoreSettings()
    where: Where = Field(
        default_factory=dict,
        description="only documents with these metadata are searched: a value, or a list one of which it must be",
    )
    passages: Positive = Field(default=2, description="passages put before the model, at most")
    candidates: Positive = Field(default=50, description="chunks that BM25 and the embeddings each propose")
    bm25: bool = Field(default=True, description="match words")
    dense: bool = Field(default=True, description="match meanings, by `model.embeddings`")
    fusion: Literal["rrf", "weighted"] = Field(
        default="weighted",
        description="weighted: by scores scaled to 0 to 1 within a question; rrf: by reciprocal ranks",
    )
    dense_weight: Fraction = Field(default=0.5, description="share of the embeddings in the fusion; the rest is BM25's")
    rewrite: bool = Field(default=False, description="also search for the question in other words, by `writer`")
    decompose: bool = Field(default=False, description="also search for the parts of the question, by `writer`")
    step_back: bool = Field(default=False, description="also search for a more general question, by `writer`")
    hyde: bool = Field(default=False, description="also search for an imagined answer, by `writer` and embeddings")
    queries: Annotated[int, Field(ge=1, le=10)] = Field(
        default=3, description="other wordings, and parts, that are taken of a question at most"
    )
    graph: GraphSettings | None = Field(default=None, description="walk from chunk to chunk by what they mention")
    reranker: str | None = Field(
        default=None, min_length=1, description="a sentence-transformers CrossEncoder, by hub id or path; None: none"
    )
    near_duplicates: Annotated[float, Field(gt=0.0, le=1.0)] | None = Field(
        default=0.98, description="cosine from which two passages are the same; None: only equal or nested ones are"
    )
    relevance_weight: Fraction | None = Field(
        default=None, description="MMR: share of relevance, the rest is novelty; None: relevance alone"
    )
    max_words: Positive | None = Field(default=None, description="words of all passages together; None: no limit")
    order: Literal["relevance", "edges"] = Field(
        default="relevance", description="relevance: best first; edges: the best first and last, the others between"
    )
    min_similarity: Fraction | None = Field(
        default=None, description="cosine of question and best chunk below which there are no passages; None: never"
    )
    abstain: str | None = Field(
        default=None,
        min_length=1,
        description="said in place of the model's answer by an arm that retrieves and finds nothing; None: it is asked",
    )

    @model_validator(mode="after")
    def _something_searches(self) -> "RetrievalSettings":
        if not (self.bm25 or self.dense):
            raise ValueError("retrieval: `bm25` and `dense` are both off; switch one on")
        if self.candidates < self.passages:
            raise ValueError(f"retrieval.candidates: {self.candidates} is below `passages` ({self.passages}); raise it")
        for name in ("relevance_weight", "min_similarity"):
            if getattr(self, name) is not None and not self.dense:
                raise ValueError(f"retrieval.{name}: it needs embeddings; switch `dense` on, or set it to null")
        if self.hyde and not self.dense:
            raise ValueError("retrieval.hyde: it needs embeddings; switch `dense` on, or set it to false")
        return self

    @property
    def written_queries(self) -> tuple[str, ...]:
        """The stages that write queries and are on, as their keys."""
        return tuple(key for key in ("rewrite", "decompose", "step_back", "hyde") if getattr(self, key))

    @property
    def written_stages(self) -> tuple[str, ...]:
        """All stages that need a writer and are on, as their keys."""
        questions = ("chunks.hypothetical_questions",) if self.chunks.hypothetical_questions else ()
        triples = ("graph.extractor",) if self.graph is not None and self.graph.extractor == "writer" else ()
        return (*questions, *triples, *self.written_queries)
