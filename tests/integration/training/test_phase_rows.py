"""What SFT, DPO and KTO train on: which rows, which of their tokens, in which batches."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from integration.training.phase_results import RunPhase, batches_of, ignore

from tasks.errors import DomainError
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.records import BaseModelRef, Demonstration, Message, PreferencePair, RatedAnswer
from tasks.settings.training import TrainSettings
from tasks.training.kto import run_kto
from tasks.training.phases import PhaseFolder
from tasks.training.sft import run_sft


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
