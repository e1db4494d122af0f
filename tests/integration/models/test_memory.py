"""The memory that answering takes is measured in a process of its own, and a process that fails says why."""

import shutil
from pathlib import Path

import pytest

from tasks.errors import ModelError
from tasks.models.hardware import Hardware
from tasks.models.memory import measure_peak_memory
from tasks.models.prompting import build_messages
from tasks.records import BaseModelRef, PeakMemory
from tasks.settings.models import GenerationSettings

HARDWARE = Hardware("cpu", "float32", 1)
PROMPTS = [build_messages("", "Why? " * length) for length in (1, 9, 4)]


def measure(folder: Path, adapter: Path | None = None) -> PeakMemory:
    base = BaseModelRef(id="tiny", path=str(folder), sha256="b" * 64)
    return measure_peak_memory(base, adapter, PROMPTS, GenerationSettings(batch_size=2, max_new_tokens=4), HARDWARE)


def test_a_process_that_answers_a_batch_takes_at_least_what_its_libraries_do(tiny_model_source: Path):
    found = measure(tiny_model_source)
    assert (found.prompts, found.device_bytes) == (2, None)
    assert 50_000_000 < found.resident_bytes < 8_000_000_000


def test_an_adapter_that_is_not_there_ends_it_with_the_reason(tiny_model: Path, tmp_path: Path):
    shutil.rmtree(missing := tmp_path / "missing", ignore_errors=True)
    with pytest.raises(ModelError) as caught:
        measure(tiny_model, missing)
    [problem] = caught.value.problems
    assert problem.startswith("The memory that tiny takes cannot be measured: the process that loads it ended with 1 (")
    assert "adapter_model.safetensors" in problem
    assert problem.endswith("free some memory, or set promote.serving.max_memory_bytes to null.")
