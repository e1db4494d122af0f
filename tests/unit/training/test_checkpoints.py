import json
from pathlib import Path

import pytest

from tasks.training.checkpoints import latest_complete


def make_checkpoint(folder: Path, step: int, train_s: float | None) -> None:
    """A checkpoint with a marker, or one cut off while it was written."""
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "adapter_model.safetensors").write_bytes(b"weights")
    if train_s is not None:
        (checkpoint / "complete.json").write_text(json.dumps({"train_s": train_s}), encoding="utf-8")


@pytest.mark.parametrize(
    ("checkpoints", "newest", "left"),
    [
        ({}, (None, 0.0), []),
        ({2: 1.5}, ("checkpoint-2", 1.5), ["checkpoint-2"]),
        ({8: 4.0, 10: 5.0}, ("checkpoint-10", 5.0), ["checkpoint-10", "checkpoint-8"]),
        ({2: 1.5, 4: None}, ("checkpoint-2", 1.5), ["checkpoint-2"]),
        ({2: None}, (None, 0.0), []),
        ({18: 9.0, 20: 10.0}, ("checkpoint-18", 9.0), ["checkpoint-18"]),
    ],
    ids=["none", "one", "by number and not by name", "cut off", "cut off alone", "of the last step"],
)
def test_the_newest_whole_checkpoint_is_found_and_the_others_that_count_are_kept(
    checkpoints: dict[int, float | None], newest: tuple[str | None, float], left: list[str], tmp_path: Path
) -> None:
    for step, train_s in checkpoints.items():
        make_checkpoint(tmp_path, step, train_s)
    found, train_s = latest_complete(tmp_path, steps=20)
    assert (found and found.name, train_s) == newest
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_a_folder_that_is_not_there_has_no_checkpoint(tmp_path: Path) -> None:
    assert latest_complete(tmp_path / "none", steps=20) == (None, 0.0)
