import os

import pytest
import torch

from tasks.errors import ModelError
from tasks.models.hardware import Hardware, available_cores, choose_hardware, use_threads
from tasks.settings.models import ModelSettings


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A machine with the devices of the parameter, for example `cuda bf16`."""
    devices = str(getattr(request, "param", "")).split()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: "bf16" in devices)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)


@pytest.mark.parametrize(
    ("machine", "device", "dtype"),
    [
        ("", "cpu", "float32"),
        ("mps", "mps", "float32"),
        ("cuda", "cuda", "float32"),
        ("cuda bf16", "cuda", "bfloat16"),
        ("cuda bf16 mps", "cuda", "bfloat16"),
    ],
    indirect=["machine"],
)
@pytest.mark.usefixtures("machine")
def test_auto_takes_the_best_device_and_its_number_format(device: str, dtype: str) -> None:
    hardware = choose_hardware(ModelSettings())
    assert (hardware.device, hardware.dtype) == (device, dtype)


@pytest.mark.parametrize("machine", ["cuda bf16"], indirect=True)
@pytest.mark.usefixtures("machine")
def test_the_config_overrides_what_auto_would_take() -> None:
    settings = ModelSettings(device="cpu", dtype="float16", threads=3)
    assert choose_hardware(settings) == Hardware("cpu", "float16", 3)


@pytest.mark.parametrize("machine", ["cuda bf16"], indirect=True)
@pytest.mark.usefixtures("machine")
def test_auto_dtype_on_a_cpu_is_float32_though_a_gpu_is_there() -> None:
    assert choose_hardware(ModelSettings(device="cpu")).dtype == "float32"


@pytest.mark.parametrize(
    ("machine", "device", "message"),
    [
        ("", "cuda", "model.device: 'cuda' is not on this machine; use cpu, or auto."),
        ("", "mps", "model.device: 'mps' is not on this machine; use cpu, or auto."),
        ("cuda", "mps", "model.device: 'mps' is not on this machine; use cuda or cpu, or auto."),
    ],
    indirect=["machine"],
)
@pytest.mark.usefixtures("machine")
def test_a_missing_device_is_named_with_those_that_are_there(device: str, message: str) -> None:
    with pytest.raises(ModelError) as error:
        choose_hardware(ModelSettings.model_validate({"device": device}))
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_the_number_format_is_torchs_own(name: str) -> None:
    assert Hardware("cpu", name, 1).torch_dtype is getattr(torch, name)


def test_omp_num_threads_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert available_cores() == 7
    assert choose_hardware(ModelSettings(device="cpu")).threads == 7


@pytest.mark.parametrize("value", ["", "0", "-1", "many"])
def test_an_omp_num_threads_that_is_no_count_means_the_cores_of_this_process(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert available_cores() == allowed


def test_torch_gets_the_threads() -> None:
    before = torch.get_num_threads()
    try:
        use_threads(Hardware("cpu", "float32", 2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
