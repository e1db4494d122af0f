"""Messages to people through Prefect's notification blocks: Slack, mail, any webhook.

A block is named by its slug, such as `slack-webhook/on-call`, and loaded when it is needed. Each has a thread of its
own and a time limit: one that is missing, refuses or hangs keeps no other from its message, and stops nobody. What they
say of a failure is not repeated, for it may hold the webhook's address, which is a secret.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, cast

from pydantic import Field

from tasks.config import Config
from tasks.gate.outcome import describe_outcome, list_checks, title_outcome
from tasks.progress import say
from tasks.records import PromotionDecision, Record

# They write the addresses that they call into their logs.
_CHATTY = ("httpx", "httpcore", "apprise", "urllib3", "requests")


class Notified(Record):
    """Who was told.

    Attributes:
        sent: blocks that took the message.
        failed: why others did not, by block.
    """

    sent: tuple[str, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict)


def notify(blocks: Sequence[str], subject: str, body: str, timeout_s: float) -> Notified:
    """Sends the message through each of the blocks, all at once, and says which did not take it.

    Args:
        timeout_s: seconds that they have; a block that takes longer is left behind, and counts as failed.
    """
    outcomes: dict[str, str | None] = {}
    threads = {}
    with _quiet():
        for name in blocks:
            # A new thread would not know which Prefect server its caller asks.
            arguments = (_send, name, subject, body, outcomes)
            threads[name] = threading.Thread(target=copy_context().run, args=arguments, daemon=True)
            threads[name].start()
        deadline = time.monotonic() + timeout_s
        for thread in threads.values():
            thread.join(max(deadline - time.monotonic(), 0.0))
        done = dict(outcomes)
    late = f"it did not answer within {timeout_s:g} s"
    failed = {name: why for name in threads if (why := done.get(name, late)) is not None}
    for name, why in failed.items():
        say(f"notify: {name} was not told: {why}")
    return Notified(sent=tuple(name for name in threads if name not in failed), failed=failed)


def notify_decision(config: Config, decision: PromotionDecision) -> Notified:
    """Tells the blocks of `monitor.notify` what became of a challenger, and which checks it passed."""
    settings = config.monitor
    subject = f"Ratchet: {config.name}: {title_outcome(decision).lower()}"
    body = "\n".join([describe_outcome(decision), "", *list_checks(decision)])
    return notify(settings.notify, subject, body, settings.notify_timeout_s)


def notify_failure(config: Config) -> Notified:
    """Tells the blocks of `monitor.notify` that a run failed; why is not in it, for it may name what is secret."""
    settings = config.monitor
    body = "Prefect's run and its log say why. A round goes on where it stopped with the next run."
    return notify(settings.notify, f"Ratchet: {config.name}: a run failed", body, settings.notify_timeout_s)


def _send(name: str, subject: str, body: str, outcomes: "dict[str, str | None]") -> None:
    try:
        outcomes[name] = _send_now(name, subject, body)
    except Exception as error:  # noqa: BLE001 - a block may be of any make; whatever it raises must not go further
        outcomes[name] = _reason(error)


def _send_now(name: str, subject: str, body: str) -> str | None:
    """Sends the message; why it could not be sent, or None."""
    from prefect.blocks.abstract import NotificationBlock
    from prefect.blocks.core import Block

    try:
        # Without a running event loop `load` gives the block itself; its type says that it may be a coroutine, too.
        block = cast("Block", Block.load(name))
    except ValueError:
        return "Prefect has no such block, or cannot read it: create it in its UI under Blocks, or correct the name"
    if not isinstance(block, NotificationBlock):
        return "it is no notification block: name one, such as slack-webhook/on-call"
    with block.raise_on_failure():
        cast("Any", block).notify(body, subject)
    return None


def _reason(error: Exception) -> str:
    """What happened, without a word of the error's own."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"it answered with HTTP status {status}"
    return f"sending failed ({type(error).__name__}): check the block's settings, and that it can be reached"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what these libraries log below a warning out of every log."""
    levels: Mapping[str, int] = {name: logging.getLogger(name).level for name in _CHATTY}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
