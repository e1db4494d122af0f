"""Trying again: an endpoint that is busy, broken or silent for a moment is asked once more, after a growing wait."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.llm.calling import Answer, ChatRequest, ask_once
from tasks.llm.endpoint import Endpoint, UnansweredError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FIRST_WAIT_S = 0.5
GREATEST_WAIT_S = 60.0

# Calls in a row that failed with all their tries, after which the endpoint counts as broken, not the calls: of one
# that never gave an answer, and of one that did.
FAILURES_TO_STOP = 3
FAILURES_TO_STOP_PROVEN = 10


@dataclass
class Patience:
    """How long the calls of one run go on trying.

    Attributes:
        retries: tries after the first.
        first_wait_s: the wait after a first failure; it doubles with each further one.
        stopping: set when nothing further is to be tried.
    """

    retries: int
    first_wait_s: float = FIRST_WAIT_S
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # Its own: nothing that is drawn here may move what a seed decides.
    _random: random.Random = field(default_factory=random.Random)

    async def wait(self, tried: int, asked_for_s: float | None) -> None:
        """Returns when the next try is due, or at once when all is stopping."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), self._wait_s(tried, asked_for_s))

    def _wait_s(self, tried: int, asked_for_s: float | None) -> float:
        """Seconds until the next try: doubling, or as long as the endpoint asks for, up to a minute.

        A random part keeps calls that failed together from coming back together.
        """
        wait_s = self.first_wait_s * 2.0**tried
        if asked_for_s is not None:
            return min(asked_for_s, GREATEST_WAIT_S) + self._random.uniform(0.0, min(wait_s, GREATEST_WAIT_S) / 2)
        return min(wait_s, GREATEST_WAIT_S) * self._random.uniform(0.5, 1.0)


async def ask_patiently(
    client: "AsyncOpenAI",
    endpoint: Endpoint,
    request: ChatRequest,
    temperature: float,
    patience: Patience,
    on_lost: Callable[[], None] = lambda: None,
) -> Answer | None:
    """What the model says, tried until it says something or there is no try left; None when all is stopping.

    Args:
        on_lost: called after each try that brought nothing and may have cost something.

    Raises:
        UnansweredError: of the last try.
        DeclinedError: when the endpoint refuses this call.
        EndpointError: when it will refuse all calls alike.
    """
    failure: UnansweredError | None = None
    for tried in range(patience.retries + 1):
        if patience.stopping.is_set():
            return None
        try:
            return await ask_once(client, endpoint, request, temperature)
        except UnansweredError as error:
            failure = error
        if failure.may_have_cost:
            on_lost()
        if tried < patience.retries:
            await patience.wait(tried, failure.retry_after_s)
    assert failure is not None
    raise failure
