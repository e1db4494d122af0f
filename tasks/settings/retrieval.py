"""How documents are cut, found and put before the model."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.settings.section import Fraction, Positive, Section


class ChunkSettings(Section):
    """How a document is cut into the pieces that are matched."""

    kind: Literal["fixed", "sentence", "sentence_window", "headings"] = Field(
        default="headings",
        description="fixed: words; sentence: whole sentences; sentence_window: one sentence, returned with its "
        "neighbours; headings: sections of Markdown and reStructuredText, and in them whole sentences",
    )
    words: Positive = Field(default=120, description="words of a piece at most")
    overlap: Annotated[int, Field(ge=0)] = Field(default=20, description="words at most that neighbours share")
    window_sentences: Annotated[int, Field(ge=0)] = Field(
        default=2, description="sentences returned on each side of the one that matched, for sentence_window"
    )

    @model_validator(mode="after")
    def _overlap_leaves_something_new(self) -> "ChunkSettings":
        if self.overlap >= self.words:
            raise ValueError(
                f"retrieval.chunks.overlap: {self.overlap} is not below `words` ({self.words}); "
                "lower it, or raise `words`"
            )
        return self


class RetrievalSettings(Section):
    """From a question to the passages put before the model."""

    chunks: ChunkSettings = ChunkSettings()
    passages: Positive = Field(default=2, description="passages put before the model, at most")
    candidates: Positive = Field(default=50, description="chunks that BM25 and the embeddings each propose")
    bm25: bool = Field(default=True, description="match words")
    dense: bool = Field(default=True, description="match meanings, by `model.embeddings`")
    fusion: Literal["rrf", "weighted"] = Field(
        default="weighted",
        description="weighted: by scores scaled to 0 to 1 within a question; rrf: by reciprocal ranks",
    )
    dense_weight: Fraction = Field(default=0.5, description="share of the embeddings in the fusion; the rest is BM25's")
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

    @model_validator(mode="after")
    def _something_searches(self) -> "RetrievalSettings":
        if not (self.bm25 or self.dense):
            raise ValueError("retrieval: `bm25` and `dense` are both off; switch one on")
        if self.candidates < self.passages:
            raise ValueError(f"retrieval.candidates: {self.candidates} is below `passages` ({self.passages}); raise it")
        for name in ("relevance_weight", "min_similarity"):
            if getattr(self, name) is not None and not self.dense:
                raise ValueError(f"retrieval.{name}: it needs embeddings; switch `dense` on, or set it to null")
        return self
