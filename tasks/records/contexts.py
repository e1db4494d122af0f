"""What the rows of a training had in their prompts."""

from typing import Literal

from pydantic import Field

from tasks.records.base import Count, FileRef, Record, Sha256
from tasks.records.retrieval import Passage

ContextKind = Literal["closed_book", "oracle", "distractors", "unknown_sources", "nothing_found"]


class RowContext(Record):
    """What one row was given."""

    row: Sha256 = Field(description="id of the demonstration, preference pair or rated answer")
    kind: ContextKind = Field(
        description="closed_book: nothing, by the draw; oracle: a passage of a source among others; distractors: "
        "passages of other documents only; unknown_sources: what retrieval found, no source being known; "
        "nothing_found: nothing, because retrieval found nothing"
    )
    passages: tuple[Passage, ...] = Field(default=(), description="those in the prompt, in its order")
    cited: tuple[int, ...] = Field(default=(), description="numbers of the passages that its completion cites, from 1")
    cut: Count = Field(default=0, description="passages left out because the row would have been too long")


class ContextPlan(Record):
    """What every row that may be trained on is given, and where it was found."""

    index_sha256: Sha256 = Field(description="the index that the passages come from")
    rows: FileRef = Field(description="rows of RowContext, sorted by row")


class TrainedContexts(ContextPlan):
    """How many of the rows that were trained on had what in their prompts."""

    closed_book: Count
    oracle: Count
    distractors: Count
    unknown_sources: Count
    nothing_found: Count
    cut: Count = Field(description="rows that lost passages because they would have been too long")

    def describe(self) -> str:
        """How many rows had what, in words."""
        counts = {
            "with a passage of a source": self.oracle,
            "with passages of other documents only": self.distractors,
            "with what retrieval found, no source being known": self.unknown_sources,
            "without passages": self.closed_book,
            "for which nothing was found": self.nothing_found,
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"{told}; {self.cut} lost passages for want of room" if self.cut else told
