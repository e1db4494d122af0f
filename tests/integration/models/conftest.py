"""The tiny model, resolved and loaded."""

from pathlib import Path
from typing import Any

import pytest

from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef


@pytest.fixture
def base(tiny_model: Path) -> BaseModelRef:
    return BaseModelRef(id="tiny", path=str(tiny_model), sha256="a" * 64)


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    return Hardware("cpu", "float32", 1)


@pytest.fixture(scope="session")
def adapter_source(tiny_model_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LoRA weights on the tiny model that are random and not zero."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(1)
        lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
        model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model_source), lora)
    folder = tmp_path_factory.mktemp("adapters") / "random"
    model.save_pretrained(folder)
    return folder
