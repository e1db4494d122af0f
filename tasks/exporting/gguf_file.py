"""Writing a GGUF file of a model that is in memory."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ExportError
from tasks.exporting.gguf_tensors import architecture_of, heads_to_pair, number_format, pair_rows, tensor_names
from tasks.exporting.gguf_tokenizer import GgufTokenizer, describe_tokenizer
from tasks.models.generation import end_tokens
from tasks.records import GgufType

if TYPE_CHECKING:
    import numpy as np
    import torch
    from gguf import GGUFWriter
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase


def write_gguf(
    path: Path, name: str, model: Any, tokenizer: "PreTrainedTokenizerBase", chat_template: str, gguf_type: GgufType
) -> None:
    """Writes the model with its tokenizer and this chat template.

    Args:
        name: what the file says that the model is called.
        model: a transformers causal LM on the CPU, adapters merged.

    Raises:
        ExportError: when architecture or tokenizer cannot be put into a GGUF file, or a weight is too large for F16.
        OSError: when the disk is full or not writable.
    """
    from gguf import GGUFWriter, LlamaFileType

    architecture = architecture_of(model.config)
    described = describe_tokenizer(tokenizer_json(tokenizer), int(model.config.vocab_size))
    writer = GGUFWriter(path, architecture.name)
    try:
        writer.add_type("model")
        writer.add_name(name)
        writer.add_file_type(LlamaFileType[{"f32": "ALL_F32"}.get(gguf_type, f"MOSTLY_{gguf_type.upper()}")])
        _add_shape(writer, model.config)
        _add_tokenizer(writer, described, tokenizer, model, chat_template)
        _add_tensors(writer, model, gguf_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def tokenizer_json(tokenizer: "PreTrainedTokenizerBase") -> dict[str, Any]:
    """What a tokenizer.json would hold.

    Raises:
        ExportError: when the tokenizer is none of the library `tokenizers`.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ExportError(
            f"The base's tokenizer ({type(tokenizer).__name__}) has no tokenizer.json, so it cannot be written into a "
            "GGUF file: leave out gguf."
        )
    described: dict[str, Any] = json.loads(backend.to_str())
    return described


def _add_shape(writer: "GGUFWriter", config: Any) -> None:
    head_size = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(float(config.rms_norm_eps))
    writer.add_vocab_size(config.vocab_size)


def _add_tokenizer(
    writer: "GGUFWriter",
    described: GgufTokenizer,
    tokenizer: "PreTrainedTokenizerBase",
    model: Any,
    chat_template: str,
) -> None:
    writer.add_tokenizer_model("gpt2")  # llama.cpp's word for byte-level BPE
    writer.add_tokenizer_pre(described.rules)
    writer.add_token_list(list(described.tokens))
    writer.add_token_types(list(described.types))
    writer.add_token_merges(list(described.merges))
    special = {
        writer.add_bos_token_id: tokenizer.bos_token_id,
        writer.add_unk_token_id: tokenizer.unk_token_id,
        writer.add_pad_token_id: tokenizer.pad_token_id,
    }
    for add, token in special.items():
        if token is not None:
            add(int(token))
    for add, token in zip(
        (writer.add_eos_token_id, writer.add_eot_token_id), end_tokens(model, tokenizer), strict=False
    ):
        add(token)
    writer.add_add_bos_token(False)  # the chat template writes it, where the model wants one
    writer.add_add_space_prefix(False)
    writer.add_chat_template(chat_template)


def _add_tensors(writer: "GGUFWriter", model: Any, gguf_type: GgufType) -> None:
    from gguf import quants

    config = model.config
    architecture = architecture_of(config)
    weights = model.state_dict()
    names = tensor_names(list(weights), architecture, config.num_hidden_layers, bool(config.tie_word_embeddings))
    for name, placed in names.items():
        values = _numbers(weights[name])
        if heads := heads_to_pair(name, architecture, config):
            values = pair_rows(values, heads)
        kind = number_format(gguf_type, values.shape)
        converted = quants.quantize(values, kind)
        if kind.name == "F16" and not _all_finite(converted):
            raise ExportError(f"{name} has weights too large for F16: export with `--gguf-type f32`.")
        writer.add_tensor(placed, converted, raw_dtype=kind)


def _numbers(weights: "torch.Tensor") -> "NDArray[np.float32]":
    import torch

    values: NDArray[np.float32] = weights.detach().to("cpu", torch.float32).contiguous().numpy()
    return values


def _all_finite(values: "NDArray[Any]") -> bool:
    import numpy as np

    return bool(np.isfinite(values).all())
