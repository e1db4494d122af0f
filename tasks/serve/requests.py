"""What a client asks for: the bodies of chat and feedback requests, read with every problem in one message. Pure."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tasks.records import Message
from tasks.serve.errors import RequestError
from tasks.settings.serve import ServeSettings

MAX_STOPS = 4  # as in OpenAI's API

Body = TypeVar("Body", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TextPart(_Body):
    """A piece of a message that is given in pieces."""

    type: Literal["text"]
    text: str


class ChatMessage(_Body):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        """The message's text, its pieces joined."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(_Body):
    """What a stream brings beside the answer."""

    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(_Body):
    """The only format of answers."""

    type: Literal["text"]


class ChatRequest(_Body):
    """A request for a chat completion; what OpenAI's API knows beyond it is accepted where it asks for nothing."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    model: str | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    user: Annotated[str, Field(max_length=512)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0.0, le=0.0)] | None = None
    presence_penalty: Annotated[float, Field(ge=0.0, le=0.0)] | None = None
    logprobs: Literal[False] | None = None
    response_format: TextFormat | None = None
    store: Literal[False] | None = None

    @field_validator("stop")
    @classmethod
    def _stops_are_few_and_not_empty(cls, stop: str | list[str] | None) -> str | list[str] | None:
        stops = [stop] if isinstance(stop, str) else stop or []
        if len(stops) > MAX_STOPS or not all(stops):
            raise ValueError(f"give at most {MAX_STOPS} texts, none of them empty")
        return stop

    @model_validator(mode="after")
    def _ends_with_a_question(self) -> "ChatRequest":
        if self.messages[-1].role != "user" or not self.messages[-1].text.strip():
            raise ValueError("messages: the last one must be the user's, with a text to answer")
        if any(message.role in ("system", "developer") for message in self.messages[1:]):
            raise ValueError("messages: a system message can only be the first one")
        return self

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts before which the answer ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wanted_tokens(self) -> int | None:
        """The tokens of the answer, at most; None: as many as the domain's own."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The messages as texts."""
        return tuple(
            Message(role="system" if each.role == "developer" else each.role, content=each.text)
            for each in self.messages
        )


class FeedbackRequest(_Body):
    """A thumb on an answer."""

    id: Annotated[str, Field(pattern=r"^(chatcmpl|tr)-[0-9a-f]{32}$", description="of the response or its trace")]
    thumb: Literal["up", "down"]
    comment: Annotated[str, Field(max_length=10_000)] | None = None
    user: Annotated[str, Field(max_length=512)] | None = None


def read_chat(body: bytes, settings: ServeSettings, model: str, own_max_tokens: int) -> ChatRequest:
    """The request in a body.

    Args:
        model: the name that the served model goes by.
        own_max_tokens: of `generation`, which may be asked for in any case.

    Raises:
        RequestError: 400 with every problem, 404 for another model.
    """
    request = _read(body, ChatRequest)
    problems = []
    if len(request.messages) > settings.max_messages:
        problems.append(
            f"messages: {len(request.messages)} are too many; send at most {settings.max_messages}, the latest ones"
        )
    limit = max(settings.max_tokens, own_max_tokens)
    if request.wanted_tokens is not None and request.wanted_tokens > limit:
        problems.append(f"max_tokens: {request.wanted_tokens} is too many; ask for at most {limit}")
    if request.stream_options is not None and not request.stream:
        problems.append("stream_options: it needs `stream` to be true; leave it out")
    if problems:
        raise RequestError(400, f"{'; '.join(problems)}.")
    if request.model not in (None, model):
        raise RequestError(
            404,
            f"There is no model {request.model!r} here: ask for {model!r}, or leave `model` out.",
            code="model_not_found",
            param="model",
        )
    return request


def read_feedback(body: bytes) -> FeedbackRequest:
    """The thumb in a body.

    Raises:
        RequestError: 400 with every problem.
    """
    return _read(body, FeedbackRequest)


def _read(body: bytes, wanted: type[Body]) -> Body:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested by the thousand
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RequestError(400, f"The body is not valid JSON ({reason}): send one JSON object.") from error
    if not isinstance(fields, dict):
        raise RequestError(400, f"The body is a JSON {_json_type(fields)}: send one JSON object.")
    try:
        # From JSON, for in it a list is a list and a whole number may stand for a fraction.
        return wanted.model_validate_json(body)
    except ValidationError as error:
        problems = list(dict.fromkeys(map(_describe, error.errors(include_url=False))))
        first = error.errors()[0]["loc"]
        raise RequestError(400, f"{'; '.join(problems)}.", param=str(first[0]) if first else None) from error


def _describe(item: Mapping[str, Any]) -> str:
    # Of a union's members the errors name each; the key alone tells which value is meant.
    names = [str(part) for part in item["loc"] if part != "str" and not str(part).startswith("list[")]
    key = ".".join(names)
    if item["type"] == "extra_forbidden":
        return f"{key}: this server does not know it; leave it out"
    if item["type"] == "missing":
        return f"{key}: missing; add it"
    message = str(item["ctx"]["error"]) if item["type"] == "value_error" else item["msg"]
    wanted = message.partition(" should ")[2]
    told = f"it should {wanted}" if wanted else message
    if not key:
        return told
    if isinstance(item["input"], str | int | float | bool | None) and len(str(item["input"])) <= 80:
        return f"{key}: {json.dumps(item['input'], ensure_ascii=False)} is not accepted; {told}"
    return f"{key}: not accepted; {told}"


def _json_type(value: Any) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
