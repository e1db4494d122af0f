"""One look at production, with vectors of words in place of a model's: what it finds, remembers and proposes."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_answers import AT, answered
from numpy.typing import NDArray

from tasks.config import Config, load_config
from tasks.errors import DomainError
from tasks.files import sha256_of
from tasks.home import Home
from tasks.monitoring import looking
from tasks.monitoring.answers import Answers, ProductionAnswer
from tasks.monitoring.looking import Look, look, periods
from tasks.monitoring.proposals import read_proposals
from tasks.records.monitoring import Watched
from tasks.words import split_words

KNOWN = ["How do I sort a list?", "How do I sort a dict?", "How do I sort a set?"]
PARCELS = ["Where is my parcel number {}?", "May I return parcel {}, says joe@gmail.com?"]


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Words in 64 buckets, of length 1."""
    rows = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in split_words(text):
            row[int(sha256_of(word)[:6], 16) % 64] += 1
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


@pytest.fixture(autouse=True)
def _words_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_embedder", lambda config, home: embed)


def settings(folder: Path, **changes: Any) -> Config:
    rows = [{"question": text, "answer": "So.", "split": "train"} for text in KNOWN]
    rows.append({"question": "Where is my parcel number 3?", "answer": "There.", "split": "test"})
    (folder / "q.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    config = {"name": "d", "questions": "q.jsonl", "monitor": {"min_answers": 20, **changes}}
    (folder / "ratchet.yaml").write_text(json.dumps(config), encoding="utf-8")
    return load_config(folder / "ratchet.yaml")


def known(count: int) -> list[ProductionAnswer]:
    return [each for place in range(count) for each in answered(question=KNOWN[place % 3], answer="So.")]


def parcels(count: int) -> list[ProductionAnswer]:
    texts = [PARCELS[place % 2].format(place) for place in range(count)]
    return [each for text in texts for each in answered(question=text, answer="I do not know.")]


def look_at(
    config: Config, home: Home, now: list[ProductionAnswer], hours: int = 0, watched: Watched | None = None
) -> Look:
    read = [Answers(tuple(now)), Answers(tuple(known(90)))]
    return look(config, home, read, AT + timedelta(hours=hours), None, watched or Watched())


def test_a_new_topic_is_drift_abstention_and_a_topic_and_proposes_questions_without_personal_data(
    home: Home, tmp_path: Path
) -> None:
    found = look_at(settings(tmp_path), home, [*known(30), *parcels(20)])

    assert [finding.kind for finding in found.report.raised[:2]] == ["drift", "abstention"]
    assert {finding.kind for finding in found.report.raised[2:]} == {"topic"}
    assert any("parcel" in text for finding in found.report.topics for text in finding.examples)
    proposed = [each.question for each in read_proposals(home, "d")]
    assert found.report.proposed == len(proposed) > 5
    assert "Where is my parcel number 3?" not in proposed  # a test question
    assert any("[email]" in text for text in proposed)
    written = "".join([*proposed, found.report.model_dump_json(), found.watched.model_dump_json()])
    assert "joe@" not in written
    assert read_proposals(home, "d")[0].because == "topic"


def test_the_next_look_raises_nothing_again_and_proposes_nothing_more(home: Home, tmp_path: Path) -> None:
    config, now = settings(tmp_path), [*known(30), *parcels(20)]
    first = look_at(config, home, now)

    second = look_at(config, home, now, 24, first.watched)
    third = look_at(config, home, known(50), 48, second.watched)

    assert (second.report.raised, second.report.proposed) == ((), 0)
    kinds = [finding.kind for finding in first.report.raised]
    assert [finding.kind for finding in second.report.lasting] == kinds
    assert [finding.kind for finding in third.report.over] == kinds
    assert third.watched.findings == ()


def test_nothing_new_is_nothing_found(home: Home, tmp_path: Path) -> None:
    found = look_at(settings(tmp_path), home, known(50))

    assert (found.report.raised, found.report.topics, found.report.proposed) == ((), (), 0)
    assert set(found.watched.tested) == {"drift", "abstention"}


def test_too_few_answers_are_said_with_how_many_are_needed(home: Home, tmp_path: Path) -> None:
    found = look_at(settings(tmp_path), home, known(19))

    sentences = [verdict.sentence for verdict in found.report.verdicts]
    assert sentences[0] == "Questions: 19 now and 90 before are too few for a verdict; 20 are needed of each."
    assert all("too few for a verdict" in sentence for sentence in sentences)
    assert found.watched == Watched()


def test_without_an_answer_nothing_is_known_and_nothing_forgotten(home: Home, tmp_path: Path) -> None:
    config = settings(tmp_path)
    first = look_at(config, home, [*known(30), *parcels(20)])

    nothing = look(config, home, [Answers(), Answers()], AT + timedelta(days=1), None, first.watched)

    assert nothing.report.lasting == first.report.raised
    assert nothing.watched.findings == first.watched.findings


def test_questions_can_be_compared_with_those_that_the_model_was_trained_on(home: Home, tmp_path: Path) -> None:
    config = settings(tmp_path, questions_against="train")

    found = look_at(config, home, parcels(30))

    assert found.report.verdicts[0].sentence == (
        "Questions: 30 now and 3 train questions are too few for a verdict; 20 are needed of each."
    )


def test_the_periods_follow_each_other(tmp_path: Path) -> None:
    config = settings(tmp_path, days=2, reference_days=5)

    now, before = periods(config, AT, None)
    longer, _ = periods(config, AT, 3)

    assert (before.end, now.end, now.end - now.start) == (now.start, AT, timedelta(days=2))
    assert before.end - before.start == timedelta(days=5)
    assert longer.start == AT - timedelta(days=3)


def test_a_domain_that_cannot_be_read_is_refused(home: Home, tmp_path: Path) -> None:
    config = settings(tmp_path)
    (tmp_path / "q.jsonl").write_text("oops\n", encoding="utf-8")

    with pytest.raises(DomainError, match=r"q.jsonl line 1 is not valid JSON"):
        look_at(config, home, known(30))


def test_personal_data_of_many_texts_is_looked_for_in_those_that_may_have_some_alone(
    home: Home, tmp_path: Path
) -> None:
    many = [*known(5000), *parcels(1)]

    found = look_at(settings(tmp_path, max_compared=60), home, many)

    assert found.report.answers == 5001
    assert found.report.verdicts[0].now is not None
    assert found.report.verdicts[0].now.count == 60
