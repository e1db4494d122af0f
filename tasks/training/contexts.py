"""Which passages a row of training has in its prompt, as in RAFT (Zhang et al. 2024, "RAFT: adapting language model
to domain specific RAG").

A share of the rows has none, so that the model can also answer without. Of the others most have a passage of a source
of their question, the oracle, among others, as when retrieval works; some have passages of other documents only, as
when it fails. Order and number are those of answering.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar, cast

from tasks.models.citations import add_citations, split_citations
from tasks.models.prompting import build_messages
from tasks.records import ContextKind, Message, Passage
from tasks.settings.training import ContextSettings
from tasks.training.rows import AnyRow

Row = TypeVar("Row", bound=AnyRow)
Shorten = Callable[[Sequence[Passage]], list[Passage]]


def draw_kind(row: str, known: bool, settings: ContextSettings, seed: int) -> ContextKind:
    """What the row of this id is to have in its prompt: it depends on the id and the seed alone.

    Args:
        known: whether a source of its question is known and in the index.
    """
    if _draw("closed_book", row, seed) < settings.closed_book_share:
        return "closed_book"
    if not known:
        return "unknown_sources"
    return "oracle" if _draw("oracle", row, seed) < settings.oracle_share else "distractors"


def choose_passages(
    kind: ContextKind,
    ranking: Sequence[Passage],
    oracle: Passage | None,
    sources: Collection[str],
    shorten: Shorten,
) -> list[Passage]:
    """The passages of a row of this kind, best first; without a ranking there are none, as in answering.

    An oracle row has the ranking as it is if a source is at its top already. If none is, the source's best passage
    takes the last place, and more than that where it would not fit otherwise.

    Args:
        ranking: all that retrieval finds for the row's question, best first.
        oracle: the best passage of a source.
        sources: the documents that hold the answer.
        shorten: leaves of a ranking what a prompt gets when answering.
    """
    if kind == "closed_book" or not ranking:
        return []
    if kind == "distractors":
        return shorten([passage for passage in ranking if passage.document_id not in sources])
    shown = shorten(ranking)
    if kind != "oracle" or oracle is None or any(passage.document_id in sources for passage in shown):
        return shown
    for before in range(len(shown) - 1, 0, -1):
        tried = shorten([*shown[:before], oracle])
        if len(tried) > before:
            return tried
    return shorten([oracle])


def numbers_of_sources(passages: Sequence[Passage], sources: Collection[str]) -> tuple[int, ...]:
    """The numbers, from 1, of the passages of a prompt that are of a source."""
    return tuple(number for number, passage in enumerate(passages, 1) if passage.document_id in sources)


def with_contexts(row: Row, texts: Sequence[str], cited: Sequence[int] | None) -> Row:
    """The row with passages in its prompt, as every arm has them; with `cited`, its completions end with citations.

    Both sides of a pair cite the same: they differ in what was judged, and in nothing else.

    Args:
        cited: numbers of passages; None: completions stay as they are. Citations that a completion has are of another
            prompt's passages, and go.
    """
    changed: dict[str, object] = {"prompt": _prompt_with(row.prompt, texts)}
    if cited is not None:
        for name in {"chosen", "rejected", "completion"} & type(row).model_fields.keys():
            changed[name] = add_citations(split_citations(getattr(row, name))[0], cited)
    return cast("Row", row.model_copy(update=changed))


def question_in(prompt: Sequence[Message]) -> str:
    """The question of a prompt without passages."""
    return prompt[-1].content


def _prompt_with(prompt: tuple[Message, ...], texts: Sequence[str]) -> tuple[Message, ...]:
    system_prompt = prompt[0].content if prompt[0].role == "system" else ""
    return build_messages(system_prompt, question_in(prompt), texts)


def _draw(purpose: str, row: str, seed: int) -> float:
    """A number in [0, 1), uniform over rows."""
    digest = hashlib.blake2b(f"{purpose} {seed} {row}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
