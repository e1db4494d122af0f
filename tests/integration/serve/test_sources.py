"""With passages: the prompt that was evaluated, its sources in the response, and abstention where nothing is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.serve.servers import Running, domain, register, wait_for

from tasks.config import Config
from tasks.home import Home
from tasks.models.generation import generate
from tasks.models.prompting import build_messages
from tasks.records import FileRef, TrainedContexts
from tasks.registry import mlflow_registry as registry
from tasks.settings.retrieval import RetrievalSettings

DEQUE = "A deque is a queue with two ends. Items are added and removed at both of them."
HEAP = "A heap is a tree whose root is the smallest item."
CONTEXTS = TrainedContexts(
    index_sha256="1" * 64,
    rows=FileRef(sha256="2" * 64, rows=1),
    closed_book=0,
    oracle=1,
    distractors=0,
    unknown_sources=0,
    nothing_found=0,
    cut=0,
)


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> Config:
    (tmp_path / "deque.md").write_text(DEQUE, encoding="utf-8")
    (tmp_path / "heap.md").write_text(HEAP, encoding="utf-8")
    retrieval = RetrievalSettings(dense=False, near_duplicates=None, passages=1, abstain="I do not know.")
    return domain(tmp_path, tiny_model).model_copy(update={"documents": ("*.md",), "retrieval": retrieval})


def test_a_version_that_was_trained_with_passages_is_given_them_and_the_others_are_not(
    start: Callable[..., Running], config: Config, home: Home
) -> None:
    with_passages = register(config, home, 1, contexts=CONTEXTS)
    server = start(config)
    question = "What is a deque?"
    assert server.ask(question)["ratchet"]["arm"] == "base"
    registry.promote(config, home, with_passages)
    wait_for(lambda: server.status()["version"] == 2)
    loaded: Any = server.service.engine.loaded("champion")
    prompt = build_messages(config.system_prompt, question, [DEQUE])
    [expected] = generate(loaded.model, loaded.tokenizer, [prompt], config.generation)

    answer = server.ask(question)

    assert answer["choices"][0]["message"]["content"] == expected.text
    assert answer["usage"]["prompt_tokens"] == expected.prompt_tokens
    assert answer["ratchet"]["arm"] == "rag_ft"
    [source] = answer["ratchet"]["sources"]
    assert (source["document"], source["text"], source["cited"]) == ("deque.md", DEQUE, False)
    assert DEQUE[source["start"] : source["end"]] == source["text"]
    nothing_found = server.ask("Zwölf Boxkämpfer jagen Viktor")
    assert nothing_found["choices"][0]["message"]["content"] == "I do not know."
    assert (nothing_found["ratchet"]["abstained"], nothing_found["usage"]["completion_tokens"]) == (True, 0)
    wait_for(lambda: server.status()["counts"].get("traced") == 3)
    stream = server.openai.chat.completions.create(
        model="demo", messages=[{"role": "user", "content": "Zwölf Boxkämpfer"}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "I do not know."


def test_retrieval_can_be_had_always_and_never(start: Callable[..., Running], config: Config, home: Home) -> None:
    registry.promote(config, home, register(config, home, 1, contexts=CONTEXTS))

    def arm(retrieval: str) -> str:
        settings = config.serve.model_copy(update={"retrieval": retrieval})
        return str(start(config.model_copy(update={"serve": settings})).ask("What is a heap?")["ratchet"]["arm"])

    assert arm("never") == "ft"
    registry.rollback(config, home)
    assert arm("always") == "rag"


def test_passages_that_have_no_room_are_left_out(start: Callable[..., Running], config: Config, home: Home) -> None:
    registry.promote(config, home, register(config, home, 1, contexts=CONTEXTS))
    limited = config.generation.model_copy(update={"max_prompt_tokens": 120})
    server = start(config.model_copy(update={"generation": limited}))
    assert server.ask("What is a deque?")["ratchet"]["sources"] == []
