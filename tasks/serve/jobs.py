"""A request on its way, and the answer it is given."""

from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from tasks.records import Message
from tasks.serve.errors import RequestError
from tasks.serve.requests import ChatRequest
from tasks.serve.versions import Loaded, Role


@dataclass(frozen=True)
class Source:
    """A passage that stood in the prompt.

    Attributes:
        start, end: characters of the document.
        cited: whether the answer names it at its end.
    """

    document: str
    start: int
    end: int
    text: str
    score: float
    cited: bool

    def as_json(self) -> dict[str, object]:
        """What the client is told of it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Reply:
    """An answer, and what it came from.

    Attributes:
        answered_by: the version that answered; its model is not held.
        arm: `base`, `rag`, `ft` or `rag_ft`.
        finish_reason: `stop`, or `length` when the tokens were used up.
        abstained: nothing was found, and the model was not asked.
        waited_s: until its batch began.
        batch: requests in its batch.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    answered_by: "AnsweredBy"
    sources: tuple[Source, ...] = ()
    abstained: bool = False
    waited_s: float = 0.0
    batch: int = 1


@dataclass(frozen=True)
class AnsweredBy:
    """The version behind an answer, in the role that it had."""

    name: str
    version: int
    role: Role
    arm: str
    weights_sha256: str
    is_base: bool


@dataclass(frozen=True)
class Job:
    """A request that waits for its answer, or is being answered.

    Attributes:
        id: 32 hex digits; names the response and its trace.
        role: whose turn it is, by the canary's share.
        came_at: seconds of the monotonic clock.
        outcome: its answer; cancelled when nobody waits for it any more.
        show: is given the text as it comes; None: nobody watches.
        has_shown: set once it was given some, which cannot be taken back.
    """

    id: str
    request: ChatRequest
    role: Role
    came_at: float
    outcome: "Future[Reply]" = field(default_factory=Future)
    show: Callable[[str], None] | None = None
    has_shown: Event = field(default_factory=Event)

    @property
    def conversation(self) -> tuple[Message, ...]:
        """What was said so far."""
        return self.request.conversation

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.outcome.done()

    def tell(self, text_of: Callable[[], str]) -> None:
        """Shows the next piece of the answer, if somebody watches and the piece is not empty."""
        if self.show is not None and (text := text_of()):
            self.has_shown.set()
            self.show(text)

    def finish(self, reply: Reply) -> None:
        """Gives the answer, unless nobody waits for it."""
        with suppress(InvalidStateError):
            self.outcome.set_result(reply)

    def fail(self, error: RequestError) -> None:
        """Says why there is no answer, unless nobody waits for it."""
        with suppress(InvalidStateError):
            self.outcome.set_exception(error)


def answered_by(loaded: Loaded, role: Role) -> AnsweredBy:
    """The version as replies name it."""
    version = loaded.version
    is_base = version.adapter is None
    return AnsweredBy(version.name, version.version, role, loaded.arm, version.weights_sha256, is_base)
