"""Bad input through the command line: one clear sentence a problem, exit status 1, no traceback, nothing trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROW = '{"question": "What is one?", "answer": "A number.", "split": "train"}\n'
EXAMPLE = '{"question": "…", "answer": "…"}'


def refused(ratchet: Any, *problems: str) -> None:
    """A round must be refused with exactly these problems, before any work."""
    ended = ratchet.run("round", str(ratchet.config))

    assert ended.stderr.splitlines()[-len(problems) :] == [f"error: {problem}" for problem in problems]
    assert "Traceback" not in ended.stderr
    assert (ended.returncode, ended.stdout) == (1, "")
    assert not (ratchet.home / "rounds").exists()


@pytest.fixture
def questions(ratchet: Any) -> Path:
    path: Path = ratchet.config.parent / "questions.jsonl"
    return path


def test_a_config_that_does_not_exist(ratchet: Any) -> None:
    ratchet.config.unlink()

    refused(ratchet, f"{ratchet.config} does not exist: write one with `ratchet init {ratchet.config.parent}`.")


def test_an_unknown_key(make_ratchet: Callable[..., Any]) -> None:
    ratchet = make_ratchet(train={"epochs": 3})

    known = "checkpoint_steps, contexts, dpo, gradient_checkpointing, kto, lora, max_length, preference, replay, sft."
    refused(ratchet, f"{ratchet.config}: train.epochs: unknown key (value 3); known here: {known}")


BAD_QUESTIONS = {
    "empty": ("", "{path} is empty: write one question a line, for example " + EXAMPLE + "."),
    "invalid JSON at line 2": (
        f'{ROW}{{"question": oops}}\n',
        "{path} line 2 is not valid JSON (Expecting value, column 14, near oops}); correct it.",
    ),
    "a question without text": (
        f'{ROW}{{"answer": "Two."}}\n',
        "{path} line 2 has no `question`; write its text.",
    ),
    "a blank question": (
        f'{ROW}{{"question": " "}}\n',
        '{path} line 2 has a blank `question` (value " "); write its text.',
    ),
    "the same id twice": (
        '{"id": "a", "question": "One?", "answer": "1"}\n{"id": "a", "question": "Two?", "answer": "2"}\n',
        '{path} line 2 has the same id as line 1 ("a"); give each its own.',
    ),
    "no answers at all": (
        '{"question": "One?", "split": "train"}\n{"question": "Two?", "split": "test"}\n',
        "{path} has no `answer` in 2 questions: add reference answers, the reference judge and the evaluation need "
        "them.",
    ),
}


@pytest.mark.parametrize("case", BAD_QUESTIONS)
def test_questions_that_cannot_be_used(ratchet: Any, questions: Path, case: str) -> None:
    text, message = BAD_QUESTIONS[case]
    questions.write_text(text, encoding="utf-8")

    refused(ratchet, message.replace("{path}", str(questions)))


def test_questions_that_are_not_there(ratchet: Any, questions: Path) -> None:
    questions.unlink()

    refused(
        ratchet,
        f"{questions} does not exist: write it, one object a line ({EXAMPLE}), or correct `questions` in the config.",
    )


def test_several_wrong_lines_are_reported_at_once(ratchet: Any, questions: Path) -> None:
    questions.write_text(f'{ROW}{{}}\n[]\n{{"question": 3}}\n', encoding="utf-8")

    refused(
        ratchet,
        f"{questions} line 2 has no `question`; write its text.",
        f'{questions} line 3 is a list, not an object (value []); write {{"question": "…"}}.',
        f"{questions} line 4 has a number as `question` (value 3), not a string; write its text.",
    )


def test_a_model_path_that_is_no_model(make_ratchet: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    ratchet = make_ratchet(base=str(tmp_path))

    remedy = "name a folder that transformers' save_pretrained wrote."
    refused(ratchet, f"model.base: {tmp_path} has no *.safetensors weights; {remedy}")


def test_with_json_the_problem_is_an_object_on_stdout(ratchet: Any, questions: Path) -> None:
    questions.write_text("{\n", encoding="utf-8")

    ended = ratchet.run("round", str(ratchet.config), "--json")

    assert ended.returncode == 1
    assert list(json.loads(ended.stdout)) == ["errors"]
