"""Which candidates meet: distinct ones, each pair once, in an order that the input does not change."""

import itertools
import random
from collections import Counter

import pytest
from example_records import candidate, question
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.pairing import comparable_text, propose_comparisons
from tasks.records import Candidate, Question

NOTHING_SKIPPED = {
    "test_questions": 0,
    "questions_with_fewer_than_two_candidates": 0,
    "candidates_of_unknown_questions": 0,
    "candidates_blank": 0,
    "candidates_duplicate": 0,
    "comparisons_over_limit": 0,
}


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 9])
def test_every_unordered_pair_comes_exactly_once(count: int) -> None:
    comparisons, skipped = propose_comparisons([question()], [candidate(f"answer {n}") for n in range(count)])
    met = Counter(frozenset((each.a.text, each.b.text)) for each in comparisons)
    assert met == Counter(map(frozenset, itertools.combinations((f"answer {n}" for n in range(count)), 2)))
    assert skipped == NOTHING_SKIPPED


@pytest.mark.parametrize(
    ("questions", "candidates", "pairs", "skipped"),
    [
        ([question()], [], 0, {"questions_with_fewer_than_two_candidates": 1}),
        ([question()], [candidate("x")], 0, {"questions_with_fewer_than_two_candidates": 1}),
        (
            [question()],
            [candidate("x y"), candidate(" x\n y "), candidate("x y", seed=2)],
            0,
            {"questions_with_fewer_than_two_candidates": 1, "candidates_duplicate": 2},
        ),
        ([question()], [candidate("x"), candidate("y"), candidate("x", seed=1)], 1, {"candidates_duplicate": 1}),
        ([question()], [candidate("x"), candidate("y"), candidate(""), candidate(" \n")], 1, {"candidates_blank": 2}),
        ([question(answer=None)], [candidate("x"), candidate("y")], 1, {}),
        ([question(split="test")], [candidate("x"), candidate("y")], 0, {"test_questions": 1}),
        ([], [candidate("x"), candidate("y")], 0, {"candidates_of_unknown_questions": 2}),
        ([], [], 0, {}),
    ],
)
def test_what_cannot_be_compared_is_skipped_and_counted(
    questions: list[Question], candidates: list[Candidate], pairs: int, skipped: dict[str, int]
) -> None:
    comparisons, counted = propose_comparisons(questions, candidates)
    assert len(comparisons) == pairs
    assert counted == NOTHING_SKIPPED | skipped


@pytest.mark.parametrize(("count", "limit", "met"), [(4, 2, 4), (4, 1, 2), (5, 2, 4), (6, 3, 6), (3, 2, 3), (2, 9, 2)])
def test_a_limit_keeps_pairs_that_bring_in_most_candidates(count: int, limit: int, met: int) -> None:
    candidates = [candidate(f"answer {n}") for n in range(count)]
    comparisons, skipped = propose_comparisons([question()], candidates, per_question_limit=limit)
    assert len({side.id for each in comparisons for side in (each.a, each.b)}) == met
    possible = count * (count - 1) // 2
    assert len(comparisons) == min(limit, possible)
    assert skipped["comparisons_over_limit"] == possible - len(comparisons)


@pytest.mark.parametrize("count", [3, 5, 7])
def test_of_an_odd_number_each_candidate_stands_as_often_first_as_second(count: int) -> None:
    comparisons, _ = propose_comparisons([question()], [candidate(f"answer {n}") for n in range(count)])
    assert Counter(each.a.id for each in comparisons) == Counter(each.b.id for each in comparisons)


@given(st.lists(st.sampled_from(["x", "y", " y", "z", "", "w"]), max_size=8), st.randoms())
def test_the_order_of_candidates_changes_nothing(texts: list[str], shuffler: random.Random) -> None:
    questions = [question("q2"), question("q1")]
    seeded = [candidate(text, name, seed) for seed, text in enumerate(texts) for name in ("q1", "q2")]
    candidates = [each.model_copy(update={"seed": 0}) for each in seeded]  # nothing but their ids tells them apart
    shuffled = shuffler.sample(candidates, len(candidates))
    expected = propose_comparisons(questions, candidates, per_question_limit=3)
    assert propose_comparisons(questions, shuffled, per_question_limit=3) == expected
    assert [each.question.id for each in expected[0]] == sorted(
        (each.question.id for each in expected[0]), key=["q2", "q1"].index
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("two  words\n", " two words", True),
        ("two\u00a0words", "two words", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("random.Random", "random.random", False),
        ("x²", "x2", False),
        ("Yes.", "Yes", False),
        ("twowords", "two words", False),
    ],
)
def test_texts_are_the_same_but_for_whitespace_and_composition(one: str, other: str, same: bool) -> None:
    assert (comparable_text(one) == comparable_text(other)) is same
