"""Kahneman-Tversky optimisation on single answers, against a frozen copy of the adapter it starts from."""

from collections.abc import Sequence
from pathlib import Path

from tasks.errors import DomainError
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.records import BaseModelRef, RatedAnswer
from tasks.settings.training import TrainSettings
from tasks.training.arguments import shared_arguments
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult, run_phase
from tasks.training.rows import rated_rows
from tasks.training.sharing import share_batches

_MAX_RATIO = 4 / 3


def run_kto(
    base: BaseModelRef,
    adapter_folder: Path,
    answers: Sequence[RatedAnswer],
    settings: TrainSettings,
    hardware: Hardware,
    seed: int,
    folder: PhaseFolder,
    on_loss: OnLoss,
) -> PhaseResult:
    """The adapter after KTO (Ethayarajh et al. 2024), started from `adapter_folder`, which is also its reference.

    Each answer is measured against how far policy and reference are apart on the other answers of its batch, so the
    batches are fixed: drawn once from the seed, and the same in every epoch.

    Raises:
        DomainError: when every answer is longer than `settings.max_length`, or all that are not are of one kind.
        ModelError: when base or adapter cannot be loaded.
        HomeError: when the disk is full or not writable.
    """
    from trl import KTOConfig, KTOTrainer

    if (finished := folder.finished()) is not None:
        return finished
    tokenizer = load_tokenizer(base)
    rows, overlong = rated_rows(tokenizer, answers, settings.max_length)
    desirable = sum(rows["label"])
    weights = balance(desirable, len(rows) - desirable, settings.max_length)
    # A PeftModel without peft_config: TRL freezes a copy of the loaded adapter as the reference policy.
    model = load_model(base, adapter_folder, hardware, trainable=True)
    arguments = KTOConfig(
        **shared_arguments(folder.checkpoints, settings.kto, settings, hardware, seed),
        beta=settings.kto.beta,
        desirable_weight=weights[0],
        undesirable_weight=weights[1],
    )
    shuffled = rows.shuffle(seed=seed)
    trainer = KTOTrainer(model=model, args=arguments, train_dataset=shuffled, processing_class=tokenizer)
    share_batches(trainer, settings.kto, hardware.workers)
    return run_phase("train: KTO steps", trainer, folder, overlong, base.id, on_loss)


def balance(desirable: int, undesirable: int, max_length: int) -> tuple[float, float]:
    """The weights of good and bad answers in the loss; the larger kind always has 1.

    With n good and m bad answers of weights v and w, vn / wm shall be from 1 to 4/3 (equation 8 of the paper): the
    smaller kind gets the smallest weight for which it is.

    Raises:
        DomainError: when there are none of one kind, so that there is no difference to learn from.
    """
    if not desirable or not undesirable:
        kind = "good" if desirable else "bad"
        raise DomainError(
            f"All {desirable + undesirable} answers within train.max_length={max_length} tokens are {kind}, and KTO "
            "learns from the difference: raise train.max_length, or set train.preference to dpo."
        )
    ratio = desirable / undesirable
    return (max(1.0, 1 / ratio), max(1.0, ratio / _MAX_RATIO))
