"""The one way any arm answers: batched, sorted by length, left-padded, seeded, counted and timed."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tasks.errors import ModelError
from tasks.records import Count, Message, Record, Seconds
from tasks.settings.models import GenerationSettings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


class Decoding(Record):
    """How tokens are chosen."""

    temperature: Annotated[float, Field(ge=0.0)] = Field(default=0.0, description="0: greedy")
    top_k: Annotated[int, Field(ge=1)] = Field(default=50, description="draw among this many likeliest tokens")
    seed: int = 0


GREEDY = Decoding()


class Generation(Record):
    """One answer with its counts."""

    text: str = Field(description="special tokens removed, stripped")
    prompt_tokens: Count = Field(description="tokens of the whole prompt, chat template included")
    completion_tokens: Count = Field(description="tokens generated, the end token included")
    latency_s: Seconds = Field(description="wall-clock seconds of the batch that held it: what its caller waited")


def generate(
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[tuple[Message, ...]],
    settings: GenerationSettings,
    decoding: Decoding = GREEDY,
    advance: Callable[[int], None] = lambda steps: None,
) -> list[Generation]:
    """One answer per prompt, in the order of the prompts; an answer depends on its own prompt and seed only.

    Raises:
        ModelError: when prompts are longer than `settings.max_prompt_tokens`, or the template refuses them.
    """
    encoded = encode_prompts(tokenizer, prompts, settings.max_prompt_tokens)
    # Longest first: equal lengths share a batch, and a batch that does not fit memory fails at once.
    order = sorted(range(len(encoded)), key=lambda index: -len(encoded[index]))
    answers: list[Generation | None] = [None] * len(encoded)
    for start in range(0, len(order), settings.batch_size):
        indices = order[start : start + settings.batch_size]
        batch = [encoded[index] for index in indices]
        # One seed per prompt: its answer stays the same whatever else is in the batch.
        seeds = [decoding.seed + index for index in indices]
        results = _generate_batch(model, tokenizer, batch, settings.max_new_tokens, decoding, seeds)
        for index, result in zip(indices, results, strict=True):
            answers[index] = result
        advance(len(indices))
    return [answer for answer in answers if answer is not None]


def encode_prompts(
    tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[tuple[Message, ...]], max_tokens: int | None = None
) -> list[list[int]]:
    """Each prompt's token ids by the chat template, ready for the assistant's turn.

    Args:
        max_tokens: the longest prompt allowed; None: any.

    Raises:
        ModelError: when prompts exceed `max_tokens`, or the chat template refuses a role.
    """
    from jinja2 import TemplateError

    encoded: list[list[int]] = []
    for prompt in prompts:
        messages = [message.model_dump() for message in prompt]
        try:
            ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        except TemplateError as error:
            raise ModelError(
                f"The model's chat template refuses the prompt ({error}): set `system_prompt: ''` if it has no "
                "system role, or use another model."
            ) from error
        encoded.append(list(ids))
    longest = max((len(ids) for ids in encoded), default=0)
    if max_tokens is not None and longest > max_tokens:
        count = sum(len(ids) > max_tokens for ids in encoded)
        raise ModelError(
            f"{count} prompts are longer than generation.max_prompt_tokens={max_tokens} (the longest has {longest} "
            "tokens): raise the limit, or shorten the questions."
        )
    return encoded


def _generate_batch(
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    batch: Sequence[Sequence[int]],
    max_new_tokens: int,
    decoding: Decoding,
    seeds: Sequence[int],
) -> list[Generation]:
    started = time.perf_counter()
    generated = generate_tokens(model, tokenizer, batch, max_new_tokens, _sampler(decoding, seeds))
    latency_s = time.perf_counter() - started
    ends = end_tokens(model, tokenizer)
    completions = [_cut_at_end(row, ends) for row in generated.tolist()]
    return [
        Generation(
            text=tokenizer.decode(completion, skip_special_tokens=True).strip(),
            prompt_tokens=len(prompt),
            completion_tokens=len(completion),
            latency_s=latency_s,
        )
        for prompt, completion in zip(batch, completions, strict=True)
    ]


def generate_tokens(
    model: Any,
    tokenizer: "PreTrainedTokenizerBase",
    batch: Sequence[Sequence[int]],
    max_new_tokens: int,
    samplers: Any,
    stopping: Any = None,
) -> "torch.Tensor":
    """The tokens that the model goes on with, (batch, at most `max_new_tokens`); padding behind a row's end.

    Args:
        batch: each prompt's token ids, at least one prompt.
        samplers: transformers' LogitsProcessorList, behind which the likeliest token is taken.
        stopping: transformers' StoppingCriteriaList, beside the end tokens; None: nothing else ends a row.
    """
    import torch

    input_ids, attention_mask = pad_left(batch, int(tokenizer.pad_token_id))  # (batch, seq)
    with torch.inference_mode():
        output: torch.Tensor = model.generate(
            input_ids=input_ids.to(model.device),
            attention_mask=attention_mask.to(model.device),
            max_new_tokens=max_new_tokens,
            pad_token_id=tokenizer.pad_token_id,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            logits_processor=samplers,
            stopping_criteria=stopping,
        )
    return output[:, input_ids.shape[1] :]


def pad_left(batch: Sequence[Sequence[int]], pad_token_id: int) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Token ids and attention mask, both (batch, seq), each row's own tokens at the right end."""
    import torch

    width = max(len(ids) for ids in batch)
    input_ids = torch.full((len(batch), width), pad_token_id, dtype=torch.long)
    attention_mask = torch.zeros((len(batch), width), dtype=torch.long)
    for row, ids in enumerate(batch):
        input_ids[row, width - len(ids) :] = torch.tensor(ids, dtype=torch.long)
        attention_mask[row, width - len(ids) :] = 1
    return input_ids, attention_mask


def _sampler(decoding: Decoding, seeds: Sequence[int]) -> Any:
    from transformers import LogitsProcessorList

    from tasks.models.sampling import GumbelTopK

    if decoding.temperature == 0:
        return LogitsProcessorList()
    return LogitsProcessorList([GumbelTopK(decoding.temperature, decoding.top_k, seeds)])


def end_tokens(model: Any, tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    """The ids of the tokens with which an answer ends by itself, the tokenizer's own first."""
    listed = model.generation_config.eos_token_id
    ends = [tokenizer.eos_token_id, *(listed if isinstance(listed, list) else [listed])]
    return tuple(int(token) for token in dict.fromkeys(ends) if token is not None)


def _cut_at_end(ids: list[int], ends: Sequence[int]) -> list[int]:
    """The ids up to and including the first end token; padding behind it is dropped."""
    for position, token in enumerate(ids):
        if token in ends:
            return ids[: position + 1]
    return ids
