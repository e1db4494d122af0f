"""What KTO learns from, and how good and bad answers weigh."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import DomainError
from tasks.files import sha256_of
from tasks.records import Message, PreferencePair, RatedAnswer
from tasks.training.kto import balance
from tasks.training.rows import single_answers

ANSWERS = st.sampled_from(["x", "y", "z"])
QUESTIONS = st.sampled_from(["q", "p"])


def fields(question: str) -> dict[str, object]:
    return {
        "question_id": question,
        "family": question,
        "prompt": (Message(role="user", content=f"What is {question}?"),),
        "feedback": (sha256_of(question),),
    }


def pair(question: str, chosen: str, rejected: str) -> PreferencePair:
    name = sha256_of([question, chosen, rejected])
    return PreferencePair.model_validate(
        {**fields(question), "id": name, "chosen": chosen, "rejected": rejected, "source": f"human:{name}"}
    )


def rated(question: str, completion: str, desirable: bool) -> RatedAnswer:
    name = sha256_of([question, completion, desirable])
    return RatedAnswer.model_validate(
        {**fields(question), "id": name, "completion": completion, "desirable": desirable, "source": f"end_user:{name}"}
    )


def told(rows: list[RatedAnswer]) -> list[tuple[str, str, bool]]:
    return sorted((row.question_id, row.completion, row.desirable) for row in rows)


@given(good=st.integers(1, 10**6), bad=st.integers(1, 10**6))
def test_the_kinds_weigh_as_equation_8_demands_and_neither_more_than_it_must(good: int, bad: int) -> None:
    for_good, for_bad = balance(good, bad, 1024)
    ratio = for_good * good / (for_bad * bad)
    assert 1 - 1e-9 <= ratio <= 4 / 3 + 1e-9
    assert min(for_good, for_bad) == 1.0
    if 1 <= good / bad <= 4 / 3:
        assert for_good == for_bad == 1.0


@pytest.mark.parametrize(("good", "bad", "kind"), [(7, 0, "good"), (0, 7, "bad")])
def test_answers_of_one_kind_are_nothing_to_learn_from(good: int, bad: int, kind: str) -> None:
    message = f"All 7 answers within train.max_length=99 tokens are {kind}, and KTO learns from the difference: "
    with pytest.raises(DomainError, match=re.escape(message)):
        balance(good, bad, 99)


def test_a_pair_gives_its_chosen_answer_as_good_and_its_rejected_one_as_bad() -> None:
    rows, contradictory = single_answers([rated("q", "z", True)], [pair("q", "x", "y")])
    assert (told(rows), contradictory) == ([("q", "x", True), ("q", "y", False), ("q", "z", True)], 0)
    assert {row.feedback for row in rows} == {(sha256_of("q"),)}
    assert len({row.id for row in rows}) == 3


def test_the_same_answer_counts_once_and_one_that_was_also_found_bad_not_at_all() -> None:
    pairs = [pair("q", "x", "y"), pair("q", "y", "z"), pair("p", "y", "x")]
    rows, contradictory = single_answers([rated("q", "x", True), rated("p", "x", False)], pairs)
    expected = [("p", "x", False), ("p", "y", True), ("q", "x", True), ("q", "z", False)]
    assert (told(rows), contradictory) == (expected, 1)


@given(
    ratings=st.lists(st.builds(rated, QUESTIONS, ANSWERS, st.booleans())),
    pairs=st.lists(st.builds(pair, QUESTIONS, ANSWERS, ANSWERS)),
)
def test_every_answer_is_there_once_or_counted_as_contradictory(
    ratings: list[RatedAnswer], pairs: list[PreferencePair]
) -> None:
    rows, contradictory = single_answers(ratings, pairs)
    said = {(row.question_id, row.completion, row.desirable) for row in ratings}
    said |= {(row.question_id, row.chosen, True) for row in pairs}
    said |= {(row.question_id, row.rejected, False) for row in pairs}
    answers = {(question, text) for question, text, _ in said}
    assert set(told(rows)) <= said
    assert len(rows) == len({(row.question_id, row.completion) for row in rows}) == len(answers) - contradictory
