"""What vLLM is told: the same prompts, token by token, and the same choice of tokens as transformers."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ModelError
from tasks.models.engines import Model, load_here
from tasks.models.generation import Decoding, encode_prompts
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.models.prompting import build_messages
from tasks.models.vllm_generation import Vllm, end_tokens, load_vllm, lora_rank
from tasks.records import BaseModelRef
from tasks.settings.models import GenerationSettings

SETTINGS = GenerationSettings(engine="vllm", max_new_tokens=9, batch_size=4, max_prompt_tokens=100)
PROMPTS = [build_messages("Be short.", question) for question in ("What does the function do?", "It", "Why?")]


@dataclass
class Recorder:
    """vLLM as far as it is used; it answers each prompt with its last token and the end token."""

    end: int

    def __post_init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.asked: list[tuple[Any, ...]] = []

    def engine(self, **arguments: Any) -> "Recorder":
        self.made = arguments
        return self

    def generate(self, prompts: Any, sampling: Any, *, lora_request: Any, use_tqdm: bool) -> list[Any]:
        self.asked.append((prompts, sampling, lora_request, use_tqdm))
        return [_Output([_Completion([self.end, 60, self.end])]) for _ in prompts]

    @property
    def vllm(self) -> Vllm:
        return Vllm(self.engine, lambda **named: named, lambda *named: named)


@dataclass
class _Completion:
    token_ids: list[int]


@dataclass
class _Output:
    outputs: list[_Completion]


@pytest.fixture
def base(tiny_model: Path) -> BaseModelRef:
    return BaseModelRef(id="tiny", path=str(tiny_model), sha256="a" * 64)


def model_of(base: BaseModelRef, adapter: Path | None = None) -> Model:
    return Model(base, adapter, Hardware("cuda", "bfloat16", 4), SETTINGS)


def test_greedy_answers_come_from_the_same_tokens_with_the_same_ends(base: BaseModelRef) -> None:
    tokenizer = load_tokenizer(base)
    recorder = Recorder(int(tokenizer.eos_token_id))
    advances: list[int] = []
    answers = load_vllm(model_of(base), recorder.vllm)(PROMPTS, advance=advances.append)

    ((prompts, sampling, adapter, bars),) = recorder.asked
    encoded = encode_prompts(tokenizer, PROMPTS)
    assert [prompt["prompt_token_ids"] for prompt in prompts] == encoded
    ends = [int(tokenizer.eos_token_id)]
    assert sampling == [{"temperature": 0.0, "max_tokens": 9, "stop_token_ids": ends, "detokenize": False}] * 3
    assert (adapter, bars, advances) == (None, False, [3])
    assert recorder.made == {
        "model": base.path,
        "dtype": "bfloat16",
        "seed": 0,
        "max_model_len": 109,
        "max_num_seqs": 4,
        "generation_config": "vllm",
        "trust_remote_code": False,
        "load_format": "safetensors",
    }
    assert [answer.prompt_tokens for answer in answers] == [len(ids) for ids in encoded]
    assert [answer.completion_tokens for answer in answers] == [3, 3, 3]
    assert {answer.text for answer in answers} == {tokenizer.decode([60]).strip()}, "special tokens are left out"


def test_a_draw_has_a_seed_of_its_own_for_each_prompt(base: BaseModelRef) -> None:
    recorder = Recorder(0)
    load_vllm(model_of(base), recorder.vllm)(PROMPTS, Decoding(temperature=0.8, top_k=20, seed=40))
    sampling = recorder.asked[0][1]
    assert [each["seed"] for each in sampling] == [40, 41, 42]
    assert {(each["temperature"], each["top_k"]) for each in sampling} == {(0.8, 20)}


@pytest.mark.parametrize(("rank", "room"), [(4, 8), (8, 8), (16, 16), (33, 64), (512, 512)])
def test_an_adapter_is_asked_for_with_room_for_its_rank(
    base: BaseModelRef, tmp_path: Path, rank: int, room: int
) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": rank}), encoding="utf-8")
    recorder = Recorder(0)
    load_vllm(model_of(base, tmp_path), recorder.vllm)(PROMPTS)
    assert recorder.asked[0][2] == ("adapter", 1, str(tmp_path))
    assert {key: recorder.made[key] for key in ("enable_lora", "max_loras", "max_lora_rank")} == {
        "enable_lora": True,
        "max_loras": 1,
        "max_lora_rank": room,
    }


def test_an_adapter_that_vllm_has_no_room_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"r": 600}', encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        lora_rank(tmp_path)
    assert str(caught.value) == (
        "train.lora.r: vLLM serves adapters of rank 512 at most, and this one has 600: set "
        "`generation.engine: transformers`, or train a smaller one."
    )


def test_an_answer_ends_at_any_end_token_of_model_or_tokenizer(tmp_path: Path) -> None:
    assert end_tokens(tmp_path, 7) == [7]
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [9, 3]}', encoding="utf-8")
    assert end_tokens(tmp_path, 7) == [3, 7, 9]
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 9}', encoding="utf-8")
    assert end_tokens(tmp_path, None) == [9]


def test_prompts_that_are_too_long_are_refused_before_vllm_is_asked(base: BaseModelRef) -> None:
    recorder = Recorder(0)
    answer = load_vllm(model_of(base), recorder.vllm)
    with pytest.raises(ModelError, match=r"1 prompts are longer than generation\.max_prompt_tokens=100"):
        answer([*PROMPTS, build_messages("", "over " * 100)])
    assert recorder.asked == []


def test_without_vllm_the_error_says_what_to_do(base: BaseModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError) as caught:
        load_here(model_of(base))
    assert str(caught.value) == (
        "generation.engine: 'vllm' needs vLLM, which is not installed: `pip install vllm` on a machine with a GPU, "
        "or set `engine: transformers`."
    )
