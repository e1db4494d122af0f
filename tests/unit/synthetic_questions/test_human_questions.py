"""What people have asked is not asked again, and a test answer is not given away."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.config import Config
from tasks.errors import DomainError
from tasks.records import Question, Split
from tasks.synthetic_questions.drafts import Draft
from tasks.synthetic_questions.human_questions import compare_with, read_human_questions, repeats_an_answer


def draft(question: str = "What is a ratchet?", answer: str = "A ratchet is a device that turns one way.") -> Draft:
    return Draft(question=question, answer=answer, document_id="a.md", start=0, end=9, writer="template definition")


def human(answer: str | None, split: Split = "test", *sources: str) -> Question:
    return Question(id="h", question="Which way?", answer=answer, family="f", split=split, sources=sources)


def by_first_letter(texts: Sequence[str]) -> NDArray[np.float32]:
    """Texts with the same first letter mean the same."""
    rows = np.zeros((len(texts), 26), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[ord(text[0].lower()) - ord("a")] = 1.0
    return rows


def test_equal_words_are_the_same_question_however_they_are_typed() -> None:
    asked = Question(id="h", question="what is a  RATCHET?", family="f", split="train")
    assert compare_with([asked], None, 0.9)([draft(), draft("What is a pawl?")]) == [True, False]


def test_what_means_the_same_is_the_same_question_where_meanings_are_compared() -> None:
    asked = Question(id="h", question="which is a ratchet?", family="f", split="train")
    drafts = [draft("What?"), draft("Name a ratchet?")]
    assert compare_with([asked], by_first_letter, 0.9)(drafts) == [True, False]
    assert compare_with([asked], by_first_letter, None)(drafts) == [False, False]
    assert compare_with([asked], None, 0.9)(drafts) == [False, False]
    assert compare_with([], by_first_letter, 0.9)(drafts) == [False, False]
    assert compare_with([asked], by_first_letter, 0.9)([]) == []


@pytest.mark.parametrize(
    ("question", "split"),
    [
        (human("It is a device that turns one way.", "test", "a.md"), "test"),
        (human("It is a device that turns one way.", "train", "b.md", "a.md"), "train"),
        (human("It is a device that turns one way.", "test"), "test"),  # about any document
        (human("It is a device that turns one way.", "train"), None),
        (human("It is a device that turns one way.", "test", "b.md"), None),
        (human("A wheel with a pawl and teeth.", "test", "a.md"), None),
        (human("One way", "test", "a.md"), "test"),
        (human("One way", "test"), None),
        (human("way one", "test", "a.md"), None),
        (human(None, "test", "a.md"), None),
    ],
)
def test_an_answer_on_the_same_document_is_not_given_again(question: Question, split: Split | None) -> None:
    assert repeats_an_answer(draft(), [question]) == split


def test_a_test_question_counts_before_a_train_question() -> None:
    same = "It is a device that turns one way."
    assert repeats_an_answer(draft(), [human(same, "train", "a.md"), human(same, "test", "a.md")]) == "test"


def rows(*metadata: dict[str, object]) -> str:
    return "".join(f"{json.dumps({'question': f'Q{at}?', 'metadata': each})}\n" for at, each in enumerate(metadata))


def test_only_what_people_wrote_is_compared_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.jsonl").write_text(rows({}, {"synthetic": True}, {"synthetic": False}), encoding="utf-8")
    config = Config(name="d", questions=("q.jsonl", "later.jsonl"), root=tmp_path)
    assert [question.question for question in read_human_questions(config)] == ["Q0?", "Q2?"]
    assert f"{tmp_path / 'later.jsonl'} does not exist yet" in capsys.readouterr().err


def test_a_damaged_file_of_questions_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(DomainError, match="has no `question`"):
        read_human_questions(Config(name="d", questions="q.jsonl", root=tmp_path))
