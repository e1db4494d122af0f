"""A training that was killed goes on and ends with the same losses and the same bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.training.phases import PhaseFolder, PhaseResult


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in PhaseFolder(folder).checkpoints.glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("phase", "recipe", "kill_at", "left"),
    [
        # In the second epoch, whose order of rows must be found again; dropout shows the random state to be restored.
        ("sft", {"epochs": 2, "dropout": 0.1}, 9, ["checkpoint-6", "checkpoint-8"]),
        ("sft", {"epochs": 2.5, "accumulation": 2}, 6, ["checkpoint-2", "checkpoint-4"]),
        ("dpo", {"epochs": 2, "dropout": 0.1}, 9, ["checkpoint-6", "checkpoint-8"]),
        ("dpo", {"epochs": 1.5, "accumulation": 2}, 5, ["checkpoint-2", "checkpoint-4"]),
        ("kto", {"epochs": 2, "dropout": 0.1}, 9, ["checkpoint-6", "checkpoint-8"]),
        ("kto", {"epochs": 1.5, "accumulation": 2}, 5, ["checkpoint-2", "checkpoint-4"]),
        # Behind the last step, in the middle of an epoch: there is nothing left to train.
        ("sft", {"epochs": 1.5}, "the end", ["checkpoint-8", "checkpoint-9"]),
    ],
    ids=["sft", "sft accumulated", "dpo", "dpo accumulated", "kto", "kto accumulated", "at the end"],
)
def test_a_killed_training_ends_as_if_it_had_not_been(
    phase: str,
    recipe: dict[str, Any],
    kill_at: int | str,
    left: list[str],
    tmp_path: Path,
    run_phase_of: Callable[..., PhaseResult],
    run_and_kill: Callable[..., None],
    settings_with: Callable[..., Any],
) -> None:
    settings = settings_with(**recipe)
    uninterrupted = run_phase_of(phase, tmp_path / "whole", settings)
    run_and_kill(phase, tmp_path / "killed", settings, kill_at)
    assert checkpoints(tmp_path / "killed") == left
    assert not PhaseFolder(tmp_path / "killed").adapter.exists()

    curve: list[int] = []
    resumed = run_phase_of(phase, tmp_path / "killed", settings, on_loss=lambda step, metrics: curve.append(step))

    steps = [step for step, _ in uninterrupted.losses]
    assert steps == list(range(1, len(steps) + 1))
    assert resumed.losses == uninterrupted.losses
    assert resumed.adapter_sha256 == uninterrupted.adapter_sha256
    assert resumed.train_tokens == uninterrupted.train_tokens
    assert 1 < curve[0] <= len(steps), "it went on and did not begin anew"
    assert curve == list(range(curve[0], len(steps) + 1))
    assert checkpoints(tmp_path / "killed") == []


def test_a_training_killed_before_its_first_checkpoint_begins_anew(
    tmp_path: Path,
    settings_with: Callable[..., Any],
    run_phase_of: Callable[..., PhaseResult],
    run_and_kill: Callable[..., None],
) -> None:
    settings = settings_with()
    run_and_kill("sft", tmp_path / "killed", settings, 1)
    resumed = run_phase_of("sft", tmp_path / "killed", settings)
    whole = run_phase_of("sft", tmp_path / "whole", settings)
    assert (resumed.losses, resumed.adapter_sha256) == (whole.losses, whole.adapter_sha256)


class Interrupted(BaseException):
    """Stops a training like Ctrl-C."""


def test_a_checkpoint_cut_off_while_written_is_ignored_and_deleted(
    tmp_path: Path, settings_with: Callable[..., Any], run_phase_of: Callable[..., PhaseResult]
) -> None:
    def stop(step: int, metrics: dict[str, float]) -> None:
        if step == 5:
            raise Interrupted

    settings = settings_with()
    whole = run_phase_of("sft", tmp_path / "whole", settings)
    with pytest.raises(Interrupted):
        run_phase_of("sft", tmp_path / "cut", settings, on_loss=stop)
    torn = PhaseFolder(tmp_path / "cut").checkpoints / "checkpoint-4"
    (torn / "complete.json").unlink()
    weights = torn / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])

    curve: list[int] = []
    resumed = run_phase_of("sft", tmp_path / "cut", settings, on_loss=lambda step, metrics: curve.append(step))
    assert curve == [3, 4, 5, 6]
    assert (resumed.losses, resumed.adapter_sha256) == (whole.losses, whole.adapter_sha256)


@pytest.mark.parametrize("phase", ["sft", "dpo", "kto"])
def test_a_finished_phase_is_not_run_again(
    phase: str,
    tmp_path: Path,
    settings_with: Callable[..., Any],
    run_phase_of: Callable[..., PhaseResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    folder = PhaseFolder(tmp_path / phase)
    first = run_phase_of(phase, folder.root, settings_with())
    written = {path: path.stat().st_mtime_ns for path in folder.root.rglob("*")}
    monkeypatch.setattr(f"tasks.training.{phase}.load_model", refuse)
    assert run_phase_of(phase, folder.root, settings_with()) == first
    assert {path: path.stat().st_mtime_ns for path in folder.root.rglob("*")} == written
