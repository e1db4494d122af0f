"""Answers by vLLM, where it is installed: the same prompts, token by token, and the same choice of tokens.

vLLM computes logits with other kernels and in batches that form as it goes, so that where two tokens are nearly as
likely it can take the other one, and an answer can differ from transformers' from there on. One benchmark must
therefore use one engine: `generation.engine` is a part of what answers are kept under. Its draws at a temperature are
seeded by prompt, too, and are others than transformers'.
"""

import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelError
from tasks.models.generation import GREEDY, Decoding, Generation, encode_prompts
from tasks.models.loading import load_tokenizer
from tasks.records import Message
from tasks.settings.models import GenerationSettings

if TYPE_CHECKING:
    from tasks.models.engines import Answerer, Model

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # the adapters' ranks that vLLM makes room for


@dataclass(frozen=True)
class Vllm:
    """What of vLLM is used: its engine, its sampling parameters, and its name for an adapter."""

    engine: Callable[..., Any]
    sampling: Callable[..., Any]
    lora: Callable[..., Any]


def import_vllm() -> Vllm:
    """vLLM.

    Raises:
        ModelError: when it is not installed.
    """
    if importlib.util.find_spec("vllm") is None:
        raise ModelError(
            "generation.engine: 'vllm' needs vLLM, which is not installed: `pip install vllm` on a machine with a GPU, "
            "or set `engine: transformers`."
        )
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    return Vllm(LLM, SamplingParams, LoRARequest)


def load_vllm(model: "Model", vllm: Vllm | None = None) -> "Answerer":
    """The model in vLLM.

    Args:
        vllm: None: the one that is installed.

    Raises:
        ModelError: when vLLM or the model's tokenizer is not there.
    """
    vllm = vllm or import_vllm()
    tokenizer = load_tokenizer(model.base)
    ends = end_tokens(Path(model.base.path), tokenizer.eos_token_id)
    engine = vllm.engine(**engine_arguments(model))
    folder = model.adapter_folder
    adapter = vllm.lora("adapter", 1, str(folder)) if folder else None
    settings = model.settings

    def answer(
        prompts: Sequence[tuple[Message, ...]],
        decoding: Decoding = GREEDY,
        advance: Callable[[int], None] = lambda steps: None,
    ) -> list[Generation]:
        encoded = encode_prompts(tokenizer, prompts, settings.max_prompt_tokens)
        sampling = [
            vllm.sampling(**sampling_arguments(settings, decoding, place, ends)) for place in range(len(encoded))
        ]
        started = time.perf_counter()
        outputs = engine.generate(
            [{"prompt_token_ids": ids} for ids in encoded], sampling, lora_request=adapter, use_tqdm=False
        )
        latency_s = time.perf_counter() - started
        advance(len(encoded))
        return [
            Generation(
                text=tokenizer.decode(output.outputs[0].token_ids, skip_special_tokens=True).strip(),
                prompt_tokens=len(ids),
                completion_tokens=len(output.outputs[0].token_ids),
                latency_s=latency_s,
            )
            for ids, output in zip(encoded, outputs, strict=True)
        ]

    return answer


def engine_arguments(model: "Model") -> dict[str, Any]:
    """What vLLM's engine is made with."""
    arguments: dict[str, Any] = {
        "model": model.base.path,
        "dtype": model.hardware.dtype,
        "seed": 0,
        "max_model_len": model.settings.max_prompt_tokens + model.settings.max_new_tokens,
        "max_num_seqs": model.settings.batch_size,
        "generation_config": "vllm",  # or the model's own would choose tokens
        "trust_remote_code": False,
        "load_format": "safetensors",
    }
    if model.adapter_folder is None:
        return arguments
    return {**arguments, "enable_lora": True, "max_loras": 1, "max_lora_rank": lora_rank(model.adapter_folder)}


def sampling_arguments(
    settings: GenerationSettings, decoding: Decoding, place: int, ends: Sequence[int]
) -> dict[str, Any]:
    """How vLLM chooses the tokens of the answer to the prompt at this place; one seed per prompt."""
    chosen = (
        {"temperature": 0.0}
        if decoding.temperature == 0
        else {"temperature": decoding.temperature, "top_k": decoding.top_k, "seed": decoding.seed + place}
    )
    return {**chosen, "max_tokens": settings.max_new_tokens, "stop_token_ids": list(ends), "detokenize": False}


def lora_rank(folder: Path) -> int:
    """The smallest rank that vLLM makes room for and the adapter fits into.

    Raises:
        ModelError: when there is none.
    """
    rank = int(json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    fitting = [each for each in _RANKS if each >= rank]
    if not fitting:
        raise ModelError(
            f"train.lora.r: vLLM serves adapters of rank {_RANKS[-1]} at most, and this one has {rank}: "
            "set `generation.engine: transformers`, or train a smaller one."
        )
    return fitting[0]


def end_tokens(folder: Path, tokenizers: int | None) -> list[int]:
    """The tokens that end an answer: those of the model's generation config, and the tokenizer's."""
    from transformers import GenerationConfig

    try:
        named = GenerationConfig.from_pretrained(folder).eos_token_id
    except OSError:  # a model without a generation config
        named = None
    listed = named if isinstance(named, list) else [named]
    return sorted({int(token) for token in [*listed, tokenizers] if token is not None})
