"""A disk that fills while a phase writes: one sentence, and a later run completes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.training.phase_results import RunPhase

from tasks.errors import HomeError
from tasks.settings.training import TrainSettings


# Each size fails in another writer: the README, safetensors, the tokenizer, torch, the trainer's state, torch again.
@pytest.mark.parametrize("size_kib", [4, 20, 40, 80, 140, 260])
def test_a_full_disk_is_one_sentence_and_a_later_run_completes(
    size_kib: int,
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    small_disk: Callable[[int], Path],
) -> None:
    folder = small_disk(size_kib) / "sft"
    with pytest.raises(HomeError) as error:
        run_phase_of("sft", folder, settings)
    assert str(error.value) in {
        f"No space left to write {path}: free some disk, or set RATCHET_HOME to a larger one."
        for path in (folder, *(folder / "checkpoints" / f"checkpoint-{step}" / "complete.json" for step in (2, 4, 6)))
    }
    small_disk(4096)
    later = run_phase_of("sft", folder, settings)
    whole = run_phase_of("sft", tmp_path / "whole", settings)
    assert (later.losses, later.adapter_sha256) == (whole.losses, whole.adapter_sha256)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left to write {}: free some disk, or set RATCHET_HOME to a larger one."),
        (errno.EROFS, "{} cannot be written (Read-only file system): make its folder writable, or set RATCHET_HOME "),
        (errno.EIO, "Writing {} failed (Input/output error): check the disk, or set RATCHET_HOME elsewhere."),
    ],
)
def test_an_adapter_that_cannot_be_saved_is_one_sentence_and_a_later_run_completes(
    number: int,
    message: str,
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks.training import phases

    def fail(*_: Any, **__: Any) -> str:
        raise OSError(number, os.strerror(number))

    folder = tmp_path / "sft"
    with monkeypatch.context() as patch:
        patch.setattr(phases.tempfile, "mkdtemp", fail)
        with pytest.raises(HomeError) as error:
            run_phase_of("sft", folder, settings)
    assert str(error.value).startswith(message.format(folder))
    assert not (folder / "adapter").exists()
    assert run_phase_of("sft", folder, settings).losses == run_phase_of("sft", tmp_path / "whole", settings).losses


@pytest.mark.parametrize("error", [OSError("the server closed the connection"), RuntimeError("out of memory")])
def test_an_error_that_is_no_write_passes_as_it_is(
    error: Exception, tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase
) -> None:
    def fail(step: int, metrics: dict[str, float]) -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        run_phase_of("sft", tmp_path / "sft", settings, on_loss=fail)


# --- number formats ---------------------------------------------------------------------------------
