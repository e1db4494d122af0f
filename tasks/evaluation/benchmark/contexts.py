"""What the index gives each test question: the passages that stand in its prompt."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.evaluation.benchmark.retrieval_stages import report_retrieval, stage_settings
from tasks.evaluation.benchmark.retrieved import QuestionContext, Retrieved, Timed
from tasks.files import bytes_on_disk, read_rows
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.models.generation import encode_prompts
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.models.prompting import contexts_that_fit
from tasks.progress import say, track
from tasks.records import BaseModelRef, Document, Domain, IndexRef, Message, Question
from tasks.retrieval.context import best_at_the_edges
from tasks.retrieval.index import build_index, indexes_folder, layers_folder, open_index
from tasks.retrieval.opened import Index
from tasks.retrieval.reranking import load_reranker
from tasks.retrieval.retrieve import retrieve
from tasks.settings.retrieval import RetrievalSettings

if TYPE_CHECKING:
    from tasks.evaluation.metrics import Embed
    from tasks.retrieval.reranking import Rerank


@dataclass(frozen=True)
class Searcher:
    """An open index with the models that search it."""

    config: Config
    index: Index
    embed: "Embed | None"
    rerank: "Rerank | None"


def index_documents(config: Config, home: Home, domain: Domain, hardware: Hardware) -> IndexRef:
    """The index of the domain's documents; only what changed since the last time is cut and embedded.

    Raises:
        ModelError: when the embedding model cannot be loaded.
    """
    documents = read_rows(home.objects, domain.documents, Document)
    embed = _embedder(config, home, hardware)
    index = build_index(config, home, documents, embed)
    say(f"benchmark: {index.chunks} chunks of {index.documents} documents indexed")
    return index


def retrieve_contexts(
    config: Config, home: Home, base: BaseModelRef, index: IndexRef, questions: Sequence[Question], hardware: Hardware
) -> Retrieved:
    """The passages for every question's prompt, and what each stage of retrieval finds of the sources.

    A prompt longer than `generation.max_prompt_tokens` loses whole passages, the last ranked first; how many is
    counted and said.

    Raises:
        IntegrityError: when the index is damaged.
        ModelError: when the embedding model or the reranker cannot be loaded.
    """
    searcher = _open(config, home, index, hardware)
    stages = stage_settings(config.retrieval)
    by_relevance = config.retrieval.model_copy(update={"order": "relevance"})
    with track("benchmark: retrieving", len(questions) * (len(stages) + 1)) as advance:
        retrieved = [_ask(searcher, by_relevance, question.question) for question in questions]
        advance(len(questions))
        rankings: dict[str, list[Timed]] = {}
        for name, settings in stages.items():
            rankings[name] = [_ask(searcher, settings, question.question) for question in questions]
            advance(len(questions))
    contexts = _fit(config, base, searcher.index, questions, retrieved)
    report = report_retrieval(config, index, contexts, rankings)
    size = size_on_disk(config, home, searcher.index)
    return Retrieved(index=index, index_bytes=size, contexts=tuple(contexts), report=report)


def size_on_disk(config: Config, home: Home, index: Index) -> int:
    """The bytes of the index, with those of the layers that it may share with others."""
    layers = layers_folder(home, config.retrieval.chunks, index.ref.embedding_model)
    folders = [indexes_folder(home) / index.ref.sha256, *(layers / layer.name for layer in index.layers)]
    return sum(map(bytes_on_disk, folders))


def known_sources(question: Question, documents: Collection[str], duplicates: Mapping[str, str]) -> list[str]:
    """The question's sources that the index holds, each once; of documents with the same text, the one it holds."""
    indexed = (duplicates.get(source, source) for source in question.sources)
    return [source for source in dict.fromkeys(indexed) if source in documents]


def _embedder(config: Config, home: Home, hardware: Hardware) -> "Embed | None":
    return load_embedder(config.model.embeddings, home, hardware.device) if config.retrieval.dense else None


def _open(config: Config, home: Home, index: IndexRef, hardware: Hardware) -> Searcher:
    embed = _embedder(config, home, hardware)
    searcher = Searcher(
        config, open_index(config, home, index, embed), embed, load_reranker(config, home, hardware.device)
    )
    # What is done for the first question only, such as reading the vectors from disk, is no question's latency.
    _ask(searcher, config.retrieval, "?")
    return searcher


def _ask(searcher: Searcher, settings: RetrievalSettings, question: str) -> Timed:
    started = time.perf_counter()
    config = searcher.config.model_copy(update={"retrieval": settings})
    embed = searcher.embed if settings.dense else None
    rerank = searcher.rerank if settings.reranker else None
    (passages,) = retrieve(config, searcher.index, [question], embed, rerank)
    return Timed(passages, time.perf_counter() - started)


def _fit(
    config: Config, base: BaseModelRef, index: Index, questions: Sequence[Question], retrieved: Sequence[Timed]
) -> list[QuestionContext]:
    tokenizer = load_tokenizer(base)
    limit = config.generation.max_prompt_tokens

    def count_tokens(prompt: tuple[Message, ...]) -> int:
        return len(encode_prompts(tokenizer, [prompt], max_tokens=10**9)[0])

    documents, contexts = set(index.names.values()), []
    for question, found in zip(questions, retrieved, strict=True):
        texts = [passage.text for passage in found.passages]
        used = contexts_that_fit(config.system_prompt, question.question, texts, count_tokens, limit)
        kept = found.passages[:used]
        contexts.append(
            QuestionContext(
                passages=tuple(best_at_the_edges(kept) if config.retrieval.order == "edges" else kept),
                found=len(texts),
                sources=tuple(known_sources(question, documents, index.duplicates)),
                latency_s=found.latency_s,
            )
        )
    cut = sum(context.found > len(context.passages) for context in contexts)
    if cut:
        say(
            f"benchmark: {cut} of {len(questions)} prompts had no room for all their passages within "
            f"generation.max_prompt_tokens={limit}; the last ranked were left out"
        )
    return contexts
