"""Whether the domain's own retrieval finds what a question was written from.

A question that does not bring its evidence back is too vague, or asks for what stands elsewhere as well; either way a
model cannot be expected to answer it from what it is given. Dai et al. 2022, "Promptagator: Few-shot Dense Retrieval
From 8 Examples", filter synthetic queries in this way; Alberti et al. 2019, "Synthetic QA Corpora Generation with
Roundtrip Consistency", ask the question again and compare the answers, which `from_model.confirm` does.
"""

from collections.abc import Sequence

from tasks.retrieval.searching import Searcher, search_passages
from tasks.synthetic_questions.drafts import Draft


def finds_evidence(searcher: Searcher, drafts: Sequence[Draft]) -> list[bool]:
    """For each draft whether one of the passages for its question shares a character with its evidence."""
    found = search_passages(searcher, [draft.question for draft in drafts])
    return [
        any(
            passage.document_id == draft.document_id and passage.start < draft.end and draft.start < passage.end
            for passage in passages
        )
        for draft, passages in zip(drafts, found, strict=True)
    ]
