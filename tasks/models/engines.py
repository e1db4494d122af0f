"""Answers by the engine that the config names: transformers or vLLM, in this process or in shards on Ray."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from tasks.compute.shards import cut_evenly, map_shards
from tasks.config import Config
from tasks.home import Home
from tasks.models.generation import GREEDY, Decoding, Generation, encode_prompts, generate
from tasks.models.hardware import Hardware, use_threads
from tasks.models.loading import load_model, load_tokenizer
from tasks.records import BaseModelRef, Message
from tasks.settings.models import GenerationSettings

Prompts: TypeAlias = Sequence[tuple[Message, ...]]


def _nobody(steps: int) -> None:
    """Hears of progress where nobody wants to."""


class Answerer(Protocol):
    """A model that is ready: one answer per prompt, in their order."""

    def __call__(
        self, prompts: Prompts, decoding: Decoding = GREEDY, advance: Callable[[int], None] = _nobody
    ) -> list[Generation]:
        """The answers; one depends on its own prompt and seed only, on vLLM up to the last digits of its logits.

        Raises:
            ModelError: when a prompt is too long, or the template refuses it.
        """
        ...


@dataclass(frozen=True)
class Model:
    """What answers.

    Attributes:
        adapter_folder: None: the base as it is.
    """

    base: BaseModelRef
    adapter_folder: Path | None
    hardware: Hardware
    settings: GenerationSettings


@dataclass(frozen=True)
class Shard:
    """A part of the prompts, with the seeds that they have in the whole."""

    model: Model
    prompts: Prompts
    decoding: Decoding


def load_answerer(
    config: Config, home: Home, base: BaseModelRef, adapter_folder: Path | None, hardware: Hardware
) -> Answerer:
    """The model by `generation.engine`, loaded; with `compute.engine: ray` loaded by those who answer, at each call.

    In how many shards prompts are answered does not change the answers.

    Raises:
        ModelError: when the model cannot be loaded, or vLLM is not installed.
    """
    model = Model(base, adapter_folder, hardware, config.generation)
    if config.compute.engine != "ray" or config.compute.shards == 1:
        return load_here(model)
    compute, tokenizer = config.compute, load_tokenizer(base)

    def answer(
        prompts: Prompts, decoding: Decoding = GREEDY, advance: Callable[[int], None] = _nobody
    ) -> list[Generation]:
        encode_prompts(tokenizer, prompts, config.generation.max_prompt_tokens)  # refuses before anybody loads weights
        shards = shards_of(model, prompts, decoding, compute.shards)
        answered = map_shards(
            answer_shard, shards, compute, home, hardware, lambda place: advance(len(shards[place].prompts))
        )
        return [answer for answers in answered for answer in answers]

    return answer


def load_here(model: Model) -> Answerer:
    """The model in this process."""
    if model.settings.engine == "vllm":
        from tasks.models.vllm_generation import load_vllm

        return load_vllm(model)
    tokenizer = load_tokenizer(model.base)
    weights = load_model(model.base, model.adapter_folder, model.hardware)

    def answer(
        prompts: Prompts, decoding: Decoding = GREEDY, advance: Callable[[int], None] = _nobody
    ) -> list[Generation]:
        return generate(weights, tokenizer, prompts, model.settings, decoding, advance)

    return answer


def shards_of(model: Model, prompts: Prompts, decoding: Decoding, count: int) -> list[Shard]:
    """The prompts in at most so many shards."""
    shards, start = list[Shard](), 0
    for part in cut_evenly(prompts, count):
        shards.append(Shard(model, part, decoding.model_copy(update={"seed": decoding.seed + start})))
        start += len(part)
    return shards


def answer_shard(shard: Shard) -> list[Generation]:
    """The answers to a shard, in a process of Ray's, which has one CPU."""
    model = shard.model
    if model.hardware.device == "cpu":
        model = replace(model, hardware=replace(model.hardware, threads=1))
        use_threads(model.hardware)
    return load_here(model)(shard.prompts, shard.decoding)
