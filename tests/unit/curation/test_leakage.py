"""The guard lets train questions through and nothing of the test set, however it got in."""

import example_records
import polars as pl
import pytest
from example_frames import questions_frame

from tasks.curation.leakage import assert_no_test_families
from tasks.errors import IntegrityError
from tasks.records import Question, Split


def question(name: str, family: str, split: Split, text: str | None = None) -> Question:
    return example_records.question(name, split=split, text=text, family=family)


COLUMNS = {"question_id": pl.String, "family": pl.String, "question": pl.String}
QUESTIONS = questions_frame(
    [
        question("train", "of train", "train"),
        question("test", "of test", "test"),
        question("shared train", "shared", "train"),
        question("shared test", "shared", "test"),
        question("spaced", "of test", "test", "What is  caf\u00e9?\n"),
    ]
)


def rows(*asked: tuple[str, str, str]) -> pl.DataFrame:
    """A demonstration and a pair for each name and family of a question, and its text if it is not the name's own."""
    columns = [
        {"question_id": name, "family": family, "question": text or f"What is {name}?"} for name, family, text in asked
    ]
    return pl.DataFrame([each for each in columns for _ in range(2)], schema=COLUMNS)


@pytest.mark.parametrize(
    ("name", "family", "text"),
    [
        ("train", "of train", ""),
        ("shared train", "shared", ""),  # the user's own split put the family on both sides
        ("train", "of train", "What is TEST?"),  # another text: case can carry the meaning
        ("train", "of train", "What is test? Explain."),
    ],
)
def test_rows_of_train_questions_pass(name: str, family: str, text: str) -> None:
    assert_no_test_families(QUESTIONS, rows((name, family, text)))


def test_an_empty_dataset_passes() -> None:
    assert_no_test_families(questions_frame([]), rows())


LEAK = "The training data holds rows of test families"
UNKNOWN = "The training data holds rows of no question of the domain in its family"
REPEATED = "The training data holds test questions as prompts, word for word"


@pytest.mark.parametrize(
    ("name", "family", "text", "problems"),
    [
        ("test", "of test", "Hidden?", [f"{LEAK} (2 in all; of test: 2)"]),
        ("test", "of test", "", [f"{LEAK} (2 in all; of test: 2)", f"{REPEATED} (2 in all; What is test?: 2)"]),
        ("shared test", "shared", "Hidden?", [f"{LEAK} (2 in all; shared: 2)"]),
        ("train", "of test", "", [f"{LEAK} (2 in all; of test: 2)"]),
        ("test", "of train", "Hidden?", [f"{LEAK} (2 in all; of train: 2)"]),
        ("gone", "of test", "", [f"{LEAK} (2 in all; of test: 2)"]),
        ("gone", "of train", "", [f"{UNKNOWN} (2 in all; gone: 2)"]),
        ("train", "shared", "", [f"{UNKNOWN} (2 in all; train: 2)"]),
        ("train", "of train", "What is test?", [f"{REPEATED} (2 in all; What is test?: 2)"]),
        ("train", "of train", " What is\ttest? ", [f"{REPEATED} (2 in all; What is test?: 2)"]),
        ("train", "of train", "What is cafe\u0301?", [f"{REPEATED} (2 in all; What is caf\u00e9?: 2)"]),
    ],
)
def test_a_leak_fails_the_round_and_is_named_with_its_row_count(
    name: str, family: str, text: str, problems: list[str]
) -> None:
    with pytest.raises(IntegrityError) as caught:
        assert_no_test_families(QUESTIONS, rows((name, family, text)))
    assert [problem.partition(": nothing")[0] for problem in caught.value.problems] == problems
    assert all("nothing was trained" in problem for problem in caught.value.problems)


def test_of_many_families_the_first_ten_are_named() -> None:
    questions = questions_frame(question(f"q{n:02}", f"f{n:02}", "test") for n in range(12))
    leaked = rows(*((f"q{n:02}", f"f{n:02}", "Hidden?") for n in range(12)))
    with pytest.raises(IntegrityError, match=r"\(24 in all; f00: 2, .*, f09: 2, and 2 more\)"):
        assert_no_test_families(questions, leaked)
