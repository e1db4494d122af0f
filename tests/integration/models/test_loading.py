import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ModelError
from tasks.models.hardware import Hardware
from tasks.models.loading import PLAIN_TEMPLATE, load_model, load_tokenizer
from tasks.records import BaseModelRef

TOKEN_IDS = [5, 6, 7, 8, 9, 10]


@pytest.fixture
def adapter(adapter_source: Path, tmp_path: Path) -> Path:
    """A copy of the adapter that a test may damage."""
    return Path(shutil.copytree(adapter_source, tmp_path / "adapter"))


def logits(model: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([TOKEN_IDS])).logits


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def edit_weights(path: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    from safetensors.torch import load_file, save_file

    save_file(edit(load_file(path)), path, metadata={"format": "pt"})


def half(weights: dict[str, Any]) -> dict[str, Any]:
    return dict(list(weights.items())[::2])


# --- tokenizers -------------------------------------------------------------------------------------


def test_a_tokenizer_keeps_its_own_template_and_pad_token(base: BaseModelRef) -> None:
    tokenizer = load_tokenizer(base)
    assert "<|im_start|>" in str(tokenizer.chat_template)
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("<|endoftext|>", "left")


@pytest.fixture
def plain(base: BaseModelRef, tiny_model: Path) -> Any:
    """A tokenizer that brings neither template nor pad token."""
    (tiny_model / "chat_template.jinja").unlink()
    edit_json(tiny_model / "tokenizer_config.json", pad_token=None)
    return load_tokenizer(base)


def test_a_tokenizer_without_template_gets_the_plain_one(plain: Any) -> None:
    assert plain.chat_template == PLAIN_TEMPLATE
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}]
    answered = [*messages, {"role": "assistant", "content": "So."}]
    assert plain.apply_chat_template(messages, add_generation_prompt=True, tokenize=False) == (
        "Be short.\n\nQuestion: Why?\nAnswer:"
    )
    assert plain.apply_chat_template(answered, tokenize=False) == (
        "Be short.\n\nQuestion: Why?\nAnswer: So.<|im_end|>\n"
    )


def test_a_prompt_by_the_plain_template_is_a_prefix_of_its_answered_tokens(plain: Any) -> None:
    messages = [{"role": "user", "content": "What does it do?"}]
    prompt = plain.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
    answered = plain.apply_chat_template(
        [*messages, {"role": "assistant", "content": "It returns."}], return_dict=True
    )["input_ids"]
    # Otherwise training would mask a part of the answer and prompt with tokens never seen before an answer.
    assert answered[: len(prompt)] == prompt


def test_a_tokenizer_without_pad_token_pads_with_its_end_token(plain: Any) -> None:
    assert plain.pad_token == plain.eos_token == "<|im_end|>"


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[]", '{"added_tokens": [], "model": 3}'],
    ids=["no JSON", "empty", "list", "no such model"],
)
def test_a_broken_tokenizer_is_named(text: str, base: BaseModelRef, tiny_model: Path) -> None:
    (tiny_model / "tokenizer.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError) as error:
        load_tokenizer(base)
    assert str(error.value).startswith(f"model.base: the tokenizer of 'tiny' does not load from {tiny_model} (")
    assert str(error.value).endswith("); name a causal language model in transformers' format.")


# --- models -----------------------------------------------------------------------------------------


def test_a_model_is_frozen_and_in_evaluation_mode(base: BaseModelRef, hardware: Hardware, adapter: Path) -> None:
    assert not load_model(base, None, hardware).training
    model = load_model(base, adapter, hardware)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_trainable_adapter_trains_its_own_weights_only(base: BaseModelRef, hardware: Hardware, adapter: Path) -> None:
    model = load_model(base, adapter, hardware, trainable=True)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert model.training
    assert trained == {name for name, _ in model.named_parameters() if "lora_" in name} != set()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_base_has_the_hardwares_number_format(dtype: str, base: BaseModelRef) -> None:
    model = load_model(base, None, Hardware("cpu", dtype, 1))
    assert {str(parameter.dtype) for parameter in model.parameters()} == {f"torch.{dtype}"}


def test_base_and_adapter_are_what_peft_loads_and_not_the_base_alone(
    base: BaseModelRef, hardware: Hardware, adapter: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    by_hand = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base.path), str(adapter)).eval()
    loaded = logits(load_model(base, adapter, hardware))
    assert torch.equal(loaded, logits(by_hand))
    assert (loaded - logits(load_model(base, None, hardware))).abs().max() > 0.01


BROKEN_BASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated weights": (
        lambda folder: halve(folder / "model.safetensors"),
        "Error while deserializing header: incomplete metadata, file not fully covered",
    ),
    "empty weights": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"") and None,
        "Error while deserializing header: header too small",
    ),
    "half of the weights": (
        lambda folder: edit_weights(folder / "model.safetensors", half),
        "10 of its weights are missing, model.embed_tokens.weight among them",
    ),
    "other shapes": (
        lambda folder: edit_json(folder / "config.json", hidden_size=64),
        "You set `ignore_mismatched_sizes` to `False`, thus raising an error",
    ),
    "truncated config": (lambda folder: halve(folder / "config.json"), "It looks like the config file at "),
    "no language model": (
        lambda folder: edit_json(folder / "config.json", model_type="vit"),
        "Unrecognized configuration class ",
    ),
}


@pytest.mark.parametrize("case", BROKEN_BASES)
def test_a_broken_base_is_named_with_its_fault(
    case: str, base: BaseModelRef, hardware: Hardware, tiny_model: Path
) -> None:
    damage, fault = BROKEN_BASES[case]
    damage(tiny_model)
    with pytest.raises(ModelError) as error:
        load_model(base, None, hardware)
    assert str(error.value).startswith(f"model.base: the model of 'tiny' does not load from {tiny_model} ({fault}")
    assert str(error.value).endswith("); name a causal language model in transformers' format.")


BROKEN_ADAPTERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated weights": (
        lambda folder: halve(folder / "adapter_model.safetensors"),
        "Error while deserializing header: incomplete metadata, file not fully covered",
    ),
    "no weights": (
        lambda folder: (folder / "adapter_model.safetensors").unlink(),
        "it has no adapter_model.safetensors",
    ),
    "no config": (lambda folder: (folder / "adapter_config.json").unlink(), "Can't find 'adapter_config.json' at "),
    "truncated config": (lambda folder: halve(folder / "adapter_config.json"), ""),
    "unknown kind": (lambda folder: edit_json(folder / "adapter_config.json", peft_type="NOPE"), "'NOPE'"),
    "half of the weights": (
        lambda folder: edit_weights(folder / "adapter_model.safetensors", half),
        "14 of its weights are missing, 0 fit nowhere",
    ),
    "weights of a deeper model": (
        lambda folder: edit_weights(
            folder / "adapter_model.safetensors",
            lambda weights: weights | {k.replace("layers.1", "layers.2"): v.clone() for k, v in weights.items()},
        ),
        "0 of its weights are missing, 14 fit nowhere",
    ),
    "another rank": (
        lambda folder: edit_json(folder / "adapter_config.json", r=8),
        "Error(s) in loading state_dict for PeftModelForCausalLM)",
    ),
    "modules of another model": (
        lambda folder: edit_json(folder / "adapter_config.json", target_modules=["c_attn"]),
        "Target modules {'c_attn'} not found in the base model",
    ),
}


@pytest.mark.parametrize("case", BROKEN_ADAPTERS)
def test_a_broken_adapter_is_named_with_its_fault(
    case: str, base: BaseModelRef, hardware: Hardware, adapter: Path
) -> None:
    damage, fault = BROKEN_ADAPTERS[case]
    damage(adapter)
    with pytest.raises(ModelError) as error:
        load_model(base, adapter, hardware)
    assert str(error.value).startswith(f"The adapter in {adapter} does not load on tiny ({fault}")
    assert str(error.value).endswith("): restore the folder, or run the round again.")
