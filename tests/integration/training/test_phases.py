"""What SFT, DPO and KTO change, what they leave behind, and how they fail."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.training.phase_results import RunPhase, adapter_weights, ignore

from tasks.errors import ModelError
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model
from tasks.records import BaseModelRef, Demonstration
from tasks.settings.training import LoraSettings, TrainSettings
from tasks.training.phases import PhaseFolder, PhaseResult
from tasks.training.sft import run_sft


def copied(model: Any, part: str, without: str = "\0") -> dict[str, Any]:
    """Copies of the model's parameters whose names hold `part`."""
    parameters = model.named_parameters()
    return {name: value.detach().clone() for name, value in parameters if part in name and without not in name}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    import torch

    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def weights_before(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """The models given to training, each with a copy of its parameters from before the first step."""
    from tasks.training import dpo, kto, phases, sft

    seen: list[tuple[Any, dict[str, Any]]] = []

    def watch(label: str, trainer: Any, *rest: Any) -> PhaseResult:
        seen.append((trainer.model, copied(trainer.model, "")))
        return phases.run_phase(label, trainer, *rest)

    for module in (sft, dpo, kto):
        monkeypatch.setattr(module, "run_phase", watch)
    return seen


@pytest.mark.parametrize("phase", ["sft", "dpo", "kto"])
def test_training_moves_the_adapter_and_nothing_of_the_base(
    phase: str,
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    weights_before: list[tuple[Any, dict[str, Any]]],
    tiny_model: Path,
    tiny_model_source: Path,
) -> None:
    run_phase_of(phase, tmp_path / phase, settings)
    ((model, before),) = weights_before
    after = copied(model, "")
    moved = {name for name in before if not same({name: before[name]}, {name: after[name]})}
    trained = {name for name in before if ".default." in name}
    assert trained and moved == trained
    assert (tiny_model / "model.safetensors").read_bytes() == (tiny_model_source / "model.safetensors").read_bytes()


@pytest.mark.parametrize("phase", ["dpo", "kto"])
def test_the_reference_is_the_sft_adapter_and_stays_frozen(
    phase: str,
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    weights_before: list[tuple[Any, dict[str, Any]]],
    sft_adapter: Path,
) -> None:
    run_phase_of(phase, tmp_path / phase, settings)
    ((model, _),) = weights_before
    reference = {name.replace(".ref.", "."): value for name, value in copied(model, ".ref.").items()}
    assert same(reference, adapter_weights(sft_adapter))
    assert not [name for name, value in model.named_parameters() if ".ref." in name and value.requires_grad]
    assert not same(reference, adapter_weights(tmp_path / phase / "adapter"))


def test_dpo_begins_at_its_reference(tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase) -> None:
    plain = settings.model_copy(update={"dpo": settings.dpo.model_copy(update={"sft_weight": 0.0})})
    result = run_phase_of("dpo", tmp_path / "dpo", plain)
    assert result.losses[0][1] == pytest.approx(0.693147, abs=1e-5)  # -log sigmoid(0): policy and reference agree


def test_kto_begins_at_its_reference(tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase) -> None:
    logged: list[dict[str, float]] = []
    run_phase_of("kto", tmp_path / "kto", settings, on_loss=lambda _, metrics: logged.append(metrics))
    # Policy and reference agree: an answer costs half its weight, and here 15 good ones weigh 1 and 9 bad ones 1.25.
    good = logged[0]["loss"]
    assert any(good == pytest.approx((of_four + (4 - of_four) * 1.25) / 8, abs=1e-6) for of_four in range(5))
    assert logged[0]["kl"] == 0.0 and logged[0]["rewards/chosen"] == pytest.approx(0.0, abs=1e-6)
    assert any(metrics["kl"] != 0.0 for metrics in logged[1:])


def test_kto_comes_to_prefer_good_answers_to_bad_ones(
    tmp_path: Path, settings_with: Callable[..., TrainSettings], run_phase_of: RunPhase
) -> None:
    logged: list[dict[str, float]] = []
    run_phase_of("kto", tmp_path / "kto", settings_with(epochs=8), on_loss=lambda _, metrics: logged.append(metrics))
    margins = [metrics["rewards/margins"] for metrics in logged[-6:] if "rewards/margins" in metrics]  # one epoch
    assert margins and min(margins) > 0.1


@pytest.mark.parametrize("phase", ["sft", "dpo", "kto"])
def test_the_saved_folder_holds_the_adapter_alone_and_nothing_of_this_machine(
    phase: str, tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase, tiny_model: Path
) -> None:
    run_phase_of(phase, tmp_path / phase, settings)
    folder = PhaseFolder(tmp_path / phase)
    assert sorted(path.name for path in folder.adapter.rglob("*")) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert sorted(path.name for path in folder.root.iterdir()) == ["adapter", "result.json"]
    assert not [name for name in adapter_weights(folder.adapter) if ".ref." in name or ".default." in name]
    config = json.loads((folder.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "tiny"
    assert config["target_modules"] == sorted(config["target_modules"])
    assert not [value for value in config.values() if isinstance(value, str) and os.sep in value]


@pytest.mark.parametrize("phase", ["sft", "dpo", "kto"])
def test_the_same_seed_gives_the_same_adapter_and_another_seed_another(
    phase: str, tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase
) -> None:
    first, again, other = (
        run_phase_of(phase, tmp_path / name, settings, seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert (again.adapter_sha256, again.losses) == (first.adapter_sha256, first.losses)
    assert other.adapter_sha256 != first.adapter_sha256


@pytest.mark.parametrize("phase", ["dpo", "kto"])
def test_the_saved_adapter_answers_as_the_trained_model_did(
    phase: str,
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    capture_trainer: list[Any],
    base: BaseModelRef,
    hardware: Hardware,
) -> None:
    import torch

    run_phase_of(phase, tmp_path / phase, settings)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        trained = capture_trainer[0].model.eval()(input_ids=ids).logits
        loaded = load_model(base, tmp_path / phase / "adapter", hardware)(input_ids=ids).logits
    assert torch.equal(trained, loaded)


def test_sft_goes_on_from_a_champions_adapter(
    tmp_path: Path,
    settings: TrainSettings,
    base: BaseModelRef,
    hardware: Hardware,
    demonstrations: list[Demonstration],
    sft_adapter: Path,
    weights_before: list[tuple[Any, dict[str, Any]]],
) -> None:
    folder = PhaseFolder(tmp_path / "next")
    run_sft(base, sft_adapter, demonstrations, settings, hardware, 0, folder, ignore)
    ((_, before),) = weights_before
    start = {name.replace(".default.", "."): value for name, value in before.items() if "lora_" in name}
    champion = adapter_weights(sft_adapter)
    assert same(start, champion)
    assert not same(adapter_weights(folder.adapter), champion)


def test_lora_on_modules_that_the_model_has_not_says_so(
    tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase
) -> None:
    wrong = settings.model_copy(update={"lora": LoraSettings(target_modules=("c_attn",))})
    with pytest.raises(ModelError) as error:
        run_phase_of("sft", tmp_path / "sft", wrong)
    assert str(error.value) == (
        "train.lora.target_modules: the model has no modules ('c_attn',); name some it has, or all-linear."
    )


def test_a_training_whose_loss_is_no_number_stops(
    tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import SFTTrainer

    compute = SFTTrainer.compute_loss
    monkeypatch.setattr(SFTTrainer, "compute_loss", lambda *args, **kwargs: compute(*args, **kwargs) * float("nan"))
    with pytest.raises(ModelError) as error:
        run_phase_of("sft", tmp_path / "sft", settings)
    assert str(error.value) == (
        "Training diverged: the loss is nan at step 1 with learning rate 0.0005; lower it, or look for broken rows "
        "with `ratchet doctor`."
    )


def test_sft_runs_in_bfloat16(
    tmp_path: Path, settings: TrainSettings, base: BaseModelRef, demonstrations: list[Demonstration]
) -> None:
    folder = PhaseFolder(tmp_path / "sft")
    result = run_sft(base, None, demonstrations, settings, Hardware("cpu", "bfloat16", 1), 0, folder, ignore)
    assert len(result.losses) == 6
    assert {str(value.dtype) for value in adapter_weights(folder.adapter).values()} == {"torch.float32"}
