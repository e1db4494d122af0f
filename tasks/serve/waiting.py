"""A handler's side of a job: it waits for the answer, and for its pieces, without keeping the event loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tasks.serve.engine import Engine
from tasks.serve.errors import RequestError, shutting_down
from tasks.serve.jobs import Job, Reply

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Waiting:
    """A job that was submitted, seen from the event loop."""

    def __init__(self, engine: Engine, job: Job, timeout_s: float) -> None:
        """Submits the job; one that wants a stream is shown its pieces.

        Raises:
            RequestError: 503 when the queue is full.
        """
        loop = asyncio.get_running_loop()
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s

        def hand_over(text: str | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: the server has ended
                loop.call_soon_threadsafe(self._texts.put_nowait, text)

        self._job = replace(job, show=hand_over) if job.request.stream else job
        self._job.outcome.add_done_callback(lambda outcome: hand_over(None))
        engine.submit(self._job)

    async def next_text(self, gone: Receive | None = None) -> str | None:
        """The next piece of the answer; None when it is complete, or none was asked for.

        Args:
            gone: returns when the client has gone away, for which nobody else looks.

        Raises:
            RequestError: why there is no answer; 504 when it took too long.
        """
        next_text = asyncio.ensure_future(self._texts.get())
        left = [] if gone is None else [asyncio.ensure_future(gone())]
        try:
            timeout_s = max(0.0, self._deadline - time.monotonic())
            done, _ = await asyncio.wait([next_text, *left], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError as error:
            self.give_up()
            if gone is None:
                raise
            # The server's time to drain is up, and there still is a status to say so with.
            raise shutting_down() from error
        finally:
            for task in left:
                task.cancel()
            if not next_text.done():
                next_text.cancel()
        if next_text in done:
            text = next_text.result()
            if text is None:
                self.reply()
            return text
        self.give_up()
        if done:
            raise RequestError(499, "The client went away.")
        raise RequestError(
            504, f"There was no answer within {self._timeout_s:g} s: ask for fewer tokens, or try again later."
        )

    def reply(self) -> Reply:
        """The answer, once `next_text` has returned None.

        Raises:
            RequestError: why there is none.
        """
        return self._job.outcome.result(timeout=0)

    def give_up(self) -> None:
        """Tells the engine that nobody waits any more."""
        self._job.outcome.cancel()
