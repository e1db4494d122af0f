from pathlib import Path
from typing import Any

import pytest

from tasks.models.hardware import Hardware
from tasks.settings.training import DpoSettings, KtoSettings, SftSettings, TrainSettings
from tasks.training.arguments import shared_arguments

Phase = SftSettings | DpoSettings | KtoSettings
PHASES: dict[str, tuple[Phase, str]] = {
    "SFTConfig": (SftSettings(), "group_by_length"),
    "DPOConfig": (DpoSettings(), "group_by_length"),
    "KTOConfig": (KtoSettings(), "sequential"),
}


def arguments(phase: Phase, hardware: Hardware, train: TrainSettings | None = None) -> Any:
    return shared_arguments(Path("out"), phase, train or TrainSettings(), hardware, seed=3)


@pytest.mark.parametrize(
    ("dtype", "bf16", "fp16"),
    [("float32", False, False), ("bfloat16", True, False), ("float16", False, True)],
)
def test_the_number_format_is_the_hardwares(dtype: str, bf16: bool, fp16: bool) -> None:
    chosen = arguments(SftSettings(), Hardware("cpu", dtype, 1))
    assert (chosen["bf16"], chosen["fp16"]) == (bf16, fp16)


@pytest.mark.parametrize("kind", PHASES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_trl_accepts_them_for_every_phase(kind: str, dtype: str, tmp_path: Path) -> None:
    import trl

    phase, order = PHASES[kind]
    train = TrainSettings(gradient_checkpointing=True, max_length=77, checkpoint_steps=5)
    config = getattr(trl, kind)(**shared_arguments(tmp_path, phase, train, Hardware("cpu", dtype, 1), seed=3))
    assert config.bf16 is (dtype == "bfloat16")
    assert (config.num_train_epochs, config.learning_rate) == (phase.epochs, phase.learning_rate)
    assert config.per_device_train_batch_size == phase.batch_size
    assert config.gradient_checkpointing is True
    assert (config.max_length, config.save_steps, config.seed) == (77, 5, 3)
    assert (config.report_to, config.train_sampling_strategy) == ([], order)


def test_defaults_of_trl_that_cost_time_for_nothing_are_off() -> None:
    chosen = arguments(SftSettings(), Hardware("cpu", "float32", 1))
    assert chosen["gradient_checkpointing"] is False
    assert chosen["dataloader_pin_memory"] is False
    assert chosen["use_cpu"] is True
    assert arguments(SftSettings(), Hardware("cuda", "bfloat16", 1))["use_cpu"] is False


def test_workers_share_dpos_batches_and_the_rows_of_the_others() -> None:
    together = Hardware("cpu", "float32", 1, workers=2)
    for phase in (SftSettings(gradient_accumulation=4), DpoSettings(gradient_accumulation=4), KtoSettings()):
        alone, shared = arguments(phase, Hardware("cpu", "float32", 1)), arguments(phase, together)
        divided = 2 if isinstance(phase, DpoSettings) else 1
        assert shared["gradient_accumulation_steps"] * divided == alone["gradient_accumulation_steps"]
        assert shared["per_device_train_batch_size"] == phase.batch_size
        assert shared.keys() - alone.keys() == {"ddp_find_unused_parameters"}


def test_a_model_that_is_sharded_is_sharded_by_its_layers() -> None:
    from trl import SFTConfig

    chosen = arguments(SftSettings(), Hardware("cuda", "float32", 1, workers=2, fsdp=True))
    plugin = SFTConfig(**{**chosen, "use_cpu": True}).fsdp_plugin_args
    assert plugin["fsdp_version"] == 2 and plugin["auto_wrap_policy"] == "TRANSFORMER_BASED_WRAP"
    assert plugin["state_dict_type"] == "FULL_STATE_DICT", "the adapter is gathered whole"
