"""Settings under which workers could not train as one does are refused when the config is read."""

from pathlib import Path
from typing import Any

import pytest

from tasks.config import load_config
from tasks.errors import ComputeError, ConfigError
from tasks.models.hardware import Hardware
from tasks.settings.compute import ComputeSettings
from tasks.training.jobs import check_devices


def read(folder: Path, text: str) -> Any:
    path = folder / "ratchet.yaml"
    path.write_text(f"name: demo\nquestions: q.jsonl\n{text}", encoding="utf-8")
    return load_config(path)


def test_by_default_all_is_done_in_this_process(tmp_path: Path) -> None:
    compute = read(tmp_path, "").compute
    assert (compute.engine, compute.workers, compute.shards) == ("local", 1, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "compute: {workers: 2}\n",
            "compute.workers: 2 processes cannot train with `engine: local`; set `engine: accelerate` or `ray`, or 1 "
            "worker.",
        ),
        (
            "compute: {engine: accelerate, fsdp: true}\n",
            "compute.fsdp: one worker has nobody to share the model with; set more `workers`, or false.",
        ),
        (
            "compute: {engine: accelerate, workers: 3}\n",
            "train.sft.batch_size: 8 cannot be shared by 3 workers; make it a multiple of `compute.workers`.",
        ),
        (
            "compute: {engine: ray, workers: 4}\n",
            "train.dpo.gradient_accumulation: 2 cannot be shared by 4 workers; make it a multiple of "
            "`compute.workers`.",
        ),
        (
            "compute: {engine: ray, workers: 8}\ntrain: {preference: kto}\n",
            "train.kto.batch_size: 4 cannot be shared by 8 workers; make it a multiple of `compute.workers`.",
        ),
        ("compute: {workers: 0}\n", "compute.workers: 0 is not accepted; it should be greater than or equal to 1."),
        ("compute: {timeout_s: 0}\n", "compute.timeout_s: 0 is not accepted; it should be greater than 0."),
        (
            "compute: {engine: dask}\n",
            "compute.engine: 'dask' is not accepted; it should be 'local', 'accelerate' or 'ray'.",
        ),
        (
            "generation: {engine: llama}\n",
            "generation.engine: 'llama' is not accepted; it should be 'transformers' or 'vllm'.",
        ),
    ],
)
def test_what_cannot_work_is_named_with_its_remedy(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert caught.value.problems == (f"{tmp_path / 'ratchet.yaml'}: {problem}",)


@pytest.mark.parametrize(
    "text",
    [
        "compute: {engine: accelerate, workers: 2}\n",
        "compute: {engine: ray, workers: 4}\ntrain: {preference: kto}\n",
        "compute: {engine: ray, workers: 4, fsdp: true}\ntrain: {dpo: {gradient_accumulation: 8}}\n",
    ],
)
def test_workers_that_divide_every_step_are_accepted(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).compute.workers > 1


@pytest.mark.parametrize(
    ("settings", "device", "problem"),
    [
        (
            {"workers": 2},
            "mps",
            "compute.workers: several workers cannot train on 'mps'; set 1, or `model.device: cpu`.",
        ),
        (
            {"workers": 2, "fsdp": True},
            "cpu",
            "compute.fsdp: a model is sharded over GPUs, and the device is 'cpu'; set `fsdp: false`.",
        ),
        (
            {"workers": 2},
            "cuda",
            "compute.workers: 2 workers need a GPU each, and this machine has 1; set fewer, or `engine: ray`.",
        ),
    ],
)
def test_devices_that_are_not_there_are_named(
    settings: dict[str, Any], device: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ComputeError) as caught:
        check_devices(ComputeSettings(engine="accelerate", **settings), Hardware(device, "float32", 1))
    assert str(caught.value) == problem
