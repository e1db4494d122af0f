import json
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.domain.doctor import Examination, Finding, examine

SMALL_TEST_SET = "The test set has"


def count_words(text: str) -> int:
    return len(text.split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("A sound document.", encoding="utf-8")
    return tmp_path


def sound_rows() -> list[dict[str, Any]]:
    return [
        {"question": f"Question {number}?", "answer": f"Answer {number}.", "split": split, "sources": ["docs/a.md"]}
        for number, split in enumerate(["train"] * 10 + ["test"] * 30)
    ]


def examine_rows(
    folder: Path, rows: list[dict[str, Any]], count_tokens: Any = count_words, **settings: Any
) -> Examination:
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    config = {"name": "test", "documents": ["docs/*"], "questions": "questions.jsonl", **settings}
    return examine(Config.model_validate({**config, "root": folder}), count_tokens)


def test_a_sound_domain_is_counted_and_has_no_findings(folder: Path) -> None:
    rows = [*sound_rows(), {"question": "Open?", "family": "open", "split": "train"}]
    examination = examine_rows(folder, rows)
    assert examination.model_dump(exclude={"findings"}) == {
        "questions": 41,
        "train_questions": 11,
        "test_questions": 30,
        "answers_missing": 1,
        "synthetic_train_questions": 0,
        "synthetic_test_questions": 0,
        "families": 41,
        "shared_families": 0,
        "documents": 1,
        "documents_skipped": 0,
        "lengths_checked": True,
    }
    assert examination.passed
    assert examine_rows(folder, sound_rows()).findings == ()


def test_without_a_tokenizer_lengths_are_said_to_be_unchecked(folder: Path) -> None:
    examination = examine_rows(folder, [{**sound_rows()[0], "answer": "long " * 9000}, *sound_rows()[1:]], None)
    assert (examination.lengths_checked, examination.findings) == (False, ())


def test_metadata_that_cannot_be_read_are_a_warning(folder: Path) -> None:
    (folder / "docs" / "z.md").write_text("---\n- a\n---\nText.\n", encoding="utf-8")
    (finding,) = examine_rows(folder, sound_rows()).findings
    assert (finding.severity, finding.sentence) == (
        "warning",
        "docs/z.md: its front matter holds list, not keys and values, so it was left as text; correct it, or "
        "remove it.",
    )


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"row-{number}", "question": f"Changed {number}?", "answer": f"This is {number}.", **changes}


@pytest.mark.parametrize(
    ("rows", "sentence", "examples"),
    [
        pytest.param(
            [row(1, family="f", split="train"), row(2, family="f", split="test")],
            "1 family in both train and test by explicit `split`: "
            "keep each in one, or the test figures come out too high.",
            ("row-1", "row-2"),
            id="shared family",
        ),
        pytest.param(
            [row(1, question="QUESTION  3?", split="train"), row(2, question="question 4?", split="train")],
            "2 questions with the text of an earlier one: remove the repetitions, they count twice.",
            ("row-1", "row-2"),
            id="repeated",
        ),
        pytest.param(
            [row(1, answer=None, split="train")],
            "1 question without an `answer`: add it, or the reference judge and the evaluation leave them out.",
            ("row-1",),
            id="unanswered",
        ),
        pytest.param(
            [row(1, answer="changed 1?", split="train")],
            "1 answer equal to the question: write what the answer should be.",
            ("row-1",),
            id="echo",
        ),
        pytest.param(
            [row(1, answer="N/A", split="train"), row(2, answer="todo", split="train")],
            '2 placeholders such as "n/a" as the answer: leave the key out until there is an answer.',
            ("row-1", "row-2"),
            id="placeholders",
        ),
        pytest.param(
            [row(number, answer="Ask us.", split="train") for number in range(60)],
            "60 of 100 answers are the same: vary them, or saying nothing else scores well.",
            ("row-0", "row-1", "row-2", "row-3", "row-4"),
            id="one answer for most",
        ),
        pytest.param(
            [row(1, sources=["docs/b.md", "docs/a.md"], split="train"), row(2, sources=["docs/b.md"], split="train")],
            "1 source naming no document, such as 'docs/b.md': correct the id, or add the document.",
            ("row-1", "row-2"),
            id="dangling source",
        ),
        pytest.param(
            [row(1, question="CafÃ©?", split="train"), row(2, answer="It isnâ€™t.", split="train")],
            '2 questions with letters decoded with the wrong encoding ("Ã©"): correct the text where it comes from.',
            ("row-1", "row-2"),
            id="mojibake",
        ),
        pytest.param(
            [row(1, answer="lost \ufffd", split="train")],
            '1 question with replacement characters ("\ufffd"): correct the text where it comes from.',
            ("row-1",),
            id="replacement",
        ),
        pytest.param(
            [row(1, answer="bell \x07", split="train")],
            '1 question with control characters ("\\u0007"): correct the text where it comes from.',
            ("row-1",),
            id="control",
        ),
        pytest.param(
            [row(1, answer="a " * 65, split="train"), row(2, answer="a " * 70, split="train")],
            "2 answers longer than `generation.max_new_tokens` (64 tokens; the longest has 70): "
            "shorten them, or raise the setting.",
            ("row-1", "row-2"),
            id="long answers",
        ),
    ],
)
def test_each_weakness_of_the_questions_is_one_warning(
    folder: Path, rows: list[dict[str, Any]], sentence: str, examples: tuple[str, ...]
) -> None:
    examination = examine_rows(folder, [*sound_rows(), *rows])
    assert examination.findings == (Finding(severity="warning", sentence=sentence, examples=examples),)
    assert examination.passed


def test_a_test_question_that_training_sees_is_named_beside_the_repetition(folder: Path) -> None:
    leaked = row(1, question="question 0?", family="another", split="test")
    findings = examine_rows(folder, [*sound_rows(), leaked]).findings
    assert [(finding.sentence, finding.examples) for finding in findings] == [
        ("1 question with the text of an earlier one: remove the repetitions, they count twice.", ("row-1",)),
        (
            "1 test question with the text of a train question: give both one `family`, "
            "or the test figures come out too high.",
            ("row-1",),
        ),
    ]


def test_prompts_and_rows_beyond_the_limits_are_counted_with_the_system_prompt(folder: Path) -> None:
    # 9 words of system prompt, 2 of question, 2 of answer.
    findings = examine_rows(
        folder, sound_rows(), generation={"max_prompt_tokens": 10}, train={"max_length": 12}
    ).findings
    assert [finding.sentence for finding in findings] == [
        "40 prompts longer than `generation.max_prompt_tokens` (10 tokens; the longest has 11): "
        "shorten them, or raise the setting.",
        "10 training rows longer than `train.max_length` (12 tokens; the longest has 13): "
        "shorten them, or raise the setting.",
    ]
    assert (
        examine_rows(folder, sound_rows(), generation={"max_prompt_tokens": 11}, train={"max_length": 13}).findings
        == ()
    )


def test_a_test_set_too_small_for_a_verdict_is_said_to_be(folder: Path) -> None:
    (finding,) = examine_rows(folder, sound_rows()[:-1]).findings
    assert finding.sentence == (
        "The test set has 29 questions, fewer than `promote.min_test_questions` (30): "
        "add test questions with an answer, or nothing will ever be promoted."
    )


def test_an_evaluation_too_small_for_a_verdict_is_said_to_be(folder: Path) -> None:
    (finding,) = examine_rows(folder, sound_rows(), evaluate={"max_questions": 20}).findings
    assert finding.sentence == (
        "`evaluate.max_questions` (20) is below `promote.min_test_questions` (30): "
        "raise it, or nothing will ever be promoted."
    )


def test_documents_skipped_or_damaged_are_named(folder: Path) -> None:
    (folder / "docs" / "b.md").write_text("It isnâ€™t sound.", encoding="utf-8")
    for number in range(22):
        (folder / "docs" / f"{number:02d}.txt").write_bytes(b"\xff")
    examination = examine_rows(folder, sound_rows())
    sentences = [finding.sentence for finding in examination.findings]
    assert (examination.documents, examination.documents_skipped) == (2, 22)
    assert sentences[0] == "00.txt was skipped: it is not UTF-8 (byte 0); save it as UTF-8.".replace("00", "docs/00")
    assert sentences[20:] == [
        "2 more documents skipped: correct these first.",
        '1 document with letters decoded with the wrong encoding ("â€™"): correct the text where it comes from.',
    ]
    assert examination.findings[-1].examples == ("docs/b.md",)


def test_files_that_cannot_be_used_are_errors_and_never_raise(folder: Path) -> None:
    (folder / "questions.jsonl").write_text('{"question": ""}\n{"qestion": "x"}\n', encoding="utf-8")
    config = Config(name="test", documents=("none/*",), questions="questions.jsonl", root=folder)
    examination = examine(config, count_words)
    path = folder / "questions.jsonl"
    assert [(finding.severity, finding.sentence) for finding in examination.findings] == [
        ("error", f'{path} line 1 has a blank `question` (value ""); write its text.'),
        ("error", f'{path} line 2 has the unknown key "qestion" (value "x"); did you mean `question`?'),
        ("error", f"{path} line 2 has no `question`; write its text."),
        ("error", f"documents: 'none/*' matches no file in {folder}; correct it, or add the files."),
    ]
    assert not examination.passed
    assert (examination.questions, examination.documents) == (0, 0)


def test_missing_questions_do_not_hide_the_state_of_the_documents(folder: Path) -> None:
    config = Config(name="test", documents=("docs/*",), questions="questions.jsonl", root=folder)
    examination = examine(config, None)
    assert (examination.documents, len(examination.findings), examination.passed) == (1, 1, False)
