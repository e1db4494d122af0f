"""A round asks what was proposed, the same when it runs again, nothing twice, and nothing that has no room."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.feedback.candidates import make_candidate
from tasks.feedback.production_store import read_production
from tasks.files import read_rows, write_rows
from tasks.home import Home
from tasks.models.generation import Decoding, Generation
from tasks.monitoring.proposals import add_proposals, are_waiting, draw_proposals
from tasks.records import BaseModelRef, Candidate, Domain, FeedbackBatch, FileRef, ModelVersion, Question
from tasks.rounds import Round, write_stage

QUESTIONS = [
    Question(id="train", question="What does chain do?", family="chain", split="train"),
    Question(id="test", question="What does sort do?", answer="It sorts.", family="sort", split="test"),
]
NOTHING = FileRef(sha256="0" * 64, rows=0)


def settings(folder: Path, **changes: Any) -> Config:
    fields: dict[str, Any] = {
        "name": "d",
        "questions": "q.jsonl",
        "root": folder,
        "curate": {"decontamination": {"similarity": None}},
        "collect": {"proposals": 2},
        **changes,
    }
    return Config.model_validate(fields)


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


def opened(home: Home, base: Path, number: int = 1) -> Round:
    domain = Domain(
        name="d",
        questions=write_rows(home.objects, QUESTIONS),
        documents=write_rows(home.objects, []),
        train_questions=1,
        test_questions=1,
        shared_families=0,
    )
    champion = ModelVersion(name="d", version=1, base=BaseModelRef(id="tiny", path=str(base), sha256="b" * 64))
    return Round(number=number, domain=domain, champion=champion)


def propose(home: Home, *texts: str) -> None:
    questions = [Question(id=text, question=text, family=text, split="train") for text in texts]
    add_proposals(home, "d", [("topic", questions)], 9, datetime.now(UTC))


def test_a_round_asks_the_newest_and_asks_the_same_when_it_runs_again(
    home: Home, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, first = settings(tmp_path), opened(home, tiny_model)
    propose(home, "What does old do?")
    propose(home, "What does zip do?", "What does map do?", "What does SORT do?")

    drawn = draw_proposals(config, home, first, home.round("d", 1), "key")
    propose(home, "What does later do?")
    again = draw_proposals(config, home, first, home.round("d", 1), "key")
    other = draw_proposals(config, home, first, home.round("d", 1), "other key")

    assert [question.question for question in drawn] == ["What does zip do?", "What does map do?"]
    assert again == drawn
    assert [question.question for question in other] == ["What does later do?", "What does zip do?"]
    assert "proposals left out: 1 test questions" in capsys.readouterr().err
    kept = [row for file in read_production(home, "d")[0] for row in read_rows(home.objects, file, Question)]
    assert {question.id for question in [*drawn, *other]} == {question.id for question in kept}


def test_what_a_round_asked_the_next_does_not(home: Home, tiny_model: Path, tmp_path: Path) -> None:
    config, first = settings(tmp_path), opened(home, tiny_model)
    propose(home, "What does zip do?", "What does map do?", "What does len do?")
    drawn = draw_proposals(config, home, first, home.round("d", 1), "key")
    generation = Generation(text="It does.", prompt_tokens=1, completion_tokens=1, latency_s=0.1)
    decoding = Decoding(temperature=1.0, top_k=5, seed=1)
    candidates = [make_candidate(question, generation, "b" * 64, "base", decoding) for question in drawn]
    batch = FeedbackBatch(
        round=1,
        model_version=first.champion,
        candidates=write_rows(home.objects, candidates),
        feedback=NOTHING,
        questions=2,
        preferences={},
    )
    assert read_rows(home.objects, batch.candidates, Candidate) == candidates
    write_stage(home.round("d", 1), "collect", "key", batch)

    second = draw_proposals(config, home, opened(home, tiny_model, 2), home.round("d", 2), "key")

    assert [question.question for question in second] == ["What does len do?"]
    assert not are_waiting(config, home, 2)


def test_a_question_without_room_in_a_prompt_is_left_out_and_the_next_is_asked(
    home: Home, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "What " + "does zip do and " * 40 + "why?"
    config = settings(tmp_path, generation={"max_prompt_tokens": 80})
    propose(home, long, "What does map do?")

    drawn = draw_proposals(config, home, opened(home, tiny_model), home.round("d", 1), "key")

    assert [question.question for question in drawn] == ["What does map do?"]
    assert "proposals left out: 1 too long" in capsys.readouterr().err


def test_nothing_is_asked_where_the_config_wants_none_or_none_is_proposed(
    home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    none = settings(tmp_path, collect={"proposals": 0})

    assert draw_proposals(settings(tmp_path), home, opened(home, tiny_model), home.round("d", 1), "key") == []
    propose(home, "What does zip do?")
    assert draw_proposals(none, home, opened(home, tiny_model), home.round("d", 1), "key") == []
    assert not home.round("d", 1).exists()
