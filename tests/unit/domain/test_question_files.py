"""Questions in several files, and those that a program wrote: marked, and no test questions by chance."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import Config, load_config
from tasks.domain.doctor import examine
from tasks.domain.loading import describe_questions, frozen_test_set, load_domain, read_split
from tasks.domain.questions import is_synthetic, parse_questions, question_of, read_questions
from tasks.errors import ConfigError, DomainError
from tasks.home import Home

SYNTHETIC = {"metadata": {"synthetic": True}}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def people(count: int = 40) -> list[dict[str, Any]]:
    return [{"question": f"Question {number}?", "answer": f"Answer {number}."} for number in range(count)]


def test_several_files_are_one_set_of_questions_in_their_order(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", {"question": "One?", "split": "train"})
    second = write(tmp_path / "b.jsonl", {"question": "Two?", "answer": "2", "split": "test"})
    assert [question.question for question in read_questions([first, second], 0.2)] == ["One?", "Two?"]
    assert [question.question for question in read_questions([second, first], 0.2)] == ["Two?", "One?"]


def test_what_is_missing_is_missing_in_all_files_together(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, {"question": f"{name}?", "split": "train"}) for name in ("a.jsonl", "b.jsonl")]
    with pytest.raises(DomainError) as caught:
        read_questions(paths, 0.2)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{paths[0]} and {paths[1]} has no `answer` in 2 questions")
    assert len(parse_questions(paths, 0.2)) == 2


def test_the_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", {"question": "One?", "id": "x"}, {"question": 5})
    second = write(tmp_path / "b.jsonl", {"question": "One?", "id": "x"}, {"question": "One?"})
    third = write(tmp_path / "c.jsonl", {"question": "One?"})
    with pytest.raises(DomainError) as caught:
        read_questions([first, second, tmp_path / "none.jsonl", third], 0.2)
    assert [problem.removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "a.jsonl line 2 has a number as `question` (value 5), not a string; write its text.",
        f'b.jsonl line 1 has the same id as {first} line 1 ("x"); give each its own.',
        'none.jsonl does not exist: write it, one object a line ({"question": "…", "answer": "…"}), or correct '
        "`questions` in the config.",
        f'c.jsonl line 1 has the same question as {second} line 2 ("One?"); remove one, or give each an `id`.',
    ]


@pytest.mark.parametrize("files", ["a.jsonl", ["a.jsonl"], ["a.jsonl", "b.jsonl"]])
def test_a_config_names_one_file_or_several(tmp_path: Path, files: Any) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text(f"name: d\nquestions: {json.dumps(files)}\n", encoding="utf-8")
    named = [files] if isinstance(files, str) else files
    assert load_config(path).question_files == tuple(tmp_path.resolve() / name for name in named)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("5", "questions: 5 is not accepted; it should be a JSONL file, or a list of such files."),
        ("[]", "questions: [] is not accepted; it should be a JSONL file, or a list of such files."),
        ("['']", "questions: [''] is not accepted; it should be a JSONL file, or a list of such files."),
        (
            "[a.jsonl, 5]",
            "questions: ['a.jsonl', 5] is not accepted; it should be a JSONL file, or a list of such files.",
        ),
        ("{a: b}", "questions: {'a': 'b'} is not accepted; it should be a JSONL file, or a list of such files."),
        ("[a.jsonl, b.jsonl, a.jsonl]", "questions: 'a.jsonl' is named twice; name each file once."),
    ],
)
def test_a_config_that_names_no_file_rightly(tmp_path: Path, value: str, problem: str) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text(f"name: d\nquestions: {value}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems == (f"{path}: {problem}",)


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.isalnum), st.floats(0.01, 0.99))
def test_a_synthetic_question_is_a_test_question_only_by_its_own_split(text: str, share: float) -> None:
    assert question_of({"question": text, **SYNTHETIC}, share).split == "train"
    assert question_of({"question": text, "family": "f", **SYNTHETIC}, share).split == "train"
    assert question_of({"question": text, "split": "test", **SYNTHETIC}, share).split == "test"
    unmarked = question_of({"question": text}, share)
    assert question_of({"question": text, "metadata": {"synthetic": False}}, share).split == unmarked.split


@pytest.mark.parametrize(("mark", "kind"), [("yes", "a string"), (1, "a number"), (None, "null"), ([], "a list")])
def test_a_mark_that_is_neither_true_nor_false_is_refused(mark: Any, kind: str) -> None:
    with pytest.raises(DomainError) as caught:
        question_of({"question": "One?", "metadata": {"synthetic": mark}}, 0.2)
    assert caught.value.problems == (
        f"has {kind} as `metadata.synthetic` (value {json.dumps(mark)}), not true or false; "
        "correct it, or leave the key out.",
    )


def test_synthetic_questions_stay_marked_and_out_of_the_test_set(tmp_path: Path, ratchet_home: Path) -> None:
    home = Home(ratchet_home)
    write(tmp_path / "people.jsonl", *people())
    written = [{"question": f"Written {number}?", "answer": "So.", **SYNTHETIC} for number in range(30)]
    write(tmp_path / "written.jsonl", *written, {**written[0], "id": "held out", "split": "test"})
    alone = load_domain(Config(name="d", questions="people.jsonl", root=tmp_path), home)
    domain = load_domain(Config(name="d", questions=("people.jsonl", "written.jsonl"), root=tmp_path), home)
    assert (domain.synthetic_train_questions, domain.synthetic_test_questions) == (30, 1)
    assert (alone.synthetic_train_questions, alone.synthetic_test_questions) == (0, 0)
    assert describe_questions(domain).endswith(f"and {domain.test_questions} test questions (synthetic: 30 and 1)")
    assert describe_questions(alone).endswith("test questions")
    assert domain.train_questions == alone.train_questions + 30
    assert sum(map(is_synthetic, read_split(home, domain, "train"))) == 30
    assert [question.id for question in frozen_test_set(home, domain, 99) if is_synthetic(question)] == ["held out"]


def test_the_doctor_counts_them_and_warns_of_those_in_the_test_set(tmp_path: Path) -> None:
    written = {"question": "Written?", "answer": "So.", **SYNTHETIC}
    write(tmp_path / "q.jsonl", *people(200), written, {**written, "question": "Held out?", "id": "x", "split": "test"})
    found = examine(Config(name="d", questions="q.jsonl", root=tmp_path), None)
    assert (found.synthetic_train_questions, found.synthetic_test_questions) == (1, 1)
    assert [(finding.sentence, finding.examples) for finding in found.findings] == [
        (
            "1 synthetic question in the test set by explicit `split`: leave `split` out, or the test figures are "
            "about questions that nobody asked.",
            ("x",),
        )
    ]
