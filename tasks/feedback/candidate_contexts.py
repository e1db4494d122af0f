"""The passages that candidates are sampled with, so that people compare answers from documents and from memory."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.home import Home
from tasks.models.generation import encode_prompts
from tasks.models.hardware import Hardware
from tasks.progress import say
from tasks.records import Domain, Message, Question
from tasks.retrieval.searching import open_searcher, passages_that_fit, search_passages

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
    limit = config.generation.max_prompt_tokens

    def count_tokens(prompt: tuple[Message, ...]) -> int:
        return len(encode_prompts(tokenizer, [prompt], max_tokens=10**9)[0])

    contexts: dict[str, tuple[str, ...]] = {}
    cut = 0
    for question, passages in zip(questions, found, strict=True):
        asked = question.question
        kept = passages_that_fit(config.system_prompt, asked, passages, count_tokens, limit, config.retrieval)
        cut += len(kept) < len(passages)
        contexts[question.id] = tuple(passage.text for passage in kept)
    if cut:
        say(
            f"collect: {cut} of {len(questions)} prompts had no room for all their passages within "
            f"generation.max_prompt_tokens={limit}; the last ranked were left out"
        )
    return contexts
