"""One phase of training, SFT, DPO or KTO: run TRL's trainer from its last whole checkpoint, keep the adapter."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.files import canonical_json, sha256_of_directory, write_atomically
from tasks.models.saving import saving_weights
from tasks.progress import track
from tasks.records import Count, Record, Seconds, Sha256
from tasks.roi.energy import measure_energy
from tasks.training.adapters import ADAPTER_FILES
from tasks.training.checkpoints import PhaseCallback, latest_complete

OnLoss = Callable[[int, dict[str, float]], None]


class PhaseResult(Record):
    """What a finished phase leaves behind."""

    adapter_sha256: Sha256
    rows: Count
    overlong: Count
    train_tokens: Count
    train_s: Seconds
    energy_j: float | None = None
    losses: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class PhaseFolder:
    """Where a phase works: checkpoints while it runs, then adapter and result."""

    root: Path

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.root / "adapter"

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    def finished(self) -> PhaseResult | None:
        """The result, when the phase ran to its end before."""
        if not self.result.exists():
            return None
        return PhaseResult.model_validate_json(self.result.read_bytes())


def run_phase(
    label: str, trainer: Any, folder: PhaseFolder, overlong: int, base_id: str, on_loss: OnLoss
) -> PhaseResult:
    """Trains to the end, resuming from the last whole checkpoint, and saves the adapter and the result.

    Where several workers train together, each of them comes here; the first alone writes, and all return its result.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    from transformers import PrinterCallback

    steps = _count_steps(trainer)
    with trainer.accelerator.main_process_first():  # it deletes what is not whole before the others look
        checkpoint, earlier_s = latest_complete(folder.checkpoints, steps)
    with saving_weights(folder.root):
        with track(label, steps) as advance, measure_energy() as joules_so_far:
            trainer.remove_callback(PrinterCallback)
            watcher = PhaseCallback(earlier_s, on_loss, advance)
            trainer.add_callback(watcher)
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            train_s = watcher.train_s
            # What a killed run used before is not known.
            energy_j = joules_so_far() if checkpoint is None else None
        weights = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else None
        if trainer.is_world_process_zero():
            _save_adapter(trainer.model, folder.adapter, base_id, weights)
    if trainer.is_world_process_zero():
        _keep_result(trainer, folder, overlong, train_s, energy_j)
    trainer.accelerator.wait_for_everyone()
    result = folder.finished()
    assert result is not None
    return result


def _keep_result(trainer: Any, folder: PhaseFolder, overlong: int, train_s: float, energy_j: float | None) -> None:
    result = PhaseResult(
        adapter_sha256=sha256_of_directory(folder.adapter, ADAPTER_FILES),
        rows=len(trainer.train_dataset),
        overlong=overlong,
        train_tokens=int(trainer.state.num_input_tokens_seen),
        train_s=train_s,
        energy_j=energy_j,
        losses=tuple((entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry),
    )
    write_atomically(folder.result, canonical_json(result).encode())
    shutil.rmtree(folder.checkpoints, ignore_errors=True)


def energy_of(phases: Iterable[PhaseResult]) -> float | None:
    """Joules of the machine during all phases; None where that of one was not read."""
    read = [phase.energy_j for phase in phases]
    return sum(joules for joules in read if joules is not None) if None not in read else None


def _count_steps(trainer: Any) -> int:
    batches = len(trainer.get_train_dataloader())
    per_epoch = max(1, -(-batches // trainer.args.gradient_accumulation_steps))
    return int(-(-per_epoch * trainer.args.num_train_epochs // 1))


def _save_adapter(model: Any, target: Path, base_id: str, weights: dict[str, Any] | None = None) -> None:
    """Writes the trained adapter alone; the folder appears whole, and says nothing of this machine.

    Args:
        weights: of the whole model, where it is sharded; None: those in the model.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".adapter."))
    try:
        # The model of DPO and KTO carries its frozen reference as a second adapter, which must not be saved with it.
        model.save_pretrained(temporary, selected_adapters=["default"], state_dict=weights)
        config_file = temporary / "adapter_config.json"
        config = json.loads(config_file.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = base_id
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()  # PEFT holds a set: its order differs from process to process
        config_file.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
        for path in temporary.iterdir():
            if path.name not in ADAPTER_FILES:
                path.unlink()
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
