"""Who writes questions: the templates, or a language model. Both turn chunks into drafts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.records import Chunk
from tasks.synthetic_questions.drafts import Draft
from tasks.synthetic_questions.from_model import (
    QUESTIONS_PER_PASSAGE,
    confirm,
    drafts_of_reply,
    writing_prompt,
)
from tasks.synthetic_questions.languages import load_language_identifier
from tasks.synthetic_questions.phrasings import PHRASINGS
from tasks.synthetic_questions.templates import draft_from_templates
from tasks.writing.writer import Write

TEMPLATES = "templates"
# Changes when the same documents give other drafts.
TEMPLATES_VERSION = 1


@dataclass(frozen=True)
class Writer:
    """Something that writes questions.

    Attributes:
        name: `templates`, or the identity of a model; the same name writes the same.
        draft: the drafts of some chunks; what it leaves out itself it counts, by reason, in the counter.
        confirm: for each draft whether the writer, asked with the chunk's text, gives the same answer; None: it cannot
            be asked.
        chunks_at_once: how many chunks it is best given together.
        languages: documents by language, of those it has drafted from and has no phrasings for.
    """

    name: str
    draft: Callable[[Sequence[Chunk], "Counter[str]"], list[tuple[Draft, Chunk]]]
    confirm: Callable[[Sequence[Draft], Sequence[str]], list[bool]] | None
    chunks_at_once: int
    languages: "Counter[str]"


def template_writer(texts: Mapping[str, str]) -> Writer:
    """The templates; `texts` are those of all documents, by id."""
    identify = load_language_identifier()
    known: dict[str, str] = {}
    unphrased: Counter[str] = Counter()

    def language_of(document_id: str) -> str:
        if document_id not in known:
            known[document_id] = identify(texts[document_id])
            if known[document_id] not in PHRASINGS:
                unphrased[known[document_id]] += 1
        return known[document_id]

    def draft(chunks: Sequence[Chunk], left_out: "Counter[str]") -> list[tuple[Draft, Chunk]]:
        return [
            (found, chunk)
            for chunk in chunks
            for found in draft_from_templates(texts[chunk.document_id], chunk, language_of(chunk.document_id))
        ]

    return Writer(f"{TEMPLATES} {TEMPLATES_VERSION}", draft, None, 128, unphrased)


def model_writer(texts: Mapping[str, str], write: Write, model: str) -> Writer:
    """A language model; `model` is its identity."""

    def draft(chunks: Sequence[Chunk], left_out: "Counter[str]") -> list[tuple[Draft, Chunk]]:
        found: list[tuple[Draft, Chunk]] = []
        for chunk, reply in zip(chunks, write([writing_prompt(chunk) for chunk in chunks]), strict=True):
            if not reply.strip():
                left_out["no_reply"] += 1
                continue
            drafts, unfinished, unfounded = drafts_of_reply(reply, texts[chunk.document_id], chunk, model)
            left_out["reply_in_another_form"] += unfinished
            left_out["answer_not_in_the_passage"] += unfounded
            found += [(each, chunk) for each in drafts]
        return found

    def confirm_drafts(drafts: Sequence[Draft], passages: Sequence[str]) -> list[bool]:
        return confirm(write, drafts, passages)

    return Writer(f"{model}, {QUESTIONS_PER_PASSAGE} a passage", draft, confirm_drafts, 16, Counter())
