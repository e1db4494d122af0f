"""The passages of all rows that may be trained on: found for their questions, drawn for each row, and written down."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

from tasks.config import Config
from tasks.files import canonical_json, read_record, read_rows, write_atomically, write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.progress import say, track
from tasks.records import (
    BaseModelRef,
    ContextKind,
    ContextPlan,
    Domain,
    Passage,
    Question,
    RowContext,
    Snapshot,
    TrainedContexts,
)
from tasks.retrieval.context import best_at_the_edges, within_words
from tasks.retrieval.searching import Searcher, best_passages_of, known_sources, open_searcher, search_passages
from tasks.settings.retrieval import RetrievalSettings
from tasks.settings.training import ContextSettings
from tasks.training.contexts import Row, choose_passages, draw_kind, numbers_of_sources, question_in, with_contexts
from tasks.training.rows import AnyRow, count_tokens, read_training_rows

_QUESTIONS_AT_ONCE = 256


@dataclass(frozen=True)
class Given:
    """What each row has in its prompt, by the row's id; empty when no row has anything."""

    by_row: Mapping[str, RowContext]
    citations: bool

    def to(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with their passages, and with citations where they are wanted."""
        return [self._to_one(row) for row in rows]

    def _to_one(self, row: Row) -> Row:
        found = self.by_row.get(row.id)
        if found is None:
            return row
        texts = [passage.text for passage in found.passages]
        return with_contexts(row, texts, found.cited if self.citations else None)


def plan_contexts(
    config: Config,
    home: Home,
    domain: Domain,
    base: BaseModelRef,
    snapshot: Snapshot,
    hardware: Hardware,
    folder: Path,
) -> ContextPlan | None:
    """The passages of every row of the snapshot; None when `train.contexts` is null, or, which is said, there are no
    documents.

    Made once: a training that was killed goes on with the same passages.

    Args:
        folder: where the training works.

    Raises:
        ModelError: when the embedding model, the reranker or the base's tokenizer cannot be loaded.
        IntegrityError: when snapshot, questions, documents or index were altered.
        HomeError: when the disk is full or not writable.
    """
    settings = config.train.contexts
    if settings is None:
        return None
    if domain.documents.rows == 0:
        say("train: there are no documents, so that no row has passages, whatever train.contexts says")
        return None
    note = folder / "contexts.json"
    if (known := read_record(note, ContextPlan, "delete it, and the passages are found again")) is not None:
        return known
    rows = read_training_rows(config, home, snapshot).all()
    questions = read_rows(home.objects, domain.questions, Question)
    length = partial(count_tokens, load_tokenizer(base))
    with open_searcher(config, home, domain, hardware, "train") as searcher:
        asked = _asked_of(searcher, rows, questions)
        found = sorted((_row_context(config, settings, each, length) for each in asked), key=lambda given: given.row)
        index = searcher.index.ref
    plan = ContextPlan(index_sha256=index.sha256, rows=write_rows(home.objects, found))
    write_atomically(note, canonical_json(plan).encode())
    return plan


def read_given(config: Config, home: Home, plan: ContextPlan | None) -> Given:
    """What the plan gives the rows.

    Raises:
        IntegrityError: when the plan's rows were altered.
    """
    rows = read_rows(home.objects, plan.rows, RowContext) if plan else []
    settings = config.train.contexts
    return Given({row.row: row for row in rows}, settings is not None and settings.citations)


def count_contexts(
    plan: ContextPlan | None, given: Given, trained: Iterable[str], max_length: int
) -> TrainedContexts | None:
    """How many of the rows of these ids had what; None without a plan. Says so, and how many lost passages."""
    if plan is None:
        return None
    found = [given.by_row[row] for row in trained]
    kinds = Counter(context.kind for context in found)
    counts = {kind: kinds[kind] for kind in get_args(ContextKind)}
    cut = sum(context.cut > 0 for context in found)
    if cut:
        say(f"train: {cut} rows lost passages, the last ranked first, to fit train.max_length={max_length} tokens")
    counted = TrainedContexts.model_validate({**plan.model_dump(), **counts, "cut": cut})
    say(f"train: rows {counted.describe()}")
    return counted


@dataclass(frozen=True)
class _Asked:
    """A row with what retrieval finds for its question, best first, and the best passage of a source."""

    row: AnyRow
    ranking: list[Passage]
    sources: list[str]
    oracle: Passage | None


def _asked_of(searcher: Searcher, rows: Sequence[AnyRow], questions: Sequence[Question]) -> Iterator[_Asked]:
    """The rows, those of a question together."""
    index = searcher.index
    documents = set(index.names.values())
    sources = {question.id: known_sources(question, documents, index.duplicates) for question in questions}
    by_question: defaultdict[str, list[AnyRow]] = defaultdict(list)
    for row in rows:
        by_question[question_in(row.prompt)].append(row)
    whole = _whole_ranking(searcher.config.retrieval)
    texts = list(by_question)
    with track("train: retrieving", len(texts)) as advance:
        for start in range(0, len(texts), _QUESTIONS_AT_ONCE):
            some = texts[start : start + _QUESTIONS_AT_ONCE]
            rankings = dict(zip(some, search_passages(searcher, some, whole), strict=True))
            held = {text: sources.get(by_question[text][0].question_id, []) for text in some}
            oracles = _oracles(searcher, rankings, held)
            for text in some:
                for row in by_question[text]:
                    yield _Asked(row, rankings[text], held[text], oracles.get(text))
            advance(len(some))


def _whole_ranking(settings: RetrievalSettings) -> RetrievalSettings:
    return settings.model_copy(update={"passages": settings.candidates, "order": "relevance", "max_words": None})


def _oracles(
    searcher: Searcher, rankings: Mapping[str, Sequence[Passage]], sources: Mapping[str, Sequence[str]]
) -> dict[str, Passage]:
    """For each question whose sources are known the best ranked passage of one, or else the likest to the question."""
    found: dict[str, Passage] = {}
    unranked: dict[str, Sequence[str]] = {}
    for text, ranking in rankings.items():
        ranked = next((passage for passage in ranking if passage.document_id in sources[text]), None)
        if ranked is not None:
            found[text] = ranked
        elif sources[text]:
            unranked[text] = sources[text]
    return found | (best_passages_of(searcher.index, unranked) if unranked else {})


def _row_context(
    config: Config, settings: ContextSettings, asked: _Asked, length: Callable[[AnyRow], int]
) -> RowContext:
    retrieval, row, sources = config.retrieval, asked.row, asked.sources

    def shorten(passages: Sequence[Passage]) -> list[Passage]:
        return within_words(passages[: retrieval.passages], retrieval.max_words)

    drawn = draw_kind(row.id, bool(sources), settings, config.seed)
    chosen = choose_passages(drawn, asked.ranking, asked.oracle, sources, shorten)
    for count in range(len(chosen), -1, -1):
        kept = best_at_the_edges(chosen[:count]) if retrieval.order == "edges" else chosen[:count]
        cited = numbers_of_sources(kept, sources)
        given = with_contexts(row, [passage.text for passage in kept], cited if settings.citations else None)
        if count == 0 or length(given) <= config.train.max_length:
            break
    return RowContext(
        row=row.id,
        kind=_kind_of(drawn, chosen, kept, sources),
        passages=tuple(kept),
        cited=cited if settings.citations else (),
        cut=len(chosen) - len(kept),
    )


def _kind_of(
    drawn: ContextKind, chosen: Sequence[Passage], kept: Sequence[Passage], sources: Sequence[str]
) -> ContextKind:
    """What the row has in the end: its oracle may have had no room."""
    if drawn == "closed_book" or not chosen:
        return drawn if drawn == "closed_book" else "nothing_found"
    if not kept:
        return "closed_book"
    if drawn == "unknown_sources":
        return drawn
    return "oracle" if numbers_of_sources(kept, sources) else "distractors"
