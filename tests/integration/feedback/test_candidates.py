"""Candidates from the arms, by a real, tiny model: closed-book, and with passages from a real index."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.feedback.candidates import make_candidate, sample_candidates
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.generation import Decoding, Generation
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Candidate, Document, Domain, ModelVersion, Question
from tasks.rounds import Round

DOCUMENTS = {"chain.txt": "chain joins iterables.", "sort.txt": "sort orders the elements of a list."}
QUESTIONS = [
    Question(id=name, question=f"What does {name} do?", family=name, split="train") for name in ("chain", "sort")
]


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


def sample(
    home: Home, base: Path, *arms: str, documents: Mapping[str, str] = DOCUMENTS, **changes: Any
) -> list[Candidate]:
    """Four candidates for each of `QUESTIONS`."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "questions": "q.jsonl",
        "root": base,
        "generation": {"max_new_tokens": 6},
        "retrieval": {"dense": False, "passages": 1},
        "collect": {"candidates": 4, "arms": arms},
    }
    config = Config.model_validate({**settings, **changes})
    rows = [Document(id=name, text=text) for name, text in documents.items()]
    domain = Domain(
        name="tiny",
        questions=write_rows(home.objects, QUESTIONS),
        documents=write_rows(home.objects, rows),
        train_questions=2,
        test_questions=0,
        shared_families=0,
    )
    champion = ModelVersion(name="tiny", version=1, base=BaseModelRef(id="tiny", path=str(base), sha256="b" * 64))
    opened = Round(number=1, domain=domain, champion=champion)
    return sample_candidates(config, home, opened, None, QUESTIONS, Hardware("cpu", "float32", 1))


def test_candidates_take_turns_in_the_arms(home: Home, tiny_model: Path) -> None:
    closed, mixed = sample(home, tiny_model, "closed_book"), sample(home, tiny_model, "closed_book", "rag")

    assert [candidate.arm for candidate in closed] == ["base"] * 8
    assert [candidate.arm for candidate in mixed] == ["base", "rag"] * 4
    assert mixed[::2] == [same.model_copy(update={"latency_s": now.latency_s}) for same, now in pairs(closed, mixed)]
    assert [candidate.contexts for candidate in mixed[1::2]] == [
        (DOCUMENTS[f"{candidate.question_id}.txt"],) for candidate in mixed[1::2]
    ]
    assert all(rag.prompt_tokens > base.prompt_tokens for base, rag in zip(mixed[::2], mixed[1::2], strict=True))


def pairs(closed: list[Candidate], mixed: list[Candidate]) -> list[tuple[Candidate, Candidate]]:
    return list(zip(closed[::2], mixed[::2], strict=True))


def test_without_documents_all_are_closed_book_and_it_is_said(
    home: Home, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sampled = sample(home, tiny_model, "rag", documents={})

    assert {candidate.arm for candidate in sampled} == {"base"}
    said = "collect: there are no documents, so that all candidates are closed-book, whatever collect.arms says"
    assert said in capsys.readouterr().err


def test_passages_without_room_are_left_out_counted_and_said(
    home: Home, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = max(candidate.prompt_tokens for candidate in sample(home, tiny_model, "closed_book"))
    capsys.readouterr()

    sampled = sample(home, tiny_model, "rag", generation={"max_new_tokens": 6, "max_prompt_tokens": limit})

    assert [(candidate.arm, candidate.contexts) for candidate in sampled] == [("base", ())] * 8
    said = f"collect: 2 of 2 prompts had no room for all their passages within generation.max_prompt_tokens={limit}"
    assert said in capsys.readouterr().err


def test_a_candidate_is_named_by_its_passages_too() -> None:
    generation = Generation(text="It joins.", prompt_tokens=9, completion_tokens=3, latency_s=1.0)

    named = {
        make_candidate(QUESTIONS[0], generation, "b" * 64, "rag", Decoding(), contexts).id
        for contexts in ((), ("one",), ("two",), ("one", "two"), ("two", "one"))
    }

    assert len(named) == 5


@pytest.mark.parametrize(("citations", "text"), [(True, "It joins."), (False, "It joins. [1]")])
def test_people_and_judges_see_an_answer_without_the_citations_it_was_trained_to_give(
    home: Home, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, citations: bool, text: str
) -> None:
    said = Generation(text="It joins. [1]", prompt_tokens=9, completion_tokens=3, latency_s=1.0)
    monkeypatch.setattr("tasks.models.engines.generate", lambda model, tokenizer, prompts, *_: [said] * len(prompts))

    sampled = sample(home, tiny_model, "rag", train={"contexts": {"citations": citations}})

    assert {candidate.text for candidate in sampled} == {text}
