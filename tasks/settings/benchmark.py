"""What `ratchet benchmark` takes for right and for supported, and how far it looks at retrieval."""

from pydantic import Field

from tasks.settings.retrieval import ChunkKind
from tasks.settings.section import Fraction, Positive, Section


class BenchmarkSettings(Section):
    """The benchmark of the four arms."""

    correct_from: Fraction = Field(
        default=0.5, description="score in promote.primary_metric from which an answer counts as correct"
    )
    retrieval_depth: Positive = Field(default=10, description="documents looked through for a question's source")
    supported_from: Fraction = Field(
        default=0.7,
        description="share of a claim's words, weighted by how rare they are, from which passages that hold them "
        "support it",
    )
    chunk_kinds: tuple[ChunkKind, ...] = Field(
        default=(), description="chunkers to compare with that of `retrieval.chunks`; each takes an index of its own"
    )
