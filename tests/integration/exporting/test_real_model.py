"""The real, embedded base with an adapter on it, as GGUF: llama.cpp gives the answers that transformers gives."""

from pathlib import Path

import pytest
from example_models import adapter

from tasks.config import Config
from tasks.exporting.export import export_and_compare
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.records import ModelVersion
from tasks.settings.models import GenerationSettings, ModelSettings
from tasks.training.adapters import keep_adapter


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    ratchet_home.mkdir()
    return Home(ratchet_home)


def write_adapter(base: Path, folder: Path) -> None:
    """LoRA weights of rank 16 that turn the model's answers, but leave it able to speak."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weights, std=0.01)
    model.peft_config["default"].base_model_name_or_path = "smollm2-135m-instruct"
    model.save_pretrained(folder, save_embedding_layers=False)


def test_smollm2_with_an_adapter_answers_in_llama_cpp_as_in_transformers(home: Home, tmp_path: Path) -> None:
    config = Config(
        name="stdlib",
        questions="questions.jsonl",
        model=ModelSettings(device="cpu", dtype="float32", threads=1),
        generation=GenerationSettings(max_new_tokens=16),
        root=tmp_path,
    )
    base = resolve_base(config.model, home)
    write_adapter(Path(base.path), tmp_path / "adapter")
    trained = adapter(sha256=keep_adapter(home, tmp_path / "adapter"), base=base)
    version = ModelVersion(name="stdlib", version=2, base=base, adapter=trained)
    # The second answer is short: the token that ends it counts, too.
    questions = ["What does `itertools.chain` do in Python?", "How many days were in 2024?"]
    [verdict] = export_and_compare(config, home, version, ["gguf"], questions, tmp_path / "out")
    assert verdict.passed, verdict.problem
    assert verdict.equal_answers == 1.0
    assert verdict.max_gap is not None and verdict.max_gap < 0.05
    assert (tmp_path / "out" / "gguf" / "stdlib-v2-F16.gguf").stat().st_size == pytest.approx(270e6, rel=0.02)
