"""What is served is what was evaluated: the answers of `generate`, alone or beside others, whole or in pieces."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from integration.serve.servers import QUESTION, Running

from tasks.models.generation import GREEDY, Decoding, generate
from tasks.models.prompting import build_messages
from tasks.settings.models import GenerationSettings

QUESTIONS = [f"{'What does the function do, and why? ' * (number % 7)}{number}?" for number in range(40)]


def generated(server: Running, question: str = QUESTION, tokens: int = 8, decoding: Decoding = GREEDY) -> Any:
    """What evaluation gets from the served model for one question alone."""
    loaded = server.service.engine.loaded("champion")
    assert loaded is not None
    prompt = build_messages(server.service.config.system_prompt, question)
    return generate(loaded.model, loaded.tokenizer, [prompt], GenerationSettings(max_new_tokens=tokens), decoding)[0]


def test_a_completion_is_the_answer_of_generate(shared: Running) -> None:
    expected = generated(shared)

    completion = shared.ask()

    assert completion["choices"][0]["message"] == {"role": "assistant", "content": expected.text, "refusal": None}
    assert completion["choices"][0]["finish_reason"] == "length"
    assert completion["usage"]["prompt_tokens"] == expected.prompt_tokens
    assert completion["usage"]["completion_tokens"] == expected.completion_tokens == 8
    assert completion["ratchet"] == {
        "version": 2,
        "role": "champion",
        "arm": "ft",
        "abstained": False,
        "sources": [],
    }


def test_answers_in_batches_are_those_alone(shared: Running) -> None:
    lengths = {question: 3 + number % 9 for number, question in enumerate(QUESTIONS)}
    expected = {question: generated(shared, question, tokens).text for question, tokens in lengths.items()}
    before = shared.status()["counts"]["batches"]

    with ThreadPoolExecutor(20) as pool:
        answered = pool.map(lambda question: (question, shared.text(question, max_tokens=lengths[question])), QUESTIONS)

    assert dict(answered) == expected
    assert shared.status()["counts"]["batches"] - before < len(QUESTIONS)


def test_a_drawn_answer_depends_on_its_seed_and_on_no_neighbour(shared: Running) -> None:
    expected = generated(shared, decoding=Decoding(temperature=1.5, seed=7)).text
    drawn = {"temperature": 1.5, "seed": 7}

    with ThreadPoolExecutor(10) as pool:
        others = [pool.submit(shared.text, question, temperature=1.2, seed=3) for question in QUESTIONS[:15]]
        together = [pool.submit(shared.text, **drawn) for _ in range(5)]
        greedy = pool.submit(shared.text)
        assert {each.result() for each in together} == {expected}
        assert greedy.result() == generated(shared).text != expected
        assert all(each.result() for each in others)


def test_without_a_seed_two_drawn_answers_differ(shared: Running) -> None:
    assert shared.text(temperature=2.0, max_tokens=20) != shared.text(temperature=2.0, max_tokens=20)


def test_a_small_top_p_leaves_the_likeliest_tokens(shared: Running) -> None:
    assert shared.text(temperature=1.0, top_p=1e-6, seed=5) == generated(shared).text
    wide = shared.text(temperature=1.0, top_p=1.0, seed=5)
    assert wide == generated(shared, decoding=Decoding(temperature=1.0, seed=5)).text != generated(shared).text


def test_a_stop_text_ends_the_answer_before_it(shared: Running) -> None:
    drawn: dict[str, Any] = {"temperature": 1.5, "seed": 7, "max_tokens": 20}
    whole = generated(shared, tokens=20, decoding=Decoding(temperature=1.5, seed=7)).text
    stop = whole[6:8]

    completion = shared.ask(stop=[stop, "never said"], **drawn)

    assert completion["choices"][0]["message"]["content"] == whole[: whole.index(stop)].strip()
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["usage"]["completion_tokens"] < 20


def test_the_openai_client_reads_whole_answers_and_streams(shared: Running) -> None:
    asked: Any = {"model": "demo", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 16}
    asked |= {"temperature": 1.5, "seed": 7}
    expected = generated(shared, tokens=16, decoding=Decoding(temperature=1.5, seed=7))

    whole = shared.openai.chat.completions.create(**asked)
    chunks = list(shared.openai.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content == expected.text
    assert len([piece for piece in pieces if piece]) > 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1
    assert [model.id for model in shared.openai.models.list()] == ["demo"]


def test_a_stream_ends_with_the_version_and_done(shared: Running) -> None:
    body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with shared.http.stream("POST", f"{shared.url}/chat/completions", json=body) as response:
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]

    assert response.headers["content-type"].startswith("text/event-stream")
    assert lines[-1] == "[DONE]"
    assert json.loads(lines[-2])["ratchet"]["version"] == 2


def test_a_conversation_and_a_system_message_of_ones_own_reach_the_model(shared: Running) -> None:
    loaded = shared.service.engine.loaded("champion")
    assert loaded is not None
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is a list?"},
        {"role": "assistant", "content": "A sequence."},
        {"role": "user", "content": [{"type": "text", "text": "And a "}, {"type": "text", "text": "tuple?"}]},
    ]
    plain = [*conversation[:-1], {"role": "user", "content": "And a tuple?"}]
    ids = loaded.tokenizer.apply_chat_template(plain, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    output = loaded.model.generate(**ids, max_new_tokens=8, do_sample=False)
    length = ids["input_ids"].shape[1]

    completion = shared.post({"messages": conversation}).json()

    expected = loaded.tokenizer.decode(output[0, length:], skip_special_tokens=True).strip()
    assert completion["choices"][0]["message"]["content"] == expected
    assert completion["usage"]["prompt_tokens"] == length


def test_alive_and_ready_are_told_to_anybody(shared: Running) -> None:
    root = shared.url.removesuffix("/v1")

    assert shared.http.get(f"{root}/health").json() == {"status": "ok"}
    status = shared.http.get(f"{root}/ready")
    assert status.status_code == 200
    told = status.json()
    assert (told["ready"], told["version"], told["arm"], told["challenger"]) == (True, 2, "ft", None)
    assert told["problems"] == {}
