from typing import Any

import pytest

from tasks.errors import ModelError
from tasks.models.generation import Decoding, generate
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.models.prompting import build_messages
from tasks.records import BaseModelRef, Message
from tasks.settings.models import GenerationSettings

SETTINGS = GenerationSettings(max_new_tokens=12, batch_size=4)
PROMPTS = tuple(
    build_messages("Be short.", question)
    for question in (
        "What does the function do?",
        "It",
        "It returns an iterator over the elements of the function, over and over and over again?",
        "Do?",
        "What does the iterator return over the elements?",
        "the the the",
        "Was tut die Funktion, und was gibt sie zurück? 日本語も。",
    )
)


@pytest.fixture
def tokenizer(base: BaseModelRef) -> Any:
    return load_tokenizer(base)


@pytest.fixture
def model(base: BaseModelRef, hardware: Hardware) -> Any:
    return load_model(base, None, hardware)


def texts(model: Any, tokenizer: Any, prompts: Any, decoding: Decoding, batch_size: int = 4) -> list[str]:
    settings = SETTINGS.model_copy(update={"batch_size": batch_size})
    return [answer.text for answer in generate(model, tokenizer, prompts, settings, decoding)]


def raw_continuation(model: Any, tokenizer: Any, prompt: tuple[Message, ...]) -> list[int]:
    """The greedy tokens of one prompt, straight from transformers."""
    messages = [message.model_dump() for message in prompt]
    inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=SETTINGS.max_new_tokens, do_sample=False)
    continuation: list[int] = output[0, inputs["input_ids"].shape[1] :].tolist()
    return continuation


def test_a_greedy_answer_is_the_same_alone_and_in_any_batch(model: Any, tokenizer: Any) -> None:
    alone = [texts(model, tokenizer, [prompt], Decoding())[0] for prompt in PROMPTS]
    assert len(set(alone)) == len(alone), "the prompts must be told apart by their answers"
    for batch_size in (1, 2, 4, 7):
        assert texts(model, tokenizer, PROMPTS, Decoding(), batch_size) == alone


def test_a_greedy_answer_is_what_transformers_answers_without_padding(model: Any, tokenizer: Any) -> None:
    expected = [
        tokenizer.decode(raw_continuation(model, tokenizer, prompt), skip_special_tokens=True).strip()
        for prompt in PROMPTS
    ]
    assert texts(model, tokenizer, PROMPTS, Decoding()) == expected


def test_answers_come_back_in_the_order_of_the_prompts(model: Any, tokenizer: Any) -> None:
    forward = texts(model, tokenizer, PROMPTS, Decoding())
    assert texts(model, tokenizer, PROMPTS[::-1], Decoding()) == forward[::-1]


def test_a_sampled_answer_depends_on_its_seed_and_prompt_only(model: Any, tokenizer: Any) -> None:
    decoding = Decoding(temperature=1.0, seed=40)
    together = texts(model, tokenizer, PROMPTS, decoding, batch_size=7)
    for batch_size in (1, 3):
        assert texts(model, tokenizer, PROMPTS, decoding, batch_size) == together
    for index, prompt in enumerate(PROMPTS):
        alone = Decoding(temperature=1.0, seed=40 + index)
        assert texts(model, tokenizer, [prompt], alone) == [together[index]]
    other_neighbours = [PROMPTS[0], *PROMPTS[:0:-1]]
    assert texts(model, tokenizer, other_neighbours, decoding)[0] == together[0]


def test_the_same_seed_gives_the_same_answers_and_another_gives_others(model: Any, tokenizer: Any) -> None:
    first = texts(model, tokenizer, PROMPTS, Decoding(temperature=1.0, seed=1))
    assert texts(model, tokenizer, PROMPTS, Decoding(temperature=1.0, seed=1)) == first
    other = texts(model, tokenizer, PROMPTS, Decoding(temperature=1.0, seed=1001))
    assert all(mine != yours for mine, yours in zip(first, other, strict=True))


def test_one_prompt_asked_several_times_gets_different_answers(model: Any, tokenizer: Any) -> None:
    answers = texts(model, tokenizer, [PROMPTS[0]] * 6, Decoding(temperature=1.0))
    assert len(set(answers)) == 6


def test_prompt_tokens_count_the_whole_templated_prompt(model: Any, tokenizer: Any) -> None:
    answers = generate(model, tokenizer, PROMPTS, SETTINGS)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        text = "".join(f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in prompt)
        assert answer.prompt_tokens == len(tokenizer(f"{text}<|im_start|>assistant\n")["input_ids"])


def test_completion_tokens_count_the_end_token_and_nothing_behind_it(model: Any, tokenizer: Any) -> None:
    continuations = [raw_continuation(model, tokenizer, prompt) for prompt in PROMPTS]
    end = continuations[0][3]  # the model's own fourth token becomes its end of turn
    model.generation_config.eos_token_id = [end]
    answers = generate(model, tokenizer, PROMPTS, SETTINGS)
    expected = [ids.index(end) + 1 if end in ids else len(ids) for ids in continuations]
    assert [answer.completion_tokens for answer in answers] == expected
    assert min(expected) <= 4 < max(expected) == SETTINGS.max_new_tokens


def test_the_tokenizers_end_token_ends_an_answer_that_the_model_would_go_on_with(model: Any, tokenizer: Any) -> None:
    continuation = raw_continuation(model, tokenizer, PROMPTS[0])
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(continuation[2])
    (answer,) = generate(model, tokenizer, PROMPTS[:1], SETTINGS)
    assert answer.completion_tokens == continuation.index(continuation[2]) + 1


def test_text_holds_no_special_tokens(model: Any, tokenizer: Any) -> None:
    wild = Decoding(temperature=100.0, top_k=len(tokenizer))
    settings = GenerationSettings(max_new_tokens=30, batch_size=32)
    model.generation_config.eos_token_id = None
    answers = generate(model, tokenizer, PROMPTS * 8, settings, wild)
    assert any(answer.completion_tokens < 30 for answer in answers), "no end token was drawn"
    assert not [answer.text for answer in answers if "<|" in answer.text]
    assert all(answer.text == answer.text.strip() for answer in answers)


def test_latency_is_positive_and_progress_adds_up(model: Any, tokenizer: Any) -> None:
    advances: list[int] = []
    answers = generate(model, tokenizer, PROMPTS, SETTINGS, advance=advances.append)
    assert all(answer.latency_s > 0 for answer in answers)
    assert advances == [4, 3]


def test_no_prompts_give_no_answers(model: Any, tokenizer: Any) -> None:
    assert generate(model, tokenizer, [], SETTINGS) == []


def test_prompts_over_the_limit_are_refused_and_never_cut(model: Any, tokenizer: Any) -> None:
    lengths = [answer.prompt_tokens for answer in generate(model, tokenizer, PROMPTS, SETTINGS)]
    limit = sorted(lengths)[-3]
    settings = SETTINGS.model_copy(update={"max_prompt_tokens": limit})
    with pytest.raises(ModelError) as error:
        generate(model, tokenizer, PROMPTS, settings)
    assert str(error.value) == (
        f"2 prompts are longer than generation.max_prompt_tokens={limit} (the longest has {max(lengths)} tokens): "
        "raise the limit, or shorten the questions."
    )


def test_a_template_without_system_role_says_what_to_set(model: Any, tokenizer: Any) -> None:
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    tokenizer.chat_template = refusal + tokenizer.chat_template
    with pytest.raises(ModelError) as error:
        generate(model, tokenizer, PROMPTS, SETTINGS)
    assert str(error.value) == (
        "The model's chat template refuses the prompt (System role not supported): set `system_prompt: ''` if it has "
        "no system role, or use another model."
    )
    assert len(generate(model, tokenizer, [build_messages("", "It?")], SETTINGS)) == 1


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(temperature=1.0)], ids=["greedy", "sampled"])
def test_generating_leaves_the_global_random_state_alone(decoding: Decoding, model: Any, tokenizer: Any) -> None:
    import random

    import numpy as np
    import torch

    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]
    generate(model, tokenizer, PROMPTS, SETTINGS, decoding)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]  # type: ignore[index]
