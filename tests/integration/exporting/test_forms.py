"""Each form, loaded as its consumers load it, is the model that was evaluated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.exporting.conftest import NEW_TOKENS, QUESTIONS, World
from tiny_model import CHATML

from tasks.files import sha256_of_file
from tasks.records import ExportManifest


def test_all_three_forms_answer_as_the_evaluated_model_does(world: World) -> None:
    verdicts = world.export("merged", "adapter", "gguf")
    assert list(verdicts) == ["merged", "adapter", "gguf"]
    for verdict in verdicts.values():
        assert verdict.passed, verdict.problem
        assert verdict.prompts == len(QUESTIONS)
        assert verdict.equal_answers == 1.0
        assert verdict.max_gap is not None and verdict.max_gap <= verdict.tolerance / 3
    assert verdicts["adapter"].max_gap == 0.0
    assert verdicts["gguf"].max_gap > 0.0  # it was read, and is not the reference itself


def test_each_folder_lists_its_files_by_hash_and_names_nothing_of_this_machine(world: World) -> None:
    verdicts = world.export("merged", "adapter", "gguf")
    for form, verdict in verdicts.items():
        folder = world.folder / form
        manifest = ExportManifest.model_validate_json((folder / "export.json").read_bytes())
        assert manifest.parity == verdict
        assert manifest.adapter_sha256 == world.version.adapter.sha256
        assert manifest.base_sha256 == world.version.base.sha256
        assert manifest.files == {
            path.name: sha256_of_file(path) for path in folder.iterdir() if path.name != "export.json"
        }
        for path in folder.iterdir():
            assert str(world.config.root).encode() not in path.read_bytes(), path


def test_merged_loads_without_us_and_decodes_greedily_to_the_length_that_was_evaluated(world: World) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    world.export("merged")
    model = AutoModelForCausalLM.from_pretrained(world.folder / "merged")
    tokenizer = AutoTokenizer.from_pretrained(world.folder / "merged")
    assert not any("lora" in name for name in model.state_dict())
    assert (model.generation_config.do_sample, model.generation_config.max_new_tokens) == (False, NEW_TOKENS)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "Q"}], tokenize=False)
    assert prompt == (f"<|im_start|>system\n{world.config.system_prompt}<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n")


def test_the_adapter_is_byte_for_byte_the_trained_one_and_names_its_base_publicly(world: World) -> None:
    world.export("adapter")
    folder, trained = world.folder / "adapter", world.home.adapters / world.version.adapter.sha256
    weights = "adapter_model.safetensors"
    assert (folder / weights).read_bytes() == (trained / weights).read_bytes()
    described = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert (described["base_model_name_or_path"], described["r"]) == ("tiny", 4)
    assert "--max-lora-rank 8" in (folder / "README.md").read_text(encoding="utf-8")
    assert (folder / "chat_template.jinja").is_file()


@pytest.mark.parametrize(("gguf_type", "kind"), [("f32", "F32"), ("q8_0", "Q8_0")])
def test_gguf_in_other_number_formats(world: World, gguf_type: Any, kind: str) -> None:
    from gguf import GGUFReader

    [verdict] = world.export("gguf", gguf_type=gguf_type).values()
    assert verdict.passed, verdict.problem
    assert verdict.numbers == gguf_type
    tensors = {
        tensor.name: tensor.tensor_type.name for tensor in GGUFReader(next(world.folder.glob("gguf/*.gguf"))).tensors
    }
    assert tensors["blk.0.attn_q.weight"] == kind
    assert tensors["blk.0.attn_norm.weight"] == "F32"


def test_the_modelfile_has_the_domains_prompt(make_world: Callable[..., World]) -> None:
    world = make_world(system_prompt='Say "yes".')
    world.export("gguf")
    lines = (world.folder / "gguf" / "Modelfile").read_text(encoding="utf-8")
    assert lines.startswith('FROM ./demo-v2-F16.gguf\nTEMPLATE """')
    assert 'SYSTEM """Say "yes"."""\n' in lines
    assert f"PARAMETER num_predict {NEW_TOKENS}\n" in lines
    assert 'PARAMETER stop "<|im_end|>"\n' in lines


def test_a_chat_template_that_ollama_cannot_have_is_said_and_the_rest_is_exported(
    make_world: Callable[..., World],
) -> None:
    def number_the_turns(folder: Path) -> None:
        template = CHATML.replace("{{ '<|im_start|>'", "{{ loop.index }}{{ '<|im_start|>'")
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")

    world = make_world(number_the_turns)
    assert world.export("gguf")["gguf"].passed
    assert {path.suffix for path in (world.folder / "gguf").iterdir()} == {".gguf", ".json"}
    manifest = ExportManifest.model_validate_json((world.folder / "gguf" / "export.json").read_bytes())
    assert manifest.notes == (
        "There is no Modelfile: the base's chat template cannot be written as a template for Ollama.",
    )


@pytest.mark.parametrize("system_prompt", ["", "  ", "Antworte auf «Deutsch»\\n.\n{{ 7 }} {% if %} 'x'"])
def test_any_prompt_of_the_domain_reaches_the_model_through_every_form(
    make_world: Callable[..., World], system_prompt: str
) -> None:
    verdicts = make_world(system_prompt=system_prompt).export("merged", "adapter", "gguf")
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_model_that_was_evaluated_in_half_precision_is_exported_in_it(
    make_world: Callable[..., World], dtype: str
) -> None:
    world = make_world(model={"dtype": dtype})
    verdicts = world.export("merged", "adapter", "gguf")
    assert all(verdict.passed for verdict in verdicts.values()), verdicts
    assert verdicts["merged"].numbers == dtype
    assert json.loads((world.folder / "merged" / "config.json").read_text(encoding="utf-8"))["dtype"] == dtype


@pytest.mark.parametrize("rules", ["smollm", "llama-bpe", "qwen2"])
def test_llama_cpp_splits_texts_by_the_rules_that_the_file_names(make_world: Callable[..., World], rules: str) -> None:
    """Tokens are compared for each question: one with digits, one with accents, one in another script."""
    from tasks.exporting import gguf_tokenizer

    before, own_pattern, _ = next(each for each in gguf_tokenizer._RULES if each[2] == rules)

    def split_otherwise(folder: Path) -> None:
        described = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        steps: list[dict[str, Any]] = [
            {"type": "Digits", "individual_digits": True}
            if kind == "Digits"
            else {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
            for kind, pattern in before
        ]
        last = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": own_pattern}
        described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*steps, last]}
        (folder / "tokenizer.json").write_text(json.dumps(described), encoding="utf-8")

    verdict = make_world(split_otherwise).export("gguf")["gguf"]
    assert verdict.passed, verdict.problem


def test_a_base_of_another_architecture_keeps_its_rows_and_biases(make_world: Callable[..., World]) -> None:
    def make_qwen(folder: Path) -> None:
        import torch
        from transformers import AutoConfig, Qwen2Config, Qwen2ForCausalLM

        own = AutoConfig.from_pretrained(folder)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = Qwen2ForCausalLM(
                Qwen2Config(
                    **{name: getattr(own, name) for name in ("vocab_size", "hidden_size", "intermediate_size")},
                    **{name: getattr(own, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    max_position_embeddings=1024,
                    tie_word_embeddings=True,
                )
            )
            for name, weights in model.named_parameters():
                if name.endswith("bias"):
                    torch.nn.init.normal_(weights)
        model.save_pretrained(folder)

    verdict = make_world(make_qwen).export("gguf")["gguf"]
    assert verdict.passed, verdict.problem
