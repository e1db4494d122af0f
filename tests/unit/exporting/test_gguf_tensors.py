"""Weights get llama.cpp's names, its order of rows, and a number format that their shape allows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ExportError
from tasks.exporting.gguf_tensors import (
    ARCHITECTURES,
    Architecture,
    architecture_of,
    heads_to_pair,
    number_format,
    pair_rows,
    tensor_names,
)
from tasks.records import GgufType

LLAMA = ARCHITECTURES["LlamaForCausalLM"]
QWEN = ARCHITECTURES["Qwen2ForCausalLM"]


def config(**changes: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    return SimpleNamespace(**fields | changes)


@pytest.mark.parametrize(
    ("name", "placed"),
    [
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight"),
        ("model.layers.1.self_attn.k_proj.weight", "blk.1.attn_k.weight"),
        ("model.layers.1.self_attn.k_proj.bias", "blk.1.attn_k.bias"),
        ("model.layers.0.self_attn.o_proj.weight", "blk.0.attn_output.weight"),
        ("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"),
        ("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight"),
        ("model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight"),
        ("model.norm.weight", "output_norm.weight"),
        ("lm_head.weight", "output.weight"),
    ],
)
def test_each_weight_has_llama_cpps_name(name: str, placed: str) -> None:
    assert tensor_names([name], LLAMA, 2, tied=False) == {name: placed}


def test_a_tied_output_layer_is_left_out() -> None:
    names = ["model.embed_tokens.weight", "lm_head.weight"]
    assert list(tensor_names(names, LLAMA, 1, tied=True)) == ["model.embed_tokens.weight"]


def test_a_weight_without_a_place_is_refused_by_name() -> None:
    with pytest.raises(ExportError) as caught:
        tensor_names(["model.norm.weight", "model.layers.0.extra.gate"], LLAMA, 1, tied=True)
    assert str(caught.value) == (
        "The weights model.layers.0.extra.gate have no place in llama.cpp's architecture llama: leave out gguf, and "
        "convert the merged form with llama.cpp's own tools."
    )


def test_rows_of_two_halves_come_to_stand_beside_each_other_head_by_head() -> None:
    rows = np.arange(8, dtype=np.float32)
    assert pair_rows(rows, 2).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert pair_rows(rows.reshape(8, 1), 1).ravel().tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


@given(heads=st.integers(1, 4), half=st.integers(1, 5), columns=st.integers(1, 3))
def test_pairing_moves_row_i_of_a_head_to_2i_and_its_partner_behind_it(heads: int, half: int, columns: int) -> None:
    size = 2 * half
    weights = np.random.default_rng(0).random((heads * size, columns), dtype=np.float32)
    paired = pair_rows(weights, heads).reshape(heads, size, columns)
    for head, own in enumerate(weights.reshape(heads, size, columns)):
        for row in range(half):
            assert (paired[head, 2 * row] == own[row]).all()
            assert (paired[head, 2 * row + 1] == own[row + half]).all()


@given(heads=st.integers(1, 3), half=st.integers(1, 4), seed=st.integers(0, 99))
def test_turning_neighbours_after_pairing_is_turning_halves_before_it(heads: int, half: int, seed: int) -> None:
    """What pairing is for: rotary position embedding in llama.cpp's order is that of transformers."""
    random = np.random.default_rng(seed)
    weights = random.standard_normal((heads * 2 * half, 3)).astype(np.float32)
    vector, angles = random.standard_normal(3).astype(np.float32), random.standard_normal(half)
    halves = (weights @ vector).reshape(heads, 2, half)  # (heads, half, place in it)
    turned = np.stack(
        [
            halves[:, 0] * np.cos(angles) - halves[:, 1] * np.sin(angles),
            halves[:, 1] * np.cos(angles) + halves[:, 0] * np.sin(angles),
        ],
        axis=1,
    )
    pairs = (pair_rows(weights, heads) @ vector).reshape(heads, half, 2)
    turned_pairs = np.stack(
        [
            pairs[..., 0] * np.cos(angles) - pairs[..., 1] * np.sin(angles),
            pairs[..., 1] * np.cos(angles) + pairs[..., 0] * np.sin(angles),
        ],
        axis=-1,
    )
    np.testing.assert_allclose(turned_pairs, turned.swapaxes(1, 2), atol=1e-5)


def test_only_queries_and_keys_of_llama_are_paired_each_in_its_own_heads() -> None:
    def of(name: str, architecture: Architecture = LLAMA) -> int:
        return heads_to_pair(f"model.layers.0.self_attn.{name}", architecture, config())

    assert (of("q_proj.weight"), of("k_proj.weight"), of("k_proj.bias")) == (4, 2, 2)
    assert (of("v_proj.weight"), of("o_proj.weight")) == (0, 0)
    assert of("q_proj.weight", QWEN) == 0


@pytest.mark.parametrize(
    ("gguf_type", "shape", "kind"),
    [
        ("f16", (8, 64), "F16"),
        ("f32", (8, 64), "F32"),
        ("q8_0", (8, 64), "Q8_0"),
        ("q8_0", (64, 48), "F16"),
        ("f16", (64,), "F32"),
        ("q8_0", (64,), "F32"),
    ],
)
def test_the_number_format_is_what_was_asked_for_where_the_shape_allows_it(
    gguf_type: GgufType, shape: tuple[int, ...], kind: str
) -> None:
    assert number_format(gguf_type, shape).name == kind


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"architectures": ["GPT2LMHeadModel"]},
            "The base's architecture GPT2LMHeadModel cannot be exported as GGUF (known: LlamaForCausalLM, "
            "MistralForCausalLM, Qwen2ForCausalLM): leave out gguf, and convert the merged form with llama.cpp's own "
            "tools.",
        ),
        (
            {"rope_parameters": {"rope_type": "yarn"}},
            "A LlamaForCausalLM with rope scaling 'yarn' cannot be exported as GGUF: leave out gguf, and convert the "
            "merged form with llama.cpp's own tools.",
        ),
        (
            {"architectures": ["MistralForCausalLM"], "sliding_window": 4096},
            "A MistralForCausalLM with a sliding window of 4096 cannot be exported as GGUF: leave out gguf, and "
            "convert the merged form with llama.cpp's own tools.",
        ),
    ],
)
def test_what_gguf_metadata_is_not_written_for_is_refused_by_name(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ExportError) as caught:
        architecture_of(config(**changes))
    assert str(caught.value) == sentence


def test_a_sliding_window_that_is_switched_off_is_none() -> None:
    found = architecture_of(config(architectures=["Qwen2ForCausalLM"], sliding_window=4096, use_sliding_window=False))
    assert found == QWEN
