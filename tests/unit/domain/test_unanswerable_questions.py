"""Questions that the documents do not answer: read as such, asked in the benchmark alone, and never contradictory."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.domain.loading import frozen_test_set, load_domain, read_split, unanswerable_test_set
from tasks.domain.questions import read_questions
from tasks.errors import DomainError
from tasks.home import Home

ANSWERED = (
    {"question": "One?", "answer": "1", "split": "train", "family": "numbers"},
    {"question": "Two?", "answer": "2", "split": "test"},
)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("given", [{}, {"answer": None, "sources": []}, {"split": "test"}, {"family": "numbers"}])
def test_it_is_a_test_question_whatever_its_family(tmp_path: Path, given: dict[str, Any]) -> None:
    path = write(tmp_path / "q.jsonl", *ANSWERED, {"question": "What is love?", "answerable": False, **given})

    [*answered, unanswerable] = read_questions(path, 0.2)

    assert (unanswerable.answerable, unanswerable.split, unanswerable.answer) == (False, "test", None)
    assert all(question.answerable for question in answered)


@pytest.mark.parametrize("value", [True, None])
def test_true_and_null_are_what_questions_are_anyway(tmp_path: Path, value: bool | None) -> None:
    with_key, without = (
        read_questions(write(tmp_path / "q.jsonl", *ANSWERED, {"question": "Why?", "answer": "So.", **key}), 0.2)
        for key in ({"answerable": value}, {})
    )

    assert with_key == without


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"answer": "42"}, 'line 3 is not `answerable` and has `answer` (value "42"); leave one of them out.'),
        (
            {"sources": ["a.md"]},
            'line 3 is not `answerable` and has `sources` (value ["a.md"]); leave one of them out.',
        ),
        (
            {"split": "train"},
            'line 3 is not `answerable` and has the split "train"; nothing is learned from it: leave `split` out.',
        ),
        (
            {"answerable": "no"},
            'line 3 has a string as `answerable` (value "no"), not true or false; correct it, or leave the key out.',
        ),
        (
            {"answerable": 0},
            "line 3 has a number as `answerable` (value 0), not true or false; correct it, or leave the key out.",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, given: dict[str, Any], problem: str) -> None:
    path = write(tmp_path / "q.jsonl", *ANSWERED, {"question": "What is love?", "answerable": False, **given})

    with pytest.raises(DomainError) as caught:
        read_questions(path, 0.2)
    assert str(caught.value) == f"{path} {problem}"


def test_it_is_in_no_training_data_nor_in_the_frozen_test_set_nor_a_shared_family(
    tmp_path: Path, ratchet_home: Path
) -> None:
    unanswerable = [{"question": f"What is {n}?", "answerable": False, "family": "numbers"} for n in range(5)]
    write(tmp_path / "q.jsonl", *ANSWERED, *unanswerable)
    config = Config.model_validate({"name": "tiny", "questions": "q.jsonl", "root": tmp_path})
    home = Home(ratchet_home)
    domain = load_domain(config, home)

    assert [question.question for question in read_split(home, domain, "train")] == ["One?"]
    assert [question.question for question in frozen_test_set(home, domain, 10)] == ["Two?"]
    found = unanswerable_test_set(home, domain, 10)
    assert {question.question for question in found} == {row["question"] for row in unanswerable}
    assert unanswerable_test_set(home, domain, 2) == found[:2]
    assert (domain.test_questions, domain.shared_families) == (1, 0)
