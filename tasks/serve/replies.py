"""Answers in the shape of OpenAI's API, with `ratchet` beside: which version answered, as which arm. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from tasks.serve.jobs import Reply


def completion(request_id: str, created: int, model: str, reply: Reply) -> dict[str, Any]:
    """A whole answer.

    Args:
        created: seconds since 1970.
    """
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
    head = _head(request_id, created, model, "chat.completion")
    return {**head, "choices": [choice], "usage": usage(reply), "ratchet": provenance(reply)}


def chunk(request_id: str, created: int, model: str, text: str, *, is_first: bool) -> dict[str, Any]:
    """A piece of an answer."""
    delta = {"role": "assistant", "content": text} if is_first else {"content": text}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return {**_head(request_id, created, model, "chat.completion.chunk"), "choices": [choice]}


def last_chunk(request_id: str, created: int, model: str, reply: Reply) -> dict[str, Any]:
    """What ends a stream, with all that is known by then."""
    choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reply.finish_reason}
    head = _head(request_id, created, model, "chat.completion.chunk")
    return {**head, "choices": [choice], "ratchet": provenance(reply)}


def usage_chunk(request_id: str, created: int, model: str, reply: Reply) -> dict[str, Any]:
    """The tokens of a stream, which come after its end when they are asked for."""
    head = _head(request_id, created, model, "chat.completion.chunk")
    return {**head, "choices": [], "usage": usage(reply)}


def usage(reply: Reply) -> dict[str, int]:
    """Tokens of prompt and answer."""
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }


def provenance(reply: Reply) -> dict[str, Any]:
    """Which version answered, as which arm, and from which passages."""
    by = reply.answered_by
    return {
        "version": by.version,
        "role": by.role,
        "arm": by.arm,
        "abstained": reply.abstained,
        "sources": [source.as_json() for source in reply.sources],
    }


def event(data: Mapping[str, Any] | str) -> bytes:
    """A server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def _head(request_id: str, created: int, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{request_id}", "object": kind, "created": created, "model": model}
