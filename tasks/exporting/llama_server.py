"""A GGUF file's greedy answers, from llama.cpp's server as a consumer asks it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelError, first_line
from tasks.exporting.same_answers import Answered, Expected, first_difference
from tasks.home import Home
from tasks.llm.local_server import serve_gguf
from tasks.settings.models import GenerationSettings

if TYPE_CHECKING:
    import httpx

TOP_TOKENS = 5
STEPS = 16
_TIMEOUT_S = 600.0
_SPARE_TOKENS = 32


def answer_with_llama(
    path: Path, home: Home, expected: Sequence[Expected], generation: GenerationSettings
) -> list[Answered]:
    """What llama.cpp answers to each question sent alone; the file's own chat template makes the prompt of it.

    The gap is that of the log-probabilities of the 5 likeliest tokens at each of the first 16 steps, as far as the
    answers are equal and at the first token that is not.

    Raises:
        ModelError: when llama.cpp cannot load the file, or refuses a question.
        UnreachableError: when its server ended in the middle of it.
    """
    import httpx

    longest = max(len(each.prompt_ids) for each in expected)
    tokens = longest + generation.max_new_tokens + _SPARE_TOKENS
    with (
        serve_gguf(str(path), home, slots=1, tokens_per_slot=tokens) as url,
        httpx.Client(base_url=url.removesuffix("/v1"), timeout=_TIMEOUT_S, trust_env=False) as client,
    ):
        return [_ask(client, each, generation.max_new_tokens) for each in expected]


def _ask(client: "httpx.Client", expected: Expected, max_new_tokens: int) -> Answered:
    messages = [{"role": "user", "content": expected.question}]
    text = _post(client, "/apply-template", {"messages": messages})["prompt"]
    read = _post(client, "/tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]
    prompt_ids = [int(token) for token in read]
    # Without a cache, so that an answer does not depend on what was asked before.
    asked = {"prompt": prompt_ids, "n_predict": max_new_tokens, "return_tokens": True, "cache_prompt": False}
    reply = _post(client, "/completion", {**asked, "temperature": 0})
    answer = [int(token) for token in reply["tokens"]]
    return Answered(prompt_ids, answer, _largest_gap(client, expected, answer))


def _post(client: "httpx.Client", path: str, body: dict[str, Any]) -> dict[str, Any]:
    import httpx

    try:
        reply = client.post(path, json=body).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise ModelError(f"llama.cpp refuses {path} ({first_line(error.response.text)})") from error
    answer: dict[str, Any] = reply.json()
    return answer


def _largest_gap(client: "httpx.Client", expected: Expected, answer: Sequence[int]) -> float | None:
    """The largest gap between log-probabilities at the first steps; None where none could be read.

    Each step is asked for alone: a whole answer comes without the log-probabilities of tokens that are a part of a
    character. What a form says after the answers have parted is about another text, and is not compared.
    """
    parted = first_difference(expected.token_ids, answer)
    steps = min(len(expected.token_ids) if parted is None else parted + 1, len(expected.token_ids), STEPS)
    gaps: list[float] = []
    for place in range(steps):
        asked = {"prompt": [*expected.prompt_ids, *expected.token_ids[:place]], "n_predict": 1, "n_probs": TOP_TOKENS}
        reply = _post(client, "/completion", {**asked, "temperature": 0})
        for step in reply.get("completion_probabilities", ()):
            gaps += [_gap(expected.logits[place], token) for token in step["top_logprobs"]]
    return max(gaps, default=None)


def _gap(logits: Any, token: dict[str, Any]) -> float:
    """Between the log-probabilities of one token; infinite where llama.cpp's is not a number: null in JSON."""
    if token["logprob"] is None:
        return math.inf
    return abs(_log_probability(logits, int(token["id"])) - float(token["logprob"]))


def _log_probability(logits: Any, token: int) -> float:
    """Of one token, from a row of logits (vocabulary,)."""
    from scipy.special import logsumexp

    return float(logits[token]) - float(logsumexp(logits))
