"""Answers that say what they must not: keys, secrets of the process that asked, other test questions. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tasks.records import AnswerRow, Leak, Question
from tasks.words import split_words

# Shorter questions stand in answers by chance.
FEWEST_WORDS = 6
_FEWEST_LETTERS = 8  # of a secret; shorter ones stand in answers by chance


def find_secrets(
    rows: Iterable[AnswerRow], secrets: Collection[str], rule_cache: Path | None = None, skill: str | None = None
) -> Iterator[Leak]:
    """The answers that hold a key, by the finder that cleans what is trained on, or one of these secrets.

    What stands in the question or in its reference answer is no secret, and is left alone.

    Args:
        secrets: values; those of fewer than 8 characters are left out.
        rule_cache: a folder for the finder's compiled rules, as in curation.
        skill: what the rows were asked for.
    """
    from tasks.curation.filters.secret_keys import find_keys

    values = [secret for secret in secrets if len(secret) >= _FEWEST_LETTERS]
    for row in rows:
        given = f"{row.question}\n{row.reference}"
        if any(value in row.answer and value not in given for value in values):
            yield Leak(question_id=row.question_id, skill=skill, said="secret of this process")
            continue
        text = row.answer.encode("utf-8")
        keys = (text[start:end].decode("utf-8", "replace") for start, end in find_keys(text, rule_cache))
        if any(key not in given for key in keys):
            yield Leak(question_id=row.question_id, skill=skill, said="key")


def find_test_questions(
    rows: Iterable[AnswerRow], questions: Sequence[Question], skill: str | None = None
) -> Iterator[Leak]:
    """The answers that hold another test question, whole and in its words, whatever its case and punctuation.

    Questions of fewer than 6 words are left out, and so is what the question that was asked, its reference answer or a
    passage in its prompt says itself.
    """
    texts: Mapping[str, str] = {
        question.id: _spaced(question.question)
        for question in questions
        if len(split_words(question.question)) >= FEWEST_WORDS
    }
    for row in rows:
        answer, given = _spaced(row.answer), list(map(_spaced, (row.question, row.reference, *row.contexts)))
        for identity, text in texts.items():
            if text in answer and not any(text in each for each in given):
                yield Leak(question_id=row.question_id, skill=skill, said=identity)
                break


def _spaced(text: str) -> str:
    """The words between spaces, so that a run of whole words is a part of the string."""
    return f" {' '.join(split_words(text))} "
