"""Candidates are sampled once, however often the stage is started; nothing is loaded to judge none of them."""

from pathlib import Path

import pytest
from example_records import candidate, comparison, question

from tasks.config import Config
from tasks.errors import IntegrityError, ModelError
from tasks.feedback.collecting import judge_by_reference, sampled_once
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import Candidate
from tasks.settings.models import ModelSettings


def test_a_restart_finds_the_candidates_that_were_sampled_before(ratchet_home: Path, tmp_path: Path) -> None:
    home, work, calls = Home(ratchet_home), tmp_path / "work", []

    def sample() -> list[Candidate]:
        calls.append(1)
        return [candidate("x"), candidate("y")]

    first = sampled_once(home, work, sample)
    assert sampled_once(home, work, sample) == first == [candidate("x"), candidate("y")]
    assert len(calls) == 1
    assert len(sampled_once(home, tmp_path / "other inputs", sample)) == 2
    assert len(calls) == 2


def test_candidates_that_were_altered_since_are_not_taken(ratchet_home: Path, tmp_path: Path) -> None:
    home = Home(ratchet_home)
    sampled_once(home, tmp_path, lambda: [candidate("x")])
    [stored] = home.objects.glob("*.jsonl")
    stored.write_text("", encoding="utf-8")
    with pytest.raises(IntegrityError, match="was altered or truncated"):
        sampled_once(home, tmp_path, lambda: [candidate("x")])


def test_no_embedding_model_is_loaded_where_no_question_has_a_reference_answer(
    ratchet_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = ModelSettings(embeddings="/no/such/model")
    config = Config(name="tiny", questions="q.jsonl", model=nowhere, root=ratchet_home)
    unanswerable = [comparison(of=question(name, answer)) for name, answer in (("q1", None), ("q2", " "))]
    hardware = Hardware(device="cpu", dtype="float32", threads=1)

    assert judge_by_reference(config, Home(ratchet_home), unanswerable, hardware, 1) == []
    assert "judge reference: 2 comparisons have no reference answer to be judged by" in capsys.readouterr().err
    with pytest.raises(ModelError):
        judge_by_reference(config, Home(ratchet_home), [*unanswerable, comparison()], hardware, 1)
