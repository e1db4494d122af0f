"""What a phase of training leaves, looked at by tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tasks.training.phases import PhaseResult

RunPhase = Callable[..., PhaseResult]


def adapter_weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "adapter_model.safetensors"))


def ignore(step: int, metrics: dict[str, float]) -> None:
    pass


def batches_of(trainer: Any) -> Iterator[dict[str, Any]]:
    yield from trainer.get_train_dataloader()
