"""Texts from an OpenAI-compatible endpoint: several calls at once, each tried patiently, none for ever.

A call that fails leaves its text unwritten, and the others go on. An endpoint that fails one call after the other is
asked no more: nobody waits for a thousand timeouts.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.llm.calling import ChatRequest, connect
from tasks.llm.endpoint import DeclinedError, Endpoint, UnansweredError, unreachable_error
from tasks.llm.trying import FAILURES_TO_STOP, FAILURES_TO_STOP_PROVEN, Patience, ask_patiently
from tasks.progress import say
from tasks.settings.writing import WriterSettings
from tasks.writing.prompts import Prompt, Unwritten

if TYPE_CHECKING:
    from openai import AsyncOpenAI

GREEDY = 0.0


@dataclass
class Standing:
    """What an endpoint has shown of itself, for as long as it is asked.

    Attributes:
        answered: whether it ever answered.
        failures: calls in a row that it did not answer.
        broken: it is asked no more.
    """

    answered: bool = False
    failures: int = 0
    broken: bool = False


def ask_all(
    endpoint: Endpoint,
    settings: WriterSettings,
    prompts: Sequence[Prompt],
    keep: Callable[[Prompt, str], None],
    standing: Standing,
    first_wait_s: float,
) -> Counter[Unwritten]:
    """Gives each text to `keep` as soon as it is there; returns how many are not, by reason.

    Raises:
        EndpointError: when the endpoint refuses all calls alike.
    """
    if standing.broken:
        return Counter({"no_answer": len(prompts)})
    unwritten: Counter[Unwritten] = Counter()

    async def ask_them() -> None:
        async with connect(endpoint) as client:
            run = _Run(client, endpoint, Patience(settings.retries, first_wait_s), keep, standing, unwritten)
            waiting = iter(prompts)
            workers = [asyncio.create_task(run.work(waiting)) for _ in range(settings.concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    asyncio.run(ask_them())
    return unwritten


@dataclass
class _Run:
    """The calls of one go."""

    client: "AsyncOpenAI"
    endpoint: Endpoint
    patience: Patience
    keep: Callable[[Prompt, str], None]
    standing: Standing
    unwritten: Counter[Unwritten]

    async def work(self, waiting: Iterator[Prompt]) -> None:
        """Asks one prompt after the other, as long as there are any that nobody else has taken."""
        for prompt in waiting:
            reason = await self._ask(prompt)
            if reason is not None:
                self.unwritten[reason] += 1

    async def _ask(self, prompt: Prompt) -> Unwritten | None:
        """Why there is no text; None when there is one."""
        request = ChatRequest(tuple(message.model_dump() for message in prompt.messages))
        try:
            answer = await ask_patiently(self.client, self.endpoint, request, GREEDY, self.patience)
        except DeclinedError as declined:
            return declined.reason
        except UnansweredError as error:
            self._failed(error)
            return "no_answer"
        if answer is None:
            return "no_answer"
        self.standing.answered, self.standing.failures = True, 0
        if answer.refused:
            return "refusal"
        text = answer.content.strip()
        if not text:
            return "empty_reply"
        self.keep(prompt, text)
        return None

    def _failed(self, error: UnansweredError) -> None:
        standing = self.standing
        standing.failures += 1
        most = FAILURES_TO_STOP_PROVEN if standing.answered else FAILURES_TO_STOP
        if standing.broken or standing.failures < (1 if error.unreachable else most):
            return
        standing.broken = True
        self.patience.stopping.set()
        (sentence,) = unreachable_error(self.endpoint, str(error)).problems
        say(f"warning: {sentence} Until then, what it has not written is missing.")
