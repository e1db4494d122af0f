"""A batch of requests answered by one version: passages, prompts and decoding as they were evaluated."""

import time
from collections.abc import Sequence
from functools import partial

from tasks.config import Config
from tasks.errors import ModelError
from tasks.models.generation import Decoding, encode_prompts
from tasks.records import Message, Passage
from tasks.retrieval.context import best_at_the_edges
from tasks.retrieval.searching import Searcher, search_passages
from tasks.serve.decoding import Row, decode_rows
from tasks.serve.errors import RequestError
from tasks.serve.jobs import AnsweredBy, Job, Reply, Source, answered_by
from tasks.serve.prompts import chat_prompt, passages_that_fit, question_of
from tasks.serve.texts import AnswerText
from tasks.serve.versions import Loaded


def answer_jobs(config: Config, loaded: Loaded, searcher: Searcher | None, jobs: Sequence[Job]) -> None:
    """Finishes every job; one whose messages are too long for the model fails alone.

    Args:
        searcher: of the domain's documents; it must be there when the version retrieves.
    """
    began = time.monotonic()
    found = _retrieve(config, loaded, searcher, jobs)
    rows = []
    for job, passages in zip(jobs, found, strict=True):
        by = answered_by(loaded, job.role)
        if not passages and loaded.retrieves and config.retrieval.abstain is not None:
            _abstain(job, config.retrieval.abstain, by)
            continue
        try:
            ids, kept = _encode(config, loaded, job.conversation, passages)
        except (ModelError, RequestError) as error:
            job.fail(error if isinstance(error, RequestError) else RequestError(400, error.problems[0]))
            continue
        waiting = _Answer(job, by, kept, len(ids), began - job.came_at, len(jobs))
        rows.append(_row(config, loaded, ids, waiting))
    if rows:
        decode_rows(loaded.model, loaded.tokenizer, rows)


class _Answer:
    """The answer to a job while it is decoded."""

    def __init__(
        self, job: Job, by: AnsweredBy, passages: Sequence[Passage], prompt_tokens: int, waited_s: float, batch: int
    ) -> None:
        self.job = job
        self.by = by
        self.passages = passages
        self.prompt_tokens = prompt_tokens
        self.waited_s = waited_s
        self.batch = batch

    def finish(self, text: AnswerText) -> None:
        told, cited = text.finished()
        self.job.tell(text.rest)
        reply = Reply(
            text=told,
            finish_reason="stop" if text.ended else "length",
            prompt_tokens=self.prompt_tokens,
            completion_tokens=len(text.ids),
            answered_by=self.by,
            sources=_sources(self.passages, cited),
            waited_s=self.waited_s,
            batch=self.batch,
        )
        self.job.finish(reply)


def _row(config: Config, loaded: Loaded, ids: Sequence[int], answer: _Answer) -> Row:
    job, request = answer.job, answer.job.request
    max_tokens = request.wanted_tokens or config.generation.max_new_tokens
    decode = partial(loaded.tokenizer.decode, skip_special_tokens=True)
    text = AnswerText(decode, request.stops, cites=loaded.retrieves)

    def take(token: int, is_end: bool) -> bool:
        if not job.is_open:
            return False
        text.add(token, is_end=is_end)
        if text.ended or len(text.ids) >= max_tokens:
            answer.finish(text)
            return False
        job.tell(text.news)
        return True

    # Without a seed of its own, a drawn answer can still be drawn again by who knows its id.
    seed = int(job.id[:8], 16) if request.seed is None else request.seed
    decoding = Decoding(temperature=request.temperature or 0.0, seed=seed)
    return Row(ids, max_tokens, decoding, 1.0 if request.top_p is None else request.top_p, take)


def _retrieve(
    config: Config, loaded: Loaded, searcher: Searcher | None, jobs: Sequence[Job]
) -> Sequence[Sequence[Passage]]:
    """For each job the passages for its question, best first."""
    if not loaded.retrieves:
        return [[]] * len(jobs)
    if searcher is None:
        raise ModelError(f"Version {loaded.version.version} retrieves, and no index is open: start the server anew.")
    by_relevance = config.retrieval.model_copy(update={"order": "relevance"})
    return search_passages(searcher, [question_of(job.conversation) for job in jobs], by_relevance)


def _encode(
    config: Config, loaded: Loaded, conversation: Sequence[Message], passages: Sequence[Passage]
) -> tuple[list[int], Sequence[Passage]]:
    """The prompt's token ids, and the passages in it: whole ones are left out when there is no room, the last ranked
    first."""

    def encode(prompt: tuple[Message, ...]) -> list[int]:
        return encode_prompts(loaded.tokenizer, [prompt])[0]

    limit = config.generation.max_prompt_tokens
    texts = [passage.text for passage in passages]
    room = passages_that_fit(config.system_prompt, conversation, texts, lambda prompt: len(encode(prompt)), limit)
    kept = list(passages[:room])
    if config.retrieval.order == "edges":
        kept = best_at_the_edges(kept)
    ids = encode(chat_prompt(config.system_prompt, conversation, [passage.text for passage in kept]))
    if len(ids) > limit:
        raise RequestError(
            400,
            f"messages: they take {len(ids)} tokens, and at most {limit} fit: shorten them.",
            code="context_length_exceeded",
            param="messages",
        )
    return ids, kept


def _abstain(job: Job, said: str, by: AnsweredBy) -> None:
    job.tell(lambda: said)
    job.finish(Reply(said, "stop", 0, 0, by, abstained=True))


def _sources(passages: Sequence[Passage], cited: Sequence[int]) -> tuple[Source, ...]:
    return tuple(
        Source(each.document_id, each.start, each.end, each.text, each.score, number in cited)
        for number, each in enumerate(passages, 1)
    )
