"""The guard lets train questions through and nothing of the test set, however it got in."""

import example_records
import pytest

from tasks.curation.leakage import assert_no_test_families
from tasks.errors import IntegrityError
from tasks.files import sha256_of
from tasks.models.prompting import build_messages
from tasks.records import Demonstration, PreferencePair, Question, Split


def question(name: str, family: str, split: Split, text: str | None = None) -> Question:
    return example_records.question(name, split=split, text=text, family=family)


QUESTIONS = [
    question("train", "of train", "train"),
    question("test", "of test", "test"),
    question("shared train", "shared", "train"),
    question("shared test", "shared", "test"),
    question("spaced", "of test", "test", "What is  caf\u00e9?\n"),
]


def demonstration(name: str, family: str, text: str = "") -> Demonstration:
    return Demonstration(
        id=sha256_of([name, family, text]),
        question_id=name,
        family=family,
        prompt=build_messages("Be brief.", text or f"What is {name}?"),
        completion="yes",
        source="reference",
    )


def pair(name: str, family: str, text: str = "") -> PreferencePair:
    row = demonstration(name, family, text)
    return PreferencePair(
        **row.model_dump(exclude={"completion", "source"}), chosen="yes", rejected="no", source="human:1"
    )


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
    assert_no_test_families(QUESTIONS, [demonstration(name, family, text)], [pair(name, family, text)])


def test_an_empty_dataset_passes() -> None:
    assert_no_test_families([], [], [])


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
        assert_no_test_families(QUESTIONS, [demonstration(name, family, text)], [pair(name, family, text)])
    assert [problem.partition(": nothing")[0] for problem in caught.value.problems] == problems
    assert all("nothing was trained" in problem for problem in caught.value.problems)


def test_of_many_families_the_first_ten_are_named() -> None:
    questions = [question(f"q{n:02}", f"f{n:02}", "test") for n in range(12)]
    rows = [demonstration(f"q{n:02}", f"f{n:02}", "Hidden?") for n in range(12)]
    with pytest.raises(IntegrityError, match=r"\(12 in all; f00: 1, .*, f09: 1, and 2 more\)"):
        assert_no_test_families(questions, rows, [])
