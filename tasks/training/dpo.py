"""Direct preference optimisation on pairs, against a frozen copy of the adapter it starts from."""

from collections.abc import Sequence
from pathlib import Path

from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.records import BaseModelRef, PreferencePair
from tasks.settings.training import TrainSettings
from tasks.training.arguments import shared_arguments
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult, run_phase
from tasks.training.rows import preference_rows
from tasks.training.sharing import share_batches


def run_dpo(
    base: BaseModelRef,
    adapter_folder: Path,
    pairs: Sequence[PreferencePair],
    settings: TrainSettings,
    hardware: Hardware,
    seed: int,
    folder: PhaseFolder,
    on_loss: OnLoss,
) -> PhaseResult:
    """The adapter after DPO (Rafailov et al. 2023), started from `adapter_folder`, which is also its reference.

    The likelihood of the chosen answer is added to the loss with weight `settings.dpo.sft_weight`: with few
    pairs plain DPO lowers the likelihood of both sides (Pang et al. 2024, section 3).

    Raises:
        DomainError: when every pair is longer than `settings.max_length`.
        ModelError: when base or adapter cannot be loaded.
        HomeError: when the disk is full or not writable.
    """
    from trl import DPOConfig, DPOTrainer

    if (finished := folder.finished()) is not None:
        return finished
    tokenizer = load_tokenizer(base)
    rows, overlong = preference_rows(tokenizer, pairs, settings.max_length)
    # A PeftModel without peft_config: TRL freezes a copy of the loaded adapter as the reference policy.
    model = load_model(base, adapter_folder, hardware, trainable=True)
    weight = settings.dpo.sft_weight
    arguments = DPOConfig(
        **shared_arguments(folder.checkpoints, settings.dpo, settings, hardware, seed),
        beta=settings.dpo.beta,
        loss_type=["sigmoid", "sft"] if weight else ["sigmoid"],
        loss_weights=[1.0, weight] if weight else None,
    )
    trainer = DPOTrainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer)
    share_batches(trainer, settings.dpo, hardware.workers)
    return run_phase("train: DPO steps", trainer, folder, overlong, base.id, on_loss)
