from pathlib import Path
from typing import Any

import pytest

from tasks.models.hardware import Hardware
from tasks.settings.training import DpoSettings, SftSettings, TrainSettings
from tasks.training.arguments import shared_arguments


def arguments(phase: SftSettings | DpoSettings, hardware: Hardware, train: TrainSettings | None = None) -> Any:
    return shared_arguments(Path("out"), phase, train or TrainSettings(), hardware, seed=3)


@pytest.mark.parametrize(
    ("dtype", "bf16", "fp16"),
    [("float32", False, False), ("bfloat16", True, False), ("float16", False, True)],
)
def test_the_number_format_is_the_hardwares(dtype: str, bf16: bool, fp16: bool) -> None:
    chosen = arguments(SftSettings(), Hardware("cpu", dtype, 1))
    assert (chosen["bf16"], chosen["fp16"]) == (bf16, fp16)


@pytest.mark.parametrize("kind", ["SFTConfig", "DPOConfig"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_trl_accepts_them_for_sft_and_dpo_alike(kind: str, dtype: str, tmp_path: Path) -> None:
    import trl

    phase = SftSettings() if kind == "SFTConfig" else DpoSettings()
    train = TrainSettings(gradient_checkpointing=True, max_length=77, checkpoint_steps=5)
    config = getattr(trl, kind)(**shared_arguments(tmp_path, phase, train, Hardware("cpu", dtype, 1), seed=3))
    assert config.bf16 is (dtype == "bfloat16")
    assert (config.num_train_epochs, config.learning_rate) == (phase.epochs, phase.learning_rate)
    assert config.per_device_train_batch_size == phase.batch_size
    assert config.gradient_checkpointing is True
    assert (config.max_length, config.save_steps, config.seed) == (77, 5, 3)
    assert (config.report_to, config.train_sampling_strategy) == ([], "group_by_length")


def test_defaults_of_trl_that_cost_time_for_nothing_are_off() -> None:
    chosen = arguments(SftSettings(), Hardware("cpu", "float32", 1))
    assert chosen["gradient_checkpointing"] is False
    assert chosen["dataloader_pin_memory"] is False
    assert chosen["use_cpu"] is True
    assert arguments(SftSettings(), Hardware("cuda", "bfloat16", 1))["use_cpu"] is False
