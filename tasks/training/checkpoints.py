"""Checkpoints that a killed run can trust: one counts only when its marker says that it is whole."""

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tasks.errors import ModelError
from tasks.files import canonical_json, write_atomically

_MARKER = "complete.json"


def latest_complete(folder: Path, steps: int) -> tuple[Path | None, float]:
    """The newest whole checkpoint and the training seconds behind it; (None, 0.0) when there is none.

    Checkpoints without a marker were cut off while being written: they are deleted. So is one of the last of all
    `steps`: resumed from the middle of an epoch, transformers would train one step more than it was asked for.
    """
    found: list[tuple[int, Path]] = []
    for checkpoint in folder.glob("checkpoint-*"):
        step = int(checkpoint.name.removeprefix("checkpoint-"))
        if step < steps and (checkpoint / _MARKER).is_file():
            found.append((step, checkpoint))
        else:
            shutil.rmtree(checkpoint)
    if not found:
        return None, 0.0
    newest = max(found)[1]
    return newest, float(json.loads((newest / _MARKER).read_text(encoding="utf-8"))["train_s"])


class PhaseCallback(TrainerCallback):  # type: ignore[misc]  # transformers is Any to mypy
    """Watches one phase: reports each step's loss, advances the progress, marks checkpoints as whole.

    Attributes:
        train_s: seconds of training so far, those before a kill included.
    """

    def __init__(
        self,
        earlier_s: float,
        on_loss: Callable[[int, dict[str, float]], None],
        advance: Callable[[int], None],
    ) -> None:
        self._earlier_s = earlier_s
        self._on_loss = on_loss
        self._advance = advance
        self._started = time.monotonic()

    @property
    def train_s(self) -> float:
        return self._earlier_s + time.monotonic() - self._started

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Starts the clock and shows the steps that a resumed run need not repeat."""
        self._started = time.monotonic()
        self._advance(state.global_step)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, train_dataloader: Any, **_: Any) -> None:
        """Makes an epoch's order depend on seed and epoch alone.

        Drawn from torch's global stream, as it would be, the order of a later epoch depends on every draw before
        it, and a run resumed in that epoch would train on some rows twice and on others never.
        """
        import torch

        batches = train_dataloader.batch_sampler
        while not hasattr(batches, "sampler"):  # accelerate wraps it where several workers share an epoch
            batches = batches.batch_sampler
        batches.sampler.generator = torch.Generator().manual_seed(args.seed + int(state.epoch or 0))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._advance(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Hands every step's numbers on; the summary at the end of training has no `loss` and is left out.

        Raises:
            ModelError: when the loss is no longer a finite number; going on would only cost time.
        """
        if logs and "loss" in logs:
            numbers = {key: float(value) for key, value in logs.items() if isinstance(value, int | float)}
            if not math.isfinite(numbers["loss"]):
                raise ModelError(
                    f"Training diverged: the loss is {numbers['loss']} at step {state.global_step} with learning rate "
                    f"{args.learning_rate:g}; lower it, or look for broken rows with `ratchet doctor`."
                )
            self._on_loss(state.global_step, numbers)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Marks the checkpoint just written, by all workers; a kill before this line leaves it without a marker."""
        import torch

        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()
        if not state.is_world_process_zero:
            return
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        write_atomically(checkpoint / _MARKER, canonical_json({"train_s": self.train_s}).encode())
