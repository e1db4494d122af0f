"""What retrieval gave the test questions."""

from dataclasses import dataclass

from pydantic import Field

from tasks.records import Count, IndexRef, Passage, Record, RetrievalReport, Seconds


class QuestionContext(Record):
    """What one question's prompt gets."""

    passages: tuple[Passage, ...] = Field(description="those in the prompt, in its order")
    found: Count = Field(description="passages retrieved, those that the prompt had no room for among them")
    sources: tuple[str, ...] = Field(
        description="documents of the index that hold the answer, by the question's author"
    )
    latency_s: Seconds = Field(description="seconds that retrieval took for this question alone")

    @property
    def texts(self) -> tuple[str, ...]:
        """The passages' texts, in the order of the prompt."""
        return tuple(passage.text for passage in self.passages)

    @property
    def source_found(self) -> bool | None:
        """Whether a source is among the passages of the prompt; None where no source is known."""
        return any(passage.document_id in self.sources for passage in self.passages) if self.sources else None


@dataclass(frozen=True)
class Timed:
    """What one question was given, and the seconds that took."""

    passages: list[Passage]
    latency_s: float


class Retrieved(Record):
    """What retrieval gave the test questions, in their order, and how well."""

    index: IndexRef
    index_bytes: Count = Field(description="of the index on disk")
    contexts: tuple[QuestionContext, ...]
    unanswerable: tuple[QuestionContext, ...] = Field(
        default=(), description="what the questions got that the documents do not answer"
    )
    energy_j_per_query: float | None = Field(default=None, ge=0.0, description="joules of a search; None: not read")
    report: RetrievalReport
