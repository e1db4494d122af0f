"""The passages that candidates are sampled with, so that people compare answers from documents and from memory."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.progress import say
from tasks.records import Domain, Question
from tasks.retrieval.searching import fit_prompts, open_searcher, search_passages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Contexts = Mapping[str, tuple[str, ...]]


def contexts_of_arms(
    config: Config,
    home: Home,
    domain: Domain,
    questions: Sequence[Question],
    tokenizer: "PreTrainedTokenizerBase",
    hardware: Hardware,
) -> list[Contexts]:
    """For each of `collect.arms` the passages in the prompt of each question, by the question's id.

    Raises:
        ModelError: when the embedding model or the reranker cannot be loaded.
        IntegrityError: when the documents or their index were altered.
    """
    found: Contexts = {}
    if "rag" in config.collect.arms and domain.documents.rows == 0:
        say("collect: there are no documents, so that all candidates are closed-book, whatever collect.arms says")
    elif "rag" in config.collect.arms:
        found = _retrieve(config, home, domain, questions, tokenizer, hardware)
    return [found if arm == "rag" else {} for arm in config.collect.arms]


def _retrieve(
    config: Config,
    home: Home,
    domain: Domain,
    questions: Sequence[Question],
    tokenizer: "PreTrainedTokenizerBase",
    hardware: Hardware,
) -> Contexts:
    by_relevance = config.retrieval.model_copy(update={"order": "relevance"})
    with open_searcher(config, home, domain, hardware, "collect") as searcher:
        found = search_passages(searcher, [question.question for question in questions], by_relevance)
    fitting = fit_prompts(config, tokenizer, questions, found, "collect")
    return {
        question.id: tuple(passage.text for passage in passages)
        for question, passages in zip(questions, fitting, strict=True)
    }
