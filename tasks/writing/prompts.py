"""One text to write, and why it may come to nothing."""

from dataclasses import dataclass
from typing import Literal

from tasks.records import Message

# no_answer: none after all tries, or from an endpoint that has given none for long; too_long: the prompt.
Unwritten = Literal["no_answer", "empty_reply", "refusal", "too_long", "request_refused"]


@dataclass(frozen=True)
class Prompt:
    """What the writer is given.

    Attributes:
        key: the hash of the messages.
    """

    key: str
    messages: tuple[Message, ...]
