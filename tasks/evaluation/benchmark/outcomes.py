"""What became of one question: which arms were right, and whether retrieval had found its source."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class QuestionOutcome:
    """One test question's outcome.

    Attributes:
        correct: by arm, whether its answer counts as correct.
        source_found: whether a document that holds the answer stood in the prompt of rag and rag_ft; None: unknown.
    """

    question_id: str
    family: str
    correct: Mapping[str, bool]
    source_found: bool | None
