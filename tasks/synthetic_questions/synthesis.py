"""From documents to questions that can be asked of them: drafts, and one filter after the other, each counting.

drafts      by templates or a model, from chunks of whole sentences, the first chunk of every document first
words       `answerability`: evidence, length, standing alone, news
repeated    the question of another draft, or of a person; the answer of either on the same document
round trip  retrieval does not bring the evidence back
confirmed   the model that wrote it, asked with the passage, answers otherwise
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pydantic import Field

from tasks.config import Config
from tasks.domain.splits import normalised
from tasks.files import sha256_of
from tasks.progress import track
from tasks.records import Chunk, Count, Document, Question, Record
from tasks.retrieval.chunking import chunk_document
from tasks.retrieval.searching import Searcher
from tasks.settings.retrieval import ChunkSettings
from tasks.synthetic_questions.answerability import reason_against
from tasks.synthetic_questions.drafts import Draft
from tasks.synthetic_questions.human_questions import compare_with, repeats_an_answer
from tasks.synthetic_questions.round_trip import finds_evidence
from tasks.synthetic_questions.writers import Writer

# Whole sentences, none of them twice: whatever chunks the index has.
CHUNKS = ChunkSettings(kind="headings", words=200, overlap=0)


class Synthesis(Record):
    """What was written, and what became of it."""

    run: str = Field(min_length=16, max_length=16, description="hash of documents, questions, writer and settings")
    writer: str = Field(description="`templates <version>`, or the model")
    documents: Count = Field(description="documents with text, each text once")
    chunks: Count = Field(description="pieces of them")
    chunks_read: Count = Field(description="pieces that questions were written from, until there were enough")
    drafted: Count = Field(description="questions written; those kept and those left out")
    left_out: dict[str, Count] = Field(description="by reason, in the order in which they are looked at")
    unphrased: dict[str, Count] = Field(description="documents in languages without templates, by ISO 639 code")
    drafts: tuple[Draft, ...] = Field(description="the questions kept, in the order written")


REASONS = (
    "no_reply",
    "reply_in_another_form",
    "answer_not_in_the_passage",
    "evidence_not_in_the_document",
    "too_short_or_too_long",
    "answer_not_in_the_evidence",
    "question_that_points_elsewhere",
    "answered_by_the_question",
    "asked_twice",
    "answer_of_a_test_question",
    "asked_by_a_person",
    "evidence_not_retrieved",
    "answered_otherwise_by_the_writer",
    "more_than_wanted",
)


@dataclass(frozen=True)
class _Filters:
    """What drafts are held against.

    Attributes:
        texts: of all documents, by id.
        human: what people have asked.
        asked_by_a_person: for each draft whether one of them has.
        seen: the questions so far, normalised; and their answers, each with its document.
        left_out: how many were left out, by reason.
    """

    texts: Mapping[str, str]
    human: Sequence[Question]
    asked_by_a_person: Callable[[Sequence[Draft]], list[bool]]
    searcher: Searcher
    writer: Writer
    seen: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)


def write_drafts(
    config: Config,
    documents: Sequence[Document],
    human: Sequence[Question],
    searcher: Searcher,
    writer: Writer,
    count: int,
) -> Synthesis:
    """At most `count` questions that pass every filter; the same inputs give the same questions.

    Args:
        documents: with different texts.
        human: what people have asked.
        searcher: over the same documents.
    """
    chunks = in_turn(documents, config.seed)
    filters = _Filters(
        texts={document.id: document.text for document in documents},
        human=human,
        asked_by_a_person=compare_with(human, searcher.embed, config.curate.decontamination.similarity),
        searcher=searcher,
        writer=writer,
    )
    kept: list[Draft] = []
    read = 0
    with track("questions", count) as advance:
        waiting = iter(chunks)
        while len(kept) < count and (batch := list(islice(waiting, writer.chunks_at_once))):
            read += len(batch)
            passed = _passing(filters, writer.draft(batch, filters.left_out))
            room = count - len(kept)
            filters.left_out["more_than_wanted"] += max(0, len(passed) - room)
            kept += passed[:room]
            advance(min(len(passed), room))
    return Synthesis(
        run=_run_id(config, documents, human, searcher, writer, count),
        writer=writer.name,
        documents=len(documents),
        chunks=len(chunks),
        chunks_read=read,
        drafted=len(kept) + filters.left_out.total(),
        left_out={reason: filters.left_out[reason] for reason in REASONS if filters.left_out[reason]},
        unphrased=dict(sorted(writer.languages.items())),
        drafts=tuple(kept),
    )


def in_turn(documents: Sequence[Document], seed: int) -> list[Chunk]:
    """The chunks of all documents: every document's first, then every second; documents in the order of a hash."""
    ordered = sorted(documents, key=lambda document: sha256_of([seed, document.id]))
    placed = [
        ((turn, place), chunk)
        for place, document in enumerate(ordered)
        for turn, chunk in enumerate(chunk_document(document, CHUNKS))
    ]
    return [chunk for _, chunk in sorted(placed, key=lambda item: item[0])]


def _passing(filters: _Filters, drafted: Sequence[tuple[Draft, Chunk]]) -> list[Draft]:
    """The drafts that pass, the cheap filters first."""
    promising: list[tuple[Draft, Chunk]] = []
    for draft, chunk in drafted:
        reason = reason_against(draft, filters.texts)
        marks = {normalised(draft.question), f"{draft.document_id}\n{normalised(draft.answer)}"}
        if reason is None and marks & filters.seen:
            reason = "asked_twice"
        if reason is None and (split := repeats_an_answer(draft, filters.human)) is not None:
            reason = "answer_of_a_test_question" if split == "test" else "asked_by_a_person"
        if reason is None:
            filters.seen.update(marks)
            promising.append((draft, chunk))
        else:
            filters.left_out[reason] += 1
    repeated = filters.asked_by_a_person([draft for draft, _ in promising])
    new = _without(filters, promising, repeated, "asked_by_a_person")
    found = finds_evidence(filters.searcher, [draft for draft, _ in new])
    found_again = _without(filters, new, [not each for each in found], "evidence_not_retrieved")
    if filters.writer.confirm is not None and found_again:
        drafts = [draft for draft, _ in found_again]
        confirmed = filters.writer.confirm(drafts, [chunk.text for _, chunk in found_again])
        found_again = _without(
            filters, found_again, [not each for each in confirmed], "answered_otherwise_by_the_writer"
        )
    return [draft for draft, _ in found_again]


def _without(
    filters: _Filters, drafted: Sequence[tuple[Draft, Chunk]], at_fault: Sequence[bool], reason: str
) -> list[tuple[Draft, Chunk]]:
    filters.left_out[reason] += sum(at_fault)
    return [each for each, is_at_fault in zip(drafted, at_fault, strict=True) if not is_at_fault]


def _run_id(
    config: Config,
    documents: Sequence[Document],
    human: Sequence[Question],
    searcher: Searcher,
    writer: Writer,
    count: int,
) -> str:
    inputs = {
        "documents": sorted([document.id, sha256_of(document.text)] for document in documents),
        "human": sorted(sha256_of(question) for question in human),
        "index": searcher.index.ref.sha256,
        "retrieval": config.retrieval.model_dump(mode="json"),
        "similarity": config.curate.decontamination.similarity,
        "writer": writer.name,
        "seed": config.seed,
        "count": count,
    }
    return sha256_of(inputs)[:16]
