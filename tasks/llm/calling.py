"""One call to an OpenAI-compatible endpoint: its reply, or what went wrong and whether asking again can help.

The SDK's own retries stay off: they also repeat what cannot get better (a refused certificate), have a deadline for
each read but none for a call, and tell nobody what a lost call may have cost. Who asks decides; see trying.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from tasks.errors import EndpointError, first_line
from tasks.llm.endpoint import Endpoint, UnansweredError, check_url, quoted, translate_connection, translate_status
from tasks.records import Count, Record

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NO_KEY = "none"  # the SDK wants one, and would look for one in the environment
_CONNECT_S = 10.0


class Tokens(Record):
    """Tokens of one call or of many."""

    prompt: Count = 0
    completion: Count = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True)
class ChatRequest:
    """One thing to ask.

    Attributes:
        messages: each with its `role` and its `content`.
        schema: the JSON schema of the reply; None: it is plain text.
    """

    messages: tuple[Mapping[str, str], ...]
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes:
        content: empty when it said nothing.
        refused: the model, or a filter in front of it, would not answer.
        used: tokens as the endpoint reports them; None when it does not.
        latency_s: seconds from asking to the whole reply.
    """

    content: str
    refused: bool
    used: Tokens | None
    latency_s: float


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    """What is read of a chat completion; the rest may be as it likes."""

    choices: list[_Choice]
    usage: Any = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


@asynccontextmanager
async def connect(endpoint: Endpoint) -> AsyncIterator["AsyncOpenAI"]:
    """A client for the endpoint; the proxies of the environment are passed by on loopback.

    Raises:
        EndpointError: when the URL is none.
    """
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

    check_url(endpoint)
    timeout = Timeout(endpoint.timeout_s, connect=min(endpoint.timeout_s / 2, _CONNECT_S))
    direct = {f"all://{host}": None for host in LOOPBACK}
    async with AsyncOpenAI(
        base_url=endpoint.url,
        api_key=endpoint.key.value or _NO_KEY,
        timeout=timeout,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(timeout=timeout, mounts=direct),
    ) as client:
        yield client


async def ask_once(client: "AsyncOpenAI", endpoint: Endpoint, request: ChatRequest, temperature: float) -> Answer:
    """The model's answer to one call, tried once.

    Raises:
        UnansweredError: when there was none, and another try may have one.
        DeclinedError: when the endpoint refuses this call.
        EndpointError: when it will refuse all calls alike: the key, the model, the certificate, the credit.
    """
    from openai import APIConnectionError, APIStatusError, OpenAIError

    started = time.monotonic()
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            raw = await client.chat.completions.with_raw_response.create(**_body(endpoint, request, temperature))
            body = raw.http_response.content
    except TimeoutError as error:
        raise UnansweredError(f"no reply within {endpoint.timeout_s:g} s", may_have_cost=True) from error
    except APIStatusError as error:
        raise translate_status(endpoint, error.status_code, error.response.headers, error) from _cause(endpoint, error)
    except APIConnectionError as error:
        raise translate_connection(endpoint, error) from _cause(endpoint, error)
    except OpenAIError as error:
        raise EndpointError(f"{endpoint.named} cannot be asked ({quoted(endpoint, error)}).") from _cause(
            endpoint, error
        )
    return _read(endpoint, body, time.monotonic() - started)


def _body(endpoint: Endpoint, request: ChatRequest, temperature: float) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [dict(message) for message in request.messages],
        "temperature": temperature,
        "max_tokens": endpoint.max_tokens,
    }
    if request.schema is None:
        return body
    schema = {"name": "reply", "strict": True, "schema": request.schema}
    return {**body, "response_format": {"type": "json_schema", "json_schema": schema}}


def _cause(endpoint: Endpoint, error: Exception) -> Exception | None:
    """The error, for the traceback that debugging and Prefect's log show; None: it would show the key."""
    return error if endpoint.key.taken_out(str(error)) == str(error) else None


def _read(endpoint: Endpoint, body: bytes, latency_s: float) -> Answer:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        start = endpoint.key.taken_out(body[:300].decode("utf-8", "replace"))
        why = f"its reply is no chat completion, it begins {first_line(start)[:60]!r}"
        raise UnansweredError(why, may_have_cost=True) from _cause(endpoint, error)
    try:
        usage = _Usage.model_validate(completion.usage)
        used = Tokens(prompt=usage.prompt_tokens, completion=usage.completion_tokens)
    except ValidationError:
        used = None
    if not completion.choices:
        return Answer("", False, used, latency_s)
    choice = completion.choices[0]
    refused = bool(choice.message.refusal) or choice.finish_reason == "content_filter"
    return Answer(endpoint.key.taken_out(choice.message.content or ""), refused, used, latency_s)
