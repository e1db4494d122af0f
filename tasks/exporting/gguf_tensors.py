"""A model's weights as llama.cpp names and orders them. Pure.

Names come from the library `gguf`. What it leaves to its callers is the order of rows: rotary embeddings turn pairs of
rows of the query and key projections, and transformers pairs row i of a head with row i + half, where llama.cpp's
`llama` architecture expects the two beside each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import ExportError
from tasks.records import GgufType

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGMLQuantizationType
    from numpy.typing import NDArray

_TIED = "lm_head.weight"  # llama.cpp takes the embeddings where there is no output layer


@dataclass(frozen=True)
class Architecture:
    """How llama.cpp reads the models of one transformers class.

    Attributes:
        name: llama.cpp's.
        paired_rows: whether the rows of query and key projections are put beside their partners.
    """

    name: str
    paired_rows: bool


ARCHITECTURES: Mapping[str, Architecture] = {
    "LlamaForCausalLM": Architecture("llama", paired_rows=True),
    "MistralForCausalLM": Architecture("llama", paired_rows=True),
    "Qwen2ForCausalLM": Architecture("qwen2", paired_rows=False),
}


def architecture_of(config: Any) -> Architecture:
    """llama.cpp's architecture for a transformers config.

    Raises:
        ExportError: when it is none that is known here, or has a feature that GGUF metadata is not written for.
    """
    listed = list(getattr(config, "architectures", None) or [])
    found = ARCHITECTURES.get(listed[0]) if listed else None
    if found is None:
        named = listed[0] if listed else "none"
        raise ExportError(
            f"The base's architecture {named} cannot be exported as GGUF (known: {', '.join(ARCHITECTURES)}): leave "
            "out gguf, and convert the merged form with llama.cpp's own tools."
        )
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    features = {f"rope scaling {rope!r}": rope != "default", f"a sliding window of {window}": window is not None}
    if unknown := [feature for feature, there in features.items() if there]:
        raise ExportError(
            f"A {listed[0]} with {unknown[0]} cannot be exported as GGUF: leave out gguf, and convert the merged form "
            "with llama.cpp's own tools."
        )
    return found


def tensor_names(names: "list[str]", architecture: Architecture, blocks: int, tied: bool) -> dict[str, str]:
    """llama.cpp's name for each of the model's tensors, in the order of the model; a tied output layer is left out.

    Raises:
        ExportError: when one has no place in the architecture.
    """
    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, get_tensor_name_map

    by_name = {name: architecture for architecture, name in MODEL_ARCH_NAMES.items()}
    known = get_tensor_name_map(MODEL_ARCH(by_name[architecture.name]), blocks)
    found = {
        name: known.get_name(name, try_suffixes=(".weight", ".bias")) for name in names if not (tied and name == _TIED)
    }
    if unplaced := [name for name, placed in found.items() if placed is None]:
        raise ExportError(
            f"The weights {unplaced[0]} have no place in llama.cpp's architecture {architecture.name}: leave out gguf, "
            "and convert the merged form with llama.cpp's own tools."
        )
    return {name: placed for name, placed in found.items() if placed is not None}


def pair_rows(weights: "NDArray[np.float32]", heads: int) -> "NDArray[np.float32]":
    """The rows of each head with row i and row i + half of it beside each other.

    Args:
        weights: (heads * head size, columns), or (heads * head size,) for a bias; the head size is even.
    """
    halves = weights.reshape(heads, 2, -1, *weights.shape[1:])  # (heads, half, place in it, columns)
    return halves.swapaxes(1, 2).reshape(weights.shape)


def heads_to_pair(name: str, architecture: Architecture, config: Any) -> int:
    """How many heads the tensor's rows are to be paired in; 0 where they stay as they are."""
    if not architecture.paired_rows:
        return 0
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    return next((int(count) for part, count in heads.items() if f".{part}." in name), 0)


def number_format(gguf_type: GgufType, shape: tuple[int, ...]) -> "GGMLQuantizationType":
    """The format of a tensor of this shape, outermost dimension first.

    Vectors (norms, biases) are few and stay float32, as llama.cpp expects them. Q8_0 has blocks of 32 numbers; rows
    that do not fill them are F16.
    """
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if len(shape) == 1:
        return GGMLQuantizationType.F32
    wanted = GGMLQuantizationType[gguf_type.upper()]
    block, _ = GGML_QUANT_SIZES[wanted]
    return wanted if shape[-1] % block == 0 else GGMLQuantizationType.F16
