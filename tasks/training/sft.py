"""Supervised fine-tuning: LoRA on demonstrations, loss on the completion only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.errors import ModelError
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.records import BaseModelRef, Demonstration
from tasks.settings.training import LoraSettings, TrainSettings
from tasks.training.arguments import shared_arguments
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult, run_phase
from tasks.training.rows import demonstration_rows
from tasks.training.sharing import share_batches


def run_sft(
    base: BaseModelRef,
    adapter_folder: Path | None,
    demonstrations: Sequence[Demonstration],
    settings: TrainSettings,
    hardware: Hardware,
    seed: int,
    folder: PhaseFolder,
    on_loss: OnLoss,
) -> PhaseResult:
    """The adapter after SFT, started from `adapter_folder` or from fresh LoRA weights (Hu et al. 2021).

    Raises:
        DomainError: when every demonstration is longer than `settings.max_length`.
        ModelError: when base or adapter cannot be loaded.
        HomeError: when the disk is full or not writable.
    """
    from trl import SFTConfig, SFTTrainer

    if (finished := folder.finished()) is not None:
        return finished
    tokenizer = load_tokenizer(base)
    rows, overlong = demonstration_rows(tokenizer, demonstrations, settings.max_length)
    model = load_model(base, adapter_folder, hardware, trainable=True)
    if adapter_folder is None:
        model = add_lora(model, settings.lora, seed)
    arguments = SFTConfig(
        **shared_arguments(folder.checkpoints, settings.sft, settings, hardware, seed),
        completion_only_loss=True,
    )
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer)
    share_batches(trainer, settings.sft, hardware.workers)
    return run_phase("train: SFT steps", trainer, folder, overlong, base.id, on_loss)


def add_lora(model: Any, settings: LoraSettings, seed: int) -> Any:
    """The model with fresh LoRA weights, which leave its output as it was until they are trained.

    Raises:
        ModelError: when the model has none of the target modules.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from peft.utils.error import NoMatchingPeftModuleError

    targets = settings.target_modules
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
    )
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return get_peft_model(model, config)
    except NoMatchingPeftModuleError as error:
        raise ModelError(
            f"train.lora.target_modules: the model has no modules {targets!r}; name some it has, or all-linear."
        ) from error
