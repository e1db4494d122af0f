import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.questions import KEYS, question_of, read_questions
from tasks.errors import DomainError
from tasks.records import Question

GOOD = ('{"question": "One?", "answer": "1", "split": "train"}', '{"question": "Two?", "answer": "2", "split": "test"}')
ANCHORS = (  # whatever else a file holds, these make it one that can carry a round
    '{"id": "anchor-1", "question": "One?", "answer": "1", "split": "train"}',
    '{"id": "anchor-2", "question": "Two?", "answer": "2", "split": "test"}',
)
texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(
    lambda text: any(character.isprintable() and not character.isspace() for character in text)
)


def write(path: Path, *lines: str) -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))
    return path


def problems_of(path: Path, test_share: float = 0.2) -> tuple[str, ...]:
    with pytest.raises(DomainError) as caught:
        read_questions(path, test_share)
    return caught.value.problems


def test_every_key_is_read_and_the_order_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path / "questions.jsonl",
        '{"question": "One?", "answer": "1", "id": "a", "family": "f", "split": "test", '
        '"sources": ["docs/a.md"], "metadata": {"by": "me", "n": [1, 2.5, null]}}',
        '{"question": "Two?", "split": "train"}',
    )
    first, second = read_questions(path, 0.2)
    assert first == Question(
        id="a",
        question="One?",
        answer="1",
        family="f",
        split="test",
        sources=("docs/a.md",),
        metadata={"by": "me", "n": [1, 2.5, None]},
    )
    assert second == Question(id="q-9b9303174ede46e5", question="Two?", family="two?", split="train")


def test_null_means_left_out(tmp_path: Path) -> None:
    nothing = dict.fromkeys(set(KEYS) - {"question"})
    assert question_of({"question": "One?", **nothing}, 0.2) == question_of({"question": "One?"}, 0.2)


@pytest.mark.parametrize(
    "text",
    [
        "Wo liegt Zürich?",
        "什么是质量？",
        "ما هو الوقت؟",
        "U+2028 \u2028 and U+0085 \u0085 inside",
        "🦀?",
        "tab\tand\nline",
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_text_in_any_language_is_kept_as_it_is(tmp_path: Path, text: str, escaped: bool) -> None:
    line = json.dumps({"question": text, "answer": text}, ensure_ascii=escaped)
    questions = read_questions(write(tmp_path / "questions.jsonl", line, *GOOD), 0.2)
    assert (questions[0].question, questions[0].answer, len(questions)) == (text, text, 3)


def test_byte_order_mark_blank_lines_windows_line_ends_and_a_missing_last_one_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes("\ufeff\r\n".encode() + "\r\n\r\n".join(GOOD).encode())
    assert [question.question for question in read_questions(path, 0.2)] == ["One?", "Two?"]


def test_paraphrases_of_one_family_land_in_one_split(tmp_path: Path) -> None:
    lines = [f'{{"question": "{number} or so?", "family": "amounts"}}' for number in range(50)]
    questions = read_questions(write(tmp_path / "questions.jsonl", *GOOD, *lines), 0.5)
    assert len({question.split for question in questions if question.family == "amounts"}) == 1


@given(st.lists(texts, min_size=1, max_size=20, unique=True), st.lists(texts, max_size=20), st.floats(0.05, 0.95))
def test_adding_questions_anywhere_never_moves_an_old_one(
    tmp_path_factory: pytest.TempPathFactory, old: list[str], new: list[str], test_share: float
) -> None:
    def read(asked: Sequence[str]) -> dict[str, Question]:
        folder = tmp_path_factory.mktemp("questions")
        lines = [json.dumps({"question": text}) for text in dict.fromkeys(asked)]
        questions = read_questions(write(folder / "questions.jsonl", *ANCHORS, *lines), test_share)
        shutil.rmtree(folder)
        return {question.id: question for question in questions}

    before, after = read(old), read([*new, *old])
    assert all(after[question_id] == question for question_id, question in before.items())


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_with_anything_but_a_domain_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    path.write_bytes(data)
    with pytest.raises(DomainError) as caught:
        read_questions(path, 0.2)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not valid JSON ("),
        ("[1]", 'is a list, not an object (value [1]); write {"question": "…"}.'),
        ("{}", "has no `question`; write its text."),
        ('{"question": null}', "has null as `question` (value null), not a string; write its text."),
        ('{"question": 7}', "has a number as `question` (value 7), not a string; write its text."),
        ('{"question": " \\t\\u200b"}', 'has a blank `question` (value " \\t\\u200b"); write its text.'),
        (
            '{"question": "Q?", "answer": ["a"]}',
            'has a list as `answer` (value ["a"]), not a string; correct it, or leave the key out.',
        ),
        (
            '{"question": "Q?", "answer": ""}',
            'has a blank `answer` (value ""); correct it, or leave the key out.',
        ),
        (
            '{"question": "Q?", "id": 17}',
            "has a number as `id` (value 17), not a string; correct it, or leave the key out.",
        ),
        (
            '{"question": "Q?", "family": true}',
            "has a boolean as `family` (value true), not a string; correct it, or leave the key out.",
        ),
        (
            '{"question": "Q?", "split": "dev"}',
            'has the split "dev", not train or test; correct it, or leave the key out.',
        ),
        (
            '{"question": "Q?", "split": "Train"}',
            'has the split "Train", not train or test; correct it, or leave the key out.',
        ),
        (
            '{"question": "Q?", "sources": "docs/a.md"}',
            'has a string as `sources` (value "docs/a.md"), not a list of document ids; '
            "correct it, or leave the key out.",
        ),
        (
            '{"question": "Q?", "sources": ["docs/a.md", 3]}',
            "has 3 in `sources`, not a document id; correct it, or leave the key out.",
        ),
        (
            '{"question": "Q?", "metadata": "x"}',
            'has a string as `metadata` (value "x"), not an object; correct it, or leave the key out.',
        ),
        ('{"question": "Q?", "anwser": "x"}', 'has the unknown key "anwser" (value "x"); did you mean `answer`?'),
        (
            '{"question": "Q?", "difficulty": 3}',
            'has the unknown key "difficulty" (value 3); put your own keys below `metadata`.',
        ),
        ('{"question": "Q?", "question": "R?"}', 'has the key "question" twice (values "Q?" and "R?"); keep one.'),
        (
            '{"question": "One?"}',
            'has the same question as line 1 ("One?"); remove one, or give each an `id`.',
        ),
    ],
    ids=lambda text: text[:40],
)
def test_a_wrong_line_is_refused_with_its_number_value_and_remedy(tmp_path: Path, line: str, problem: str) -> None:
    path = write(tmp_path / "questions.jsonl", *GOOD, "", line)
    (found,) = problems_of(path)
    expected = f"{path} line 4 {problem}"
    assert found == expected or (problem.endswith("(") and found.startswith(expected))


def test_an_id_given_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "questions.jsonl", *(f'{{"question": "{text}", "id": "a"}}' for text in ("One?", "Two?")))
    assert problems_of(path) == (f'{path} line 2 has the same id as line 1 ("a"); give each its own.',)


def test_all_problems_are_reported_at_once_in_file_order(tmp_path: Path) -> None:
    path = write(
        tmp_path / "questions.jsonl",
        '{"zzz": 1, "aaa": 2, "split": "dev"}',
        GOOD[0],
        '{"question": "Q?", "id": 1}',
        GOOD[0],
    )
    assert [problem.removeprefix(f"{path} ") for problem in problems_of(path)] == [
        'line 1 has the unknown key "zzz" (value 1); put your own keys below `metadata`.',
        'line 1 has the unknown key "aaa" (value 2); put your own keys below `metadata`.',
        "line 1 has no `question`; write its text.",
        'line 1 has the split "dev", not train or test; correct it, or leave the key out.',
        "line 3 has a number as `id` (value 1), not a string; correct it, or leave the key out.",
        'line 4 has the same question as line 2 ("One?"); remove one, or give each an `id`.',
    ]


@pytest.mark.parametrize(
    ("wrong", "last"),
    [(21, "has 1 more problem: correct these first."), (63, "has 43 more problems: correct these first.")],
)
def test_a_long_list_of_problems_is_cut_and_says_so(tmp_path: Path, wrong: int, last: str) -> None:
    path = write(tmp_path / "questions.jsonl", *["{}"] * wrong)
    problems = problems_of(path)
    assert len(problems) == 21
    assert problems[-1] == f"{path} {last}"


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        (
            ['{"question": "One?", "split": "train"}', '{"question": "Two?", "split": "test"}'],
            [
                "has no `answer` in 2 questions: add reference answers, "
                "the reference judge and the evaluation need them."
            ],
        ),
        (
            ['{"question": "One?", "answer": "1", "split": "test"}'],
            [
                "has no train question (with `test_share` 0.2 and 1 question): "
                'add questions, or give some {"split": "train"}.'
            ],
        ),
        (
            ['{"question": "One?", "answer": "1", "split": "train"}', '{"question": "Two?", "split": "test"}'],
            [
                "has no test question with an `answer` (with `test_share` 0.2 and 2 questions): "
                'add questions, or give some {"split": "test"}.'
            ],
        ),
        (
            ['{"question": "One?", "split": "test"}'],
            [
                "has no train question (with `test_share` 0.2 and 1 question): "
                'add questions, or give some {"split": "train"}.',
                "has no `answer` in 1 question: add reference answers, "
                "the reference judge and the evaluation need them.",
            ],
        ),
    ],
)
def test_sound_lines_that_cannot_carry_a_round_are_refused(
    tmp_path: Path, lines: list[str], problems: list[str]
) -> None:
    path = write(tmp_path / "questions.jsonl", *lines)
    assert problems_of(path) == tuple(f"{path} {problem}" for problem in problems)


@pytest.mark.parametrize("content", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(content)
    assert problems_of(path) == (
        f'{path} is empty: write one question a line, for example {{"question": "…", "answer": "…"}}.',
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    assert problems_of(path) == (
        f'{path} does not exist: write it, one object a line ({{"question": "…", "answer": "…"}}), '
        "or correct `questions` in the config.",
    )


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == (f"{tmp_path} is a folder: name a JSONL file in `questions` in the config.",)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"question": "caf\xe9"}\n', "byte 17, line 1"),
        (b'\xef\xbb\xbf{"question": "x"}\n{"question": "caf\xe9"}\n', "byte 38, line 2"),
        ('{"question": "x"}'.encode("utf-16"), "byte 0, line 1"),
    ],
)
def test_a_file_that_is_not_utf8_is_refused_with_the_byte(tmp_path: Path, content: bytes, where: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(content)
    assert problems_of(path) == (f"{path} is not UTF-8 ({where}): save it as UTF-8.",)


@pytest.mark.parametrize("value", [[{"question": "One?"}, {"question": "Two?"}], {"question": "One?", "answer": "1"}])
def test_ordinary_json_over_several_lines_gets_one_problem_not_one_a_line(tmp_path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1)
    path = write(tmp_path / "questions.jsonl", text)
    count = len(text.split("\n"))
    assert problems_of(path) == (f"{path} is one JSON value over {count} lines: write JSONL, one whole object a line.",)
