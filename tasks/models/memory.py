"""How much memory a model takes to answer: measured in a process of its own, which does nothing else.

The process that evaluates has trained before and holds several models; what it takes says nothing of serving one.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.errors import ModelError, first_line
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Message, PeakMemory, Record
from tasks.settings.models import GenerationSettings

_ROOT = Path(__file__).parents[2]


class _Work(Record):
    """What the process is to do."""

    base: BaseModelRef
    adapter_folder: str | None
    prompts: tuple[tuple[Message, ...], ...]
    generation: GenerationSettings
    device: str
    dtype: str
    threads: int


def measure_peak_memory(
    base: BaseModelRef,
    adapter_folder: Path | None,
    prompts: Sequence[tuple[Message, ...]],
    generation: GenerationSettings,
    hardware: Hardware,
) -> PeakMemory:
    """The most memory that loading the model and answering its longest prompts, one full batch, takes at once.

    Main memory is the highest resident set of the process (ru_maxrss), the interpreter and its libraries included; GPU
    memory is what torch reserved at most, without the CUDA context.

    Args:
        prompts: at least one; the longest `generation.batch_size` of them, in characters, are answered.

    Raises:
        ModelError: when the process fails.
    """
    longest = sorted(prompts, key=lambda prompt: -sum(len(message.content) for message in prompt))
    work = _Work(
        base=base,
        adapter_folder=str(adapter_folder) if adapter_folder else None,
        prompts=tuple(longest[: generation.batch_size]),
        generation=generation,
        device=hardware.device,
        dtype=hardware.dtype,
        threads=hardware.threads,
    )
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    finished = subprocess.run(
        [sys.executable, "-m", "tasks.models.memory"],
        input=work.model_dump_json(),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        said = finished.stderr.strip().splitlines()
        raise ModelError(
            f"The memory that {base.id} takes cannot be measured: the process that loads it ended with "
            f"{finished.returncode} ({first_line(said[-1] if said else 'it said nothing')}); free some memory, or set "
            "promote.serving.max_memory_bytes to null."
        )
    return PeakMemory.model_validate_json(finished.stdout.strip().splitlines()[-1])


def _answer(work: _Work) -> PeakMemory:
    """Loads the model, answers, and looks at what that took."""
    import torch

    from tasks.models.generation import generate
    from tasks.models.hardware import use_threads
    from tasks.models.loading import load_model, load_tokenizer

    hardware = Hardware(work.device, work.dtype, work.threads)
    use_threads(hardware)
    model = load_model(work.base, Path(work.adapter_folder) if work.adapter_folder else None, hardware)
    generate(model, load_tokenizer(work.base), work.prompts, work.generation)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return PeakMemory(
        resident_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        device_bytes=int(torch.cuda.max_memory_reserved()) if work.device == "cuda" else None,
        prompts=len(work.prompts),
    )


if __name__ == "__main__":
    print(json.dumps(_answer(_Work.model_validate_json(sys.stdin.read())).model_dump(mode="json")))  # noqa: T201
