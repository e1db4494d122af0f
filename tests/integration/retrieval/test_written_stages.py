"""Each stage that an LLM writes for, and the sentence window, on a case that plain retrieval misses.

The embedding model is the real one, the corpus the tests' own. The writer is a real HTTP server that speaks the OpenAI
protocol, and what it says was written by hand for this corpus (example_written): the cases show what the stages do with
good writing, not how well a model writes. The last test has the embedded model write.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from example_documents import document
from example_written import BURIED, COMPARED, DOCUMENTS, FLOODED, MINUTES, PAID, PONY, RESET, write_by_hand
from scripted_endpoint import ScriptedEndpoint, serve

from tasks.config import Config
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.models.hardware import Hardware
from tasks.records import Document, Passage
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.retrieve import retrieve
from tasks.retrieval.vectors import Embed
from tasks.writing.writer import load_writer

K = 3

CASES: list[tuple[str, dict[str, Any], str, set[str]]] = [
    ("hypothetical questions", {"chunks": {"hypothetical_questions": 2}}, RESET, {"pairing.md"}),
    ("decompose", {"decompose": True}, COMPARED, {"brand.md", "miller.md"}),
    ("step back", {"step_back": True}, FLOODED, {"tides.md"}),
    ("hyde", {"hyde": True}, PONY, {"oats.md"}),
    ("rewrite", {"rewrite": True}, PAID, {"salary.md"}),
]


@pytest.fixture(scope="module")
def embed(tmp_path_factory: pytest.TempPathFactory) -> Embed:
    return load_embedder("all-minilm-l6-v2", Home(tmp_path_factory.mktemp("models")), "cpu")


@pytest.fixture(scope="module")
def writer() -> Iterator[ScriptedEndpoint]:
    with serve(ScriptedEndpoint(write_by_hand)) as endpoint:
        yield endpoint


def ask(
    home: Home,
    embed: Embed,
    documents: Sequence[Document],
    question: str,
    writer: Mapping[str, Any] | None = None,
    **settings: Any,
) -> list[Passage]:
    config = Config.model_validate(
        {
            "name": "d",
            "questions": "q.jsonl",
            "root": home.root,
            "retrieval": {"passages": K, **settings},
            "writer": writer,
        }
    )
    with load_writer(config, home, Hardware("cpu", "float32", 1), first_wait_s=0.01) as write:
        index = open_index(config, home, build_index(config, home, documents, embed, write), embed)
        (passages,) = retrieve(config, index, [question], embed, write=write)
    return passages


def names(passages: Sequence[Passage]) -> list[str]:
    return [passage.document_id for passage in passages]


@pytest.mark.parametrize(("stage", "settings", "question", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_a_written_stage_finds_what_plain_retrieval_misses(
    ratchet_home: Path,
    embed: Embed,
    writer: ScriptedEndpoint,
    stage: str,
    settings: dict[str, Any],
    question: str,
    wanted: set[str],
) -> None:
    home, at = Home(ratchet_home), {"url": writer.url, "model": "by-hand"}
    plain = names(ask(home, embed, DOCUMENTS, question))
    found = names(ask(home, embed, DOCUMENTS, question, at, **settings))
    assert not wanted & set(plain), (stage, plain)
    assert wanted <= set(found), (stage, found)


@pytest.mark.parametrize("kind", ["headings", "sentence", "fixed"])
def test_a_sentence_window_finds_a_sentence_that_plain_retrieval_misses(
    ratchet_home: Path, embed: Embed, kind: str
) -> None:
    home = Home(ratchet_home)
    assert "minutes.txt" not in names(ask(home, embed, MINUTES, BURIED, chunks={"kind": kind}))
    window = {"kind": "sentence_window", "window_sentences": 1}
    [passage] = [
        passage for passage in ask(home, embed, MINUTES, BURIED, chunks=window) if passage.document_id == "minutes.txt"
    ]
    assert passage.text.startswith("Mooring fees") and passage.text.endswith("storms of March.")
    assert "feeds his parrot on sunflower seeds" in passage.text


def test_a_second_run_asks_nothing_and_a_new_document_alone_is_written_about(ratchet_home: Path, embed: Embed) -> None:
    home, on = Home(ratchet_home), {"rewrite": True, "hyde": True, "chunks": {"hypothetical_questions": 2}}
    with serve(ScriptedEndpoint(lambda messages: f"What of {messages[-1]['content'][:20]}?")) as endpoint:
        at = {"url": endpoint.url, "model": "m"}
        first = ask(home, embed, DOCUMENTS, PAID, at, **on)
        assert len(endpoint.asked) == len(DOCUMENTS) + 2
        assert ask(home, embed, DOCUMENTS, PAID, at, **on) == first
        assert len(endpoint.asked) == len(DOCUMENTS) + 2
        ask(home, embed, [*DOCUMENTS, document("new.md", "Something new.")], PAID, at, **on)
        assert [asked.messages[-1]["content"] for asked in endpoint.asked[len(DOCUMENTS) + 2 :]] == ["> Something new."]


def test_with_an_endpoint_that_is_down_retrieval_goes_on_with_the_question_alone_and_says_so(
    ratchet_home: Path, embed: Embed, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        gone = {"url": endpoint.url, "model": "m", "retries": 0}
    home = Home(ratchet_home)
    found = ask(home, embed, DOCUMENTS, PAID, gone, rewrite=True, hyde=True)
    assert found == ask(home, embed, DOCUMENTS, PAID)
    said = capsys.readouterr().err
    assert "warning: The writer's endpoint" in said
    assert "2 of 2 texts were not written: 2 no answer" in said
    assert "of 1 questions some are searched without a written query (1 rewrite, 1 hyde)" in said


def test_the_embedded_model_writes_for_every_stage_to_the_end(ratchet_home: Path, embed: Embed) -> None:
    """What a model of 135 million weights writes is not judged: that all of it is taken is."""
    home = Home(ratchet_home)
    on = {"rewrite": True, "decompose": True, "step_back": True, "hyde": True, "chunks": {"hypothetical_questions": 2}}
    at = {"url": "embedded", "max_tokens": 12, "timeout_s": 300.0, "retries": 0}
    passages = ask(home, embed, DOCUMENTS[:1], RESET, at, **on)
    assert names(passages) == ["pairing.md"]
    [journal] = (ratchet_home / "written").iterdir()
    assert journal.name.casefold().startswith("smollm2")
    assert len(journal.read_text().splitlines()) == 1 + 4
