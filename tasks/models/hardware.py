"""Where models run: device, number format and threads, chosen by what is there unless the config says."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import ModelError
from tasks.settings.models import ModelSettings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Hardware:
    """What a model runs on.

    Attributes:
        device: `cpu`, `cuda` or `mps`.
        dtype: `float32`, `bfloat16` or `float16`.
        threads: CPU threads for tensor operations, at least 1.
        workers: processes that train a model together, each on such a device.
        fsdp: the model is sharded over the workers; otherwise each has it whole.
    """

    device: str
    dtype: str
    threads: int
    workers: int = 1
    fsdp: bool = False

    @property
    def torch_dtype(self) -> "torch.dtype":
        """The dtype as torch's own object."""
        import torch

        dtype = getattr(torch, self.dtype)
        assert isinstance(dtype, torch.dtype)
        return dtype


def choose_hardware(settings: ModelSettings) -> Hardware:
    """The hardware of the config, with every `auto` filled in by what this machine has.

    Raises:
        ModelError: when the config asks for a device that is not there.
    """
    import torch

    present = ["cpu"]
    if torch.backends.mps.is_available():
        present.insert(0, "mps")
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    device = present[0] if settings.device == "auto" else settings.device
    if device not in present:
        raise ModelError(f"model.device: {device!r} is not on this machine; use {' or '.join(present)}, or auto.")
    dtype = settings.dtype
    if dtype == "auto":
        dtype = "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return Hardware(device, dtype, settings.threads or available_cores())


def available_cores() -> int:
    """CPU cores this process may use; OMP_NUM_THREADS, where set, is respected."""
    wished = os.environ.get("OMP_NUM_THREADS", "")
    if wished.isdigit() and int(wished) > 0:
        return int(wished)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(hardware: Hardware) -> None:
    """Gives torch its CPU threads, for the whole process."""
    import torch

    torch.set_num_threads(hardware.threads)
