"""Whether a registered version is the model that was evaluated: it is loaded back and its logits compared.

Storing a PEFT model can go wrong without an error (MLflow without `base_model_path` writes a model whose
logits are off by tens), so nothing is promoted on the word of the store alone.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.config import Config
from tasks.errors import ModelError
from tasks.home import Home
from tasks.records import ModelVersion
from tasks.registry.fetching import load_version

if TYPE_CHECKING:
    import torch


def logits_of(model: Any, token_ids: Sequence[Sequence[int]]) -> "list[torch.Tensor]":
    """The model's logits for each sequence, (tokens, vocabulary), float32 on the CPU.

    One sequence at a time: padding changes the last bits, and here the last bits are what is compared.
    """
    import torch

    with torch.inference_mode():
        return [
            model(input_ids=torch.tensor([list(ids)], device=model.device)).logits[0].float().cpu() for ids in token_ids
        ]


def reload_and_compare(
    config: Config,
    home: Home,
    version: ModelVersion,
    expected_logits: "Sequence[torch.Tensor]",
    token_ids: Sequence[Sequence[int]],
) -> float:
    """The largest absolute gap between the expected logits and those of the version, loaded through MLflow.

    Args:
        expected_logits: `logits_of` the evaluated model, one (tokens, vocabulary) per sequence.
        token_ids: the same sequences, for example the first few test prompts.

    Raises:
        ModelError: when the version cannot be loaded, or its logits have another shape.
        RatchetError: when MLflow cannot be reached.
    """
    model = load_version(config, home, version)
    return largest_difference(expected_logits, logits_of(model, token_ids))


def largest_difference(expected: "Sequence[torch.Tensor]", found: "Sequence[torch.Tensor]") -> float:
    """The largest absolute gap between two lists of logits; infinity when it is not a number.

    Raises:
        ModelError: when shapes differ, or there is nothing to compare.
    """
    shapes = [[tuple(one.shape) for one in logits] for logits in (expected, found)]
    if not shapes[0] or shapes[0] != shapes[1]:
        raise ModelError(
            f"The registered model's logits have the shapes {shapes[1]}, the evaluated one's {shapes[0]}: compare "
            "the same model on the same sequences, and at least one."
        )
    gaps = [float((one.float() - other.float()).abs().max()) for one, other in zip(expected, found, strict=True)]
    # max() would step over a NaN that does not come first.
    return math.inf if any(map(math.isnan, gaps)) else max(gaps)
