"""The training arguments that SFT, DPO and KTO share, so that a diff of two shows only the algorithm."""

from pathlib import Path
from typing import Any

from tasks.models.hardware import Hardware
from tasks.settings.training import DpoSettings, KtoSettings, SftSettings, TrainSettings
from tasks.training.sharing import unit_of


def shared_arguments(
    output_dir: Path,
    phase: SftSettings | DpoSettings | KtoSettings,
    train: TrainSettings,
    hardware: Hardware,
    seed: int,
) -> dict[str, Any]:
    """Keyword arguments for TRL's SFTConfig, DPOConfig and KTOConfig alike."""
    share = hardware.workers if unit_of(phase) == "batches" else 1
    return {
        "output_dir": str(output_dir),
        "num_train_epochs": phase.epochs,
        "learning_rate": phase.learning_rate,
        "per_device_train_batch_size": phase.batch_size,
        "gradient_accumulation_steps": phase.gradient_accumulation // share,  # several workers share a step
        "lr_scheduler_type": "cosine",
        "warmup_steps": phase.warmup_share,  # below 1 it is a share of all steps
        "max_length": train.max_length,
        # TRL turns both of these on by default; on CPU they cost time and precision for nothing.
        "gradient_checkpointing": train.gradient_checkpointing,
        "bf16": hardware.dtype == "bfloat16",
        "fp16": hardware.dtype == "float16",
        "use_cpu": hardware.device == "cpu",
        # Batches of like length: on short answers of mixed length a good part of a random batch is padding.
        # Not for KTO, whose rows are compared with their neighbours and keep their places.
        "train_sampling_strategy": "sequential" if isinstance(phase, KtoSettings) else "group_by_length",
        "length_column_name": "length",
        "remove_unused_columns": False,  # the sampler reads `length` after unused columns would be gone
        "include_num_input_tokens_seen": "non_padding",
        "save_strategy": "steps",
        "save_steps": train.checkpoint_steps,
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would log an average in place of a loss that is no number
        "report_to": "none",  # curves go to MLflow through PhaseCallback, once per step even after a resume
        "disable_tqdm": True,
        "dataloader_pin_memory": hardware.device == "cuda",
        "seed": seed,
        **(_for_workers(hardware) if hardware.workers > 1 else {}),
    }


def _for_workers(hardware: Hardware) -> dict[str, Any]:
    """What is set only where several processes train together."""
    if not hardware.fsdp:
        return {"ddp_find_unused_parameters": False}  # each step uses all of the adapter; looking for others takes time
    # The decoder layers that transformers names for the model are sharded, and gathered for the adapter to be saved.
    return {"fsdp": True, "fsdp_config": {"auto_wrap_policy": "TRANSFORMER_BASED_WRAP"}}
