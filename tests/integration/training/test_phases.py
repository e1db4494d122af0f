"""What SFT, DPO and KTO train on, what they change, and what they leave behind."""

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import DomainError, ModelError
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.records import BaseModelRef, Demonstration, Message, PreferencePair, RatedAnswer
from tasks.settings.training import LoraSettings, TrainSettings
from tasks.training.kto import run_kto
from tasks.training.phases import PhaseFolder, PhaseResult
from tasks.training.sft import run_sft

RunPhase = Callable[..., PhaseResult]


def adapter_weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "adapter_model.safetensors"))


def ignore(step: int, metrics: dict[str, float]) -> None:
    pass


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


# --- what changes -----------------------------------------------------------------------------------


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


# --- what is trained on -----------------------------------------------------------------------------


def batches_of(trainer: Any) -> Iterator[dict[str, Any]]:
    yield from trainer.get_train_dataloader()


def test_loss_falls_on_the_completion_and_its_end_token_and_on_no_token_of_the_prompt(
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    capture_trainer: list[Any],
    base: BaseModelRef,
    demonstrations: list[Demonstration],
) -> None:
    tokenizer = load_tokenizer(base)
    run_phase_of("sft", tmp_path / "sft", settings)
    expected = set()
    for row in demonstrations:
        text = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in row.prompt)
        prompt = tokenizer(f"{text}<|im_start|>assistant\n")["input_ids"]
        completion = tokenizer(f"{row.completion}<|im_end|>\n")["input_ids"]
        expected.add((tuple([-100] * len(prompt) + completion), tuple(prompt + completion)))
    found = set()
    for batch in batches_of(capture_trainer[0]):
        for labels, ids, mask in zip(batch["labels"], batch["input_ids"], batch["attention_mask"], strict=True):
            assert set(labels[mask == 0].tolist()) <= {-100}
            found.add((tuple(labels[mask == 1].tolist()), tuple(ids[mask == 1].tolist())))
    assert found == expected


def test_dpo_scores_the_completions_and_no_token_of_the_prompt(
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    capture_trainer: list[Any],
    base: BaseModelRef,
    pairs: list[PreferencePair],
) -> None:
    tokenizer = load_tokenizer(base)
    run_phase_of("dpo", tmp_path / "dpo", settings)
    expected = {
        tuple(tokenizer(f"{side}<|im_end|>\n")["input_ids"]) for pair in pairs for side in (pair.chosen, pair.rejected)
    }
    found = set()
    for batch in batches_of(capture_trainer[0]):
        for ids, mask in zip(batch["input_ids"], batch["completion_mask"], strict=True):
            found.add(tuple(ids[mask == 1].tolist()))
    assert found == expected


def test_kto_scores_each_answer_and_compares_it_with_another_of_its_batch(
    tmp_path: Path,
    settings: TrainSettings,
    run_phase_of: RunPhase,
    capture_trainer: list[Any],
    base: BaseModelRef,
    rated: list[RatedAnswer],
) -> None:
    tokenizer = load_tokenizer(base)
    run_phase_of("kto", tmp_path / "kto", settings)
    expected = {(tuple(tokenizer(f"{row.completion}<|im_end|>\n")["input_ids"]), row.desirable) for row in rated}
    found = set()
    for batch in batches_of(capture_trainer[0]):
        own, others = (
            [tuple(ids[mask == 1].tolist()) for ids, mask in zip(batch[f"{kind}input_ids"], batch[mask_], strict=True)]
            for kind, mask_ in (("", "completion_mask"), ("KL_", "KL_completion_mask"))
        )
        found |= set(zip(own, batch["label"].tolist(), strict=True))
        assert others == [own[-1], *own[:-1]], "the batches that are trained on are those that were compared"
    assert found == expected


def test_kto_mixes_good_and_bad_answers_by_the_seed_alone(
    tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase, capture_trainer: list[Any]
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run_phase_of("kto", tmp_path / name, settings, seed)
    first, again, other = ([row["completion"] for row in trainer.train_dataset] for trainer in capture_trainer)
    assert first == again != other
    assert sorted(map(str, first)) == sorted(map(str, other))


def test_batches_group_rows_of_like_length(
    tmp_path: Path,
    settings: TrainSettings,
    base: BaseModelRef,
    hardware: Hardware,
    demonstrations: list[Demonstration],
    capture_trainer: list[Any],
) -> None:
    # transformers sorts within blocks of a quarter of the rows, so that a handful of rows is hardly grouped.
    rows = demonstrations * 4
    run_sft(base, None, rows, settings, hardware, 0, PhaseFolder(tmp_path / "sft"), ignore)
    (trainer,) = capture_trainer
    grouped = [batch["attention_mask"].sum(dim=1).tolist() for batch in batches_of(trainer)]
    lengths = [length for batch in grouped for length in batch]
    assert len(lengths) == len(rows)
    shuffled = random.Random(0)
    random_shares = []
    for _ in range(50):
        shuffled.shuffle(lengths)
        random_shares.append(padding_share([lengths[start : start + 4] for start in range(0, len(lengths), 4)]))
    assert padding_share(grouped) < min(random_shares)


def padding_share(batches: Sequence[Sequence[int]]) -> float:
    """The share of a batch's tokens that is padding, over all batches."""
    padded = sum(len(batch) * max(batch) for batch in batches)
    return 1 - sum(map(sum, batches)) / padded


@pytest.mark.parametrize("phase", ["sft", "dpo", "kto"])
def test_overlong_rows_are_left_out_and_counted(
    phase: str, tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase, capture_trainer: list[Any]
) -> None:
    whole = run_phase_of(phase, tmp_path / "whole", settings)
    lengths = sorted(capture_trainer[0].train_dataset["length"])
    limit = lengths[-4]
    left = sum(length > limit for length in lengths)
    short = run_phase_of(phase, tmp_path / "short", settings.model_copy(update={"max_length": limit}))
    assert (whole.rows, whole.overlong) == (24, 0)
    assert 0 < left < 4
    assert (short.rows, short.overlong) == (24 - left, left)
    assert max(capture_trainer[1].train_dataset["length"]) <= limit


@pytest.mark.parametrize("phase", ["sft", "dpo", "kto"])
def test_rows_that_are_all_overlong_are_an_error(
    phase: str, tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase
) -> None:
    with pytest.raises(DomainError) as error:
        run_phase_of(phase, tmp_path / phase, settings.model_copy(update={"max_length": 4}))
    start, _, rest = str(error.value).partition("(the shortest has ")
    assert start == "All 24 rows are longer than train.max_length=4 tokens "
    assert rest.partition(")")[2] == ": raise train.max_length, or shorten questions and answers."


def test_tokens_are_counted_without_padding(
    tmp_path: Path, settings: TrainSettings, run_phase_of: RunPhase, capture_trainer: list[Any]
) -> None:
    result = run_phase_of("sft", tmp_path / "sft", settings)
    assert result.train_tokens == sum(capture_trainer[0].train_dataset["length"])
    assert result.train_s > 0


def test_answers_of_which_only_one_kind_fits_are_an_error(
    tmp_path: Path, settings: TrainSettings, base: BaseModelRef, hardware: Hardware, rated: list[RatedAnswer]
) -> None:
    rows = [row if row.desirable else row.model_copy(update={"completion": "the " * 300}) for row in rated]
    with pytest.raises(DomainError) as error:
        run_kto(base, tmp_path, rows, settings, hardware, 0, PhaseFolder(tmp_path / "kto"), ignore)
    assert str(error.value) == (
        "All 15 answers within train.max_length=256 tokens are good, and KTO learns from the difference: raise "
        "train.max_length, or set train.preference to dpo."
    )


# --- faults -----------------------------------------------------------------------------------------


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


def test_a_tokenizer_whose_pad_token_is_its_end_token_still_learns_to_end(
    tmp_path: Path,
    settings: TrainSettings,
    base: BaseModelRef,
    hardware: Hardware,
    capture_trainer: list[Any],
    tiny_model: Path,
) -> None:
    config = tiny_model / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text(encoding="utf-8")), "pad_token": None}), "utf-8")
    (tiny_model / "chat_template.jinja").unlink()
    rows = [
        Demonstration(
            id=f"{number:064x}",
            question_id=str(number),
            family=str(number),
            prompt=(Message(role="user", content="Do?"),),
            completion="It returns" + " the" * number,
            source="reference",
        )
        for number in range(8)
    ]
    run_sft(base, None, rows, settings, hardware, 0, PhaseFolder(tmp_path / "sft"), ignore)
    tokenizer = load_tokenizer(base)
    completions = [
        tokenizer.decode(labels[labels != -100])
        for batch in batches_of(capture_trainer[0])
        for labels in batch["labels"]
    ]
    assert sorted(completions) == sorted(f" {row.completion}<|im_end|>\n" for row in rows)
