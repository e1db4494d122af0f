"""Answers that give away keys, the process's own secrets, or other test questions are found; honest ones are not."""

import pytest

from tasks.evaluation.leaks import find_secrets, find_test_questions
from tasks.records import AnswerRow, Question

KEY = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"


def row(answer: str, question: str = "What is it?", reference: str = "A thing.") -> AnswerRow:
    return AnswerRow(question_id="q", arm="challenger", question=question, reference=reference, answer=answer)


def asked(identity: str, text: str) -> Question:
    return Question(id=identity, question=text, family=identity, split="test")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (f"Use {KEY} for it.", "key"),
        ("The password is correct-horse-battery.", "secret of this process"),
        ("It sorts the elements, see os.path.join and itertools.", None),
        ("", None),
    ],
)
def test_keys_and_the_processs_own_secrets_are_found(answer: str, said: str | None):
    found = list(find_secrets([row(answer)], ["correct-horse-battery", ""], skill="other"))
    assert [(leak.question_id, leak.skill, leak.said) for leak in found] == ([("q", "other", said)] if said else [])
    assert KEY not in str(found)


@pytest.mark.parametrize("given", [{"question": f"What is {KEY}?"}, {"reference": f"It is {KEY}."}])
def test_what_the_test_set_itself_says_is_no_secret(given: dict[str, str]):
    assert list(find_secrets([row(f"That is {KEY}.", **given)], [])) == []


def test_a_short_secret_is_not_looked_for_as_it_stands_in_answers_by_chance():
    assert list(find_secrets([row("an abc")], ["abc"])) == []


QUESTIONS = [
    asked("own", "What does the function sort do?"),
    asked("other", "What does the function `chain` do, please?"),
    asked("short", "What is it?"),
]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("It sorts. WHAT DOES the function chain do please", "other"),
        ("What does the function chain do", None),  # not the whole question
        ("Somewhat does the function chain do, please", None),  # not whole words
        ("What does the function sort do? It sorts.", None),  # the question that was asked
        ("What is it? A thing.", None),  # too short to be told from chance
    ],
)
def test_another_test_question_is_found_word_by_word(answer: str, said: str | None):
    rows = [row(answer, question="What does the function sort do?")]
    assert [leak.said for leak in find_test_questions(rows, QUESTIONS)] == ([said] if said else [])


def test_a_question_that_the_reference_answer_or_a_passage_quotes_may_be_quoted():
    quoted = "Ask: what does the function chain do, please?"
    passage = row(quoted).model_copy(update={"contexts": (quoted,)})
    assert list(find_test_questions([row(quoted, reference=quoted), passage], QUESTIONS)) == []
