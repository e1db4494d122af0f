"""What the index gives each test question: the passages that stand in its prompt, and how well each stage finds them.

The full pipeline is asked one question at a time, as a caller would, and its latency is that of every question. All
else is asked for all questions at once, which is embedded once and reranked once; single methods are timed on a few.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.evaluation.benchmark.ablations import FULL, STAGES_OFF, ablated, other_chunks
from tasks.evaluation.benchmark.asked import Asked
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.retrieval_stages import report_retrieval, stage_settings
from tasks.evaluation.benchmark.retrieved import QuestionContext, Retrieved, Timed
from tasks.files import bytes_on_disk
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.progress import track
from tasks.records import BaseModelRef, Passage, Question
from tasks.retrieval.index import indexes_folder, layers_folder
from tasks.retrieval.opened import Index
from tasks.retrieval.searching import Searcher, fit_prompts, known_sources, open_searcher, search_passages
from tasks.roi.energy import measure_energy
from tasks.settings.retrieval import RetrievalSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.retrieval.reranking import Rerank
    from tasks.retrieval.vectors import Embed

TIMED_QUESTIONS = 20  # by which single methods are timed


def retrieve_contexts(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    asked: Asked,
    hardware: Hardware,
) -> Retrieved:
    """The passages for every question's prompt, and what each stage of retrieval finds of the sources.

    A prompt longer than `generation.max_prompt_tokens` loses whole passages, the last ranked first; how many is
    counted and said.

    Raises:
        IntegrityError: when the index is damaged.
        ModelError: when the embedding model or the reranker cannot be loaded.
    """
    texts = [question.question for question in asked.questions]
    with open_searcher(config, home, benchmark.domain, hardware, "benchmark") as searcher:
        found, energy_j_per_query = _ask_each(searcher, [*asked.questions, *asked.unanswerable])
        contexts = _fit(config, benchmark.base, searcher.index, [*asked.questions, *asked.unanswerable], found)
        of_questions = contexts[: len(texts)]
        stages, changes = stage_settings(config.retrieval), ablated(config.retrieval)
        latencies_s = {name: _time(searcher, each, texts) for name, each in stages.items() if name != FULL}
        latencies_s[FULL] = [context.latency_s for context in of_questions]
        rankings = _rank(searcher, {**stages, **changes}, texts)
        index, index_bytes = searcher.index.ref, size_on_disk(config, home, searcher.index)
    switched = {name: rankings[name] for name in changes}
    switched |= _rank_other_chunks(config, home, benchmark, hardware, texts)
    by_stage = {name: rankings[name] for name in stages}
    return Retrieved(
        index=index,
        index_bytes=index_bytes,
        contexts=tuple(of_questions),
        unanswerable=tuple(contexts[len(texts) :]),
        energy_j_per_query=energy_j_per_query,
        report=report_retrieval(config, index, of_questions, by_stage, latencies_s, switched),
    )


def size_on_disk(config: Config, home: Home, index: Index) -> int:
    """The bytes of the index, with those of the layers that it may share with others."""
    layers = layers_folder(home, config.retrieval.chunks, index.ref.embedding_model, index.ref.questions_by)
    folders = [indexes_folder(home) / index.ref.sha256, *(layers / layer.name for layer in index.layers)]
    return sum(map(bytes_on_disk, folders))


def _ask_each(searcher: Searcher, questions: Sequence[Question]) -> tuple[list[Timed], float | None]:
    """What the config's pipeline gives each question, best first, and the joules of a search."""
    by_relevance = searcher.config.retrieval.model_copy(update={"order": "relevance"})
    # What is done for the first question only, such as reading the vectors from disk, is no question's latency.
    _ask(searcher, by_relevance.model_copy(update=dict(STAGES_OFF)), "?")
    found = []
    with track("benchmark: retrieving", len(questions)) as advance, measure_energy() as joules_so_far:
        for question in questions:
            found.append(_ask(searcher, by_relevance, question.question))
            advance(1)
        energy_j = joules_so_far()
    return found, energy_j / len(questions) if energy_j is not None and questions else None


def _ask(searcher: Searcher, settings: RetrievalSettings, question: str) -> Timed:
    started = time.perf_counter()
    (passages,) = search_passages(searcher, [question], settings)
    return Timed(passages, time.perf_counter() - started)


def _time(searcher: Searcher, settings: RetrievalSettings, questions: Sequence[str]) -> list[float]:
    return [_ask(searcher, settings, question).latency_s for question in questions[:TIMED_QUESTIONS]]


def _rank(
    searcher: Searcher, ways: Mapping[str, RetrievalSettings], questions: Sequence[str]
) -> dict[str, list[list[Passage]]]:
    """By way of retrieving, what each question is given; what is embedded or reranked for one way serves all."""
    remembering = replace(
        searcher,
        embed=_embed_once(searcher.embed) if searcher.embed is not None else None,
        rerank=_rerank_once(searcher.rerank) if searcher.rerank is not None else None,
    )
    with track("benchmark: comparing stages of retrieval", len(ways)) as advance:
        rankings = {}
        for name, settings in ways.items():
            rankings[name] = search_passages(remembering, questions, settings)
            advance(1)
    return rankings


def _rank_other_chunks(
    config: Config, home: Home, benchmark: Benchmark, hardware: Hardware, questions: Sequence[str]
) -> dict[str, list[list[Passage]]]:
    """By change, what each question is given by the same pipeline over an index of other chunks."""
    rankings = {}
    for change, chunks in other_chunks(config).items():
        other = config.model_copy(update={"retrieval": config.retrieval.model_copy(update={"chunks": chunks})})
        with open_searcher(other, home, benchmark.domain, hardware, f"benchmark, {change}") as searcher:
            rankings[change] = search_passages(searcher, questions, ablated(other.retrieval)[FULL])
    return rankings


def _embed_once(embed: "Embed") -> "Embed":
    """The same embeddings, each text's computed once."""
    import numpy as np

    known: dict[str, NDArray[np.float32]] = {}

    def remembered(texts: Sequence[str]) -> "NDArray[np.float32]":
        if missing := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(missing, embed(missing), strict=True))
        return np.stack([known[text] for text in texts]) if texts else embed(texts)

    return remembered


def _rerank_once(rerank: "Rerank") -> "Rerank":
    """The same scores, each computed once for a question and a passage."""
    known: dict[tuple[str, str], float] = {}

    def remembered(question: str, passages: Sequence[str]) -> list[float]:
        if missing := [text for text in dict.fromkeys(passages) if (question, text) not in known]:
            scores = rerank(question, missing)
            known.update({(question, text): score for text, score in zip(missing, scores, strict=True)})
        return [known[question, text] for text in passages]

    return remembered


def _fit(
    config: Config, base: BaseModelRef, index: Index, questions: Sequence[Question], retrieved: Sequence[Timed]
) -> list[QuestionContext]:
    fitting = fit_prompts(config, load_tokenizer(base), questions, [found.passages for found in retrieved], "benchmark")
    documents = set(index.names.values())
    return [
        QuestionContext(
            passages=tuple(passages),
            found=len(found.passages),
            sources=tuple(known_sources(question, documents, index.duplicates)),
            latency_s=found.latency_s,
        )
        for question, found, passages in zip(questions, retrieved, fitting, strict=True)
    ]
