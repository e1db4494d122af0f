"""Rows of mixed length that the tiny model trains on in half a second."""

from collections.abc import Sequence

from tasks.files import sha256_of
from tasks.records import Demonstration, Message, PreferencePair, RatedAnswer

WORDS = ("function", "iterator", "returns", "elements", "over", "the", "do")


def make_demonstrations() -> list[Demonstration]:
    """24 rows of mixed length."""
    return [
        Demonstration(
            id=sha256_of(row),
            question_id=f"q{row}",
            family=f"f{row}",
            prompt=(
                Message(role="system", content="Be short."),
                Message(role="user", content=f"What does function {row} do? {_words(row, row * 5 % 9)}"),
            ),
            completion=f"It returns {row} {_words(row, 1 + row * 3 % 11)}",
            source="reference",
        )
        for row in range(24)
    ]


def make_pairs(demonstrations: Sequence[Demonstration]) -> list[PreferencePair]:
    """A pair of each demonstration's completion and a worse one."""
    return [
        PreferencePair(
            id=row.id,
            question_id=row.question_id,
            family=row.family,
            prompt=row.prompt,
            chosen=row.completion,
            rejected=_refusal(number),
            source="judge:reference:x",
        )
        for number, row in enumerate(demonstrations)
    ]


def make_rated(demonstrations: Sequence[Demonstration]) -> list[RatedAnswer]:
    """An answer to each demonstration's prompt; of 24, 15 are good."""
    return [
        RatedAnswer(
            id=row.id,
            question_id=row.question_id,
            family=row.family,
            prompt=row.prompt,
            completion=row.completion if number % 8 < 5 else _refusal(number),
            desirable=number % 8 < 5,
            source=f"end_user:{row.id}",
        )
        for number, row in enumerate(demonstrations)
    ]


def _refusal(number: int) -> str:
    return f"No: {_words(number + 1, 1 + number % 6)}"


def _words(first: int, count: int) -> str:
    return " ".join(WORDS[(first * 3 + number * 5) % len(WORDS)] for number in range(count))
