"""An index that is open with the models that search it, and which of the passages found a prompt has room for."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.files import read_rows
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.models.generation import encode_prompts
from tasks.models.hardware import Hardware
from tasks.models.prompting import contexts_that_fit
from tasks.progress import say
from tasks.records import Document, Domain, Message, Passage, Question
from tasks.retrieval.context import best_at_the_edges
from tasks.retrieval.fusion import Hit
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.opened import Index
from tasks.retrieval.reranking import load_reranker
from tasks.retrieval.retrieve import retrieve
from tasks.settings.retrieval import RetrievalSettings
from tasks.words import split_words
from tasks.writing.writer import load_writer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from tasks.retrieval.reranking import Rerank
    from tasks.retrieval.vectors import Embed
    from tasks.writing.writer import Write


@dataclass(frozen=True)
class Searcher:
    """An open index with the models that search it."""

    config: Config
    index: Index
    embed: "Embed | None"
    rerank: "Rerank | None"
    write: "Write | None" = None


@contextmanager
def open_searcher(config: Config, home: Home, domain: Domain, hardware: Hardware, stage: str) -> Iterator[Searcher]:
    """A searcher of the domain's documents, open while the block runs; only what changed since the last time is cut and
    embedded.

    Args:
        stage: who searches, as its lines of progress begin.

    Raises:
        ModelError: when the embedding model, the reranker or the writer cannot be loaded.
        IntegrityError: when the documents are missing or altered.
    """
    documents = read_rows(home.objects, domain.documents, Document)
    embed = load_embedder(config.model.embeddings, home, hardware.device) if config.retrieval.dense else None
    with load_writer(config, home, hardware) as write:
        ref = build_index(config, home, documents, embed, write)
        say(f"{stage}: {ref.chunks} chunks of {ref.documents} documents indexed")
        rerank = load_reranker(config, home, hardware.device)
        yield Searcher(config, open_index(config, home, ref, embed), embed, rerank, write)


def search_passages(
    searcher: Searcher, questions: Sequence[str], settings: RetrievalSettings | None = None
) -> list[list[Passage]]:
    """For each question what `retrieve` returns; the questions are embedded together.

    Args:
        settings: in place of the config's own; they must be of the same chunks and embeddings.
    """
    wanted = settings or searcher.config.retrieval
    config = searcher.config.model_copy(update={"retrieval": wanted})
    embed = searcher.embed if wanted.dense else None
    rerank = searcher.rerank if wanted.reranker else None
    return retrieve(config, searcher.index, questions, embed, rerank, searcher.write)


def known_sources(question: Question, documents: Collection[str], duplicates: Mapping[str, str]) -> list[str]:
    """The question's sources that the index holds, each once; of documents with the same text, the one it holds."""
    indexed = (duplicates.get(source, source) for source in question.sources)
    return [source for source in dict.fromkeys(indexed) if source in documents]


def best_passages_of(index: Index, wanted: Mapping[str, Collection[str]]) -> dict[str, Passage]:
    """For each text, such as a question, the passage that has most of its words, of those of its documents; of equals
    the first. Looks at all chunks once.

    Args:
        wanted: by text the documents.
    """
    words = {text: set(split_words(text)) for text in wanted}
    texts_of: defaultdict[str, list[str]] = defaultdict(list)
    for text, documents in wanted.items():
        for document in documents:
            texts_of[document].append(text)
    best: dict[str, Hit] = {}
    for first, live in zip(index.firsts, index.live, strict=True):
        for row in live.nonzero()[0]:
            chunk = index.chunk(int(first + row))
            for text in texts_of.get(chunk.document_id, ()):
                share = len(words[text] & set(split_words(chunk.text))) / max(1, len(words[text]))
                if text not in best or share > best[text].score:
                    best[text] = Hit(int(first + row), share)
    return {text: index.passage(hit) for text, hit in best.items()}


def fit_prompts(
    config: Config,
    tokenizer: "PreTrainedTokenizerBase",
    questions: Sequence[Question],
    found: Sequence[Sequence[Passage]],
    stage: str,
) -> list[list[Passage]]:
    """For each question the passages that its prompt has room for within `generation.max_prompt_tokens`, in the order
    of the prompt: whole ones are left out, the last ranked first. How many prompts lost some is said.

    Args:
        found: what was retrieved for each question, best first.
        stage: who asks, as its lines of progress begin.
    """
    limit = config.generation.max_prompt_tokens

    def count_tokens(prompt: tuple[Message, ...]) -> int:
        return len(encode_prompts(tokenizer, [prompt])[0])

    fitting: list[list[Passage]] = []
    for question, passages in zip(questions, found, strict=True):
        texts = [passage.text for passage in passages]
        room = contexts_that_fit(config.system_prompt, question.question, texts, count_tokens, limit)
        kept = list(passages[:room])
        fitting.append(best_at_the_edges(kept) if config.retrieval.order == "edges" else kept)
    cut = sum(len(kept) < len(passages) for kept, passages in zip(fitting, found, strict=True))
    if cut:
        say(
            f"{stage}: {cut} of {len(questions)} prompts had no room for all their passages within "
            f"generation.max_prompt_tokens={limit}; the last ranked were left out"
        )
    return fitting
