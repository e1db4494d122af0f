"""The weights of a version: its adapter merged into the base."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.config import Config
from tasks.models.hardware import choose_hardware
from tasks.models.loading import load_model
from tasks.records import BaseModelRef


def merged_model(config: Config, base: BaseModelRef, adapter_folder: Path | None) -> Any:
    """The base with the adapter merged into it, on the CPU, in the number format that was evaluated.

    It decodes greedily and to `generation.max_new_tokens`, as it was evaluated, unless a call says otherwise.

    Raises:
        ModelError: when base or adapter cannot be loaded.
    """
    hardware = replace(choose_hardware(config.model), device="cpu")
    model = load_model(base, adapter_folder, hardware)
    if adapter_folder is not None:
        model = model.merge_and_unload()
    generation = model.generation_config
    generation.do_sample = False
    # transformers warns of settings that greedy decoding does not use.
    generation.temperature = generation.top_p = generation.top_k = None
    generation.max_new_tokens, generation.max_length = config.generation.max_new_tokens, None
    return model


def count_parameters(base: BaseModelRef) -> int:
    """How many numbers the base's weights files hold; nothing of them is read but their headers."""
    from safetensors import safe_open

    total = 0
    for path in sorted(Path(base.path).glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no dictionary
                size = 1
                for length in file.get_slice(name).get_shape():
                    size *= length
                total += size
    return total
