"""The label budget is spent where people are needed, on each question once."""

import random
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from example_records import comparison, judgement, question
from example_routing import NONE, PREFERENCES, about, ask, chosen, labels, said, verdict
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.labels import RoutedWhy
from tasks.feedback.routing import PastLabel, explain
from tasks.records import Comparison, Feedback


def test_each_reason_is_named_and_the_strongest_comes_first() -> None:
    judgements = [
        verdict("a", 0.9, swap_inconsistent=True),
        verdict("b", 0.9, "b"),
        verdict("c", 0.5),
        verdict("e", 1.0),
    ]
    requests, counts = ask(about(*"abcde"), judgements, [said("b", "a")], budget=5)
    assert chosen(requests) == [
        ("a", "swap-inconsistent"),
        ("b", "disagrees-with-people"),
        ("d", "unsure"),  # nobody judged it
        *[each for each in chosen(requests) if each[1] == "diverse"],
    ]
    assert {name for name, why in chosen(requests) if why == "diverse"} == {"c", "e"}
    assert [request.priority for request in requests] == [1, 2, 3, 4, 5]
    assert counts == NONE | {"swap-inconsistent": 1, "disagrees-with-people": 1, "unsure": 1, "diverse": 2}
    assert explain(requests) == counts
    assert list(counts) == list(get_args(RoutedWhy))


@pytest.mark.parametrize(
    ("judgements", "order"),
    [
        ([verdict("a", 0.6), verdict("b", 0.5), verdict("c", 0.7)], "bac"),
        ([verdict("a", 0.6), verdict("c", 0.5)], "bca"),  # no verdict is less than any
        (  # two that agree count as their mean, and disagreement halves
            [
                verdict("a", 0.9),
                verdict("a", 0.9, "b", by="judge:k"),
                verdict("b", 0.7),
                verdict("b", 0.5, by="judge:k"),
                verdict("c", 0.5),
            ],
            "acb",
        ),
        (  # a judge that saw the sides the other way round agrees all the same
            [
                verdict("a", 0.6),
                judgement("y", "x", "b", by="judge:k", name="a", confidence=0.6),
                verdict("b", 0.7),
                verdict("b", 0.7, "b", by="judge:k"),
                verdict("c", 0.8),
            ],
            "bac",
        ),
        ([verdict("a", 0.6), verdict("b", 0.9, retracted=True), verdict("c", 0.9, by="human")], None),
    ],
)
def test_the_least_certain_are_asked_first(judgements: list[Feedback], order: str | None) -> None:
    budget = 6  # half of it for the unsure ones
    requests, _ = ask(about(*"abc"), judgements, budget=budget)
    unsure = "".join(name for name, why in chosen(requests) if why == "unsure")
    if order is None:  # neither a person's word nor a retracted one is a verdict
        assert (set(unsure[:2]), unsure[2]) == ({"b", "c"}, "a")
    else:
        assert unsure == order


@pytest.mark.parametrize(("budget", "unsure"), [(1, 0), (2, 1), (5, 2), (10, 5)])
def test_what_judges_are_unsure_of_leaves_half_for_the_rest(budget: int, unsure: int) -> None:
    names = [chr(ord("A") + number) for number in range(30)]
    requests, counts = ask(about(*names), [verdict(name, 0.5) for name in names], budget=budget)
    assert counts == NONE | {"unsure": unsure, "diverse": budget - unsure}
    assert len(requests) == budget


def test_what_judges_are_sure_of_is_asked_for_its_diversity_alone() -> None:
    _, counts = ask(about(*"abcd"), [verdict(name, 1.0) for name in "abcd"], budget=4)
    assert counts == NONE | {"diverse": 4}


def test_diverse_questions_are_far_from_all_chosen_before_them() -> None:
    places = {"a": [0.0], "b": [1.0], "c": [2.0], "d": [50.0], "e": [51.0], "f": [100.0]}
    judgements = [verdict("a", swap_inconsistent=True), *(verdict(name) for name in "bcdef")]
    requests, _ = ask(about(*"abcdef"), judgements, budget=3, places=places)
    assert chosen(requests) == [("a", "swap-inconsistent"), ("f", "diverse"), ("d", "diverse")]


def test_no_question_comes_twice_before_all_came_once() -> None:
    comparisons = about(*"abc", pairs=("xy", "yz", "xz"))
    judgements = [verdict("a", 0.5, swap_inconsistent=True)] + [
        judgement(first, second, by="judge:j", name="a", confidence=0.5, swap_inconsistent=True)
        for first, second in ("yz", "xz")
    ]
    for budget in range(1, 10):
        requests, _ = ask(comparisons, judgements, budget=budget)
        asked = Counter(request.question_id for request in requests)
        assert len(requests) == budget
        assert len(asked) == min(budget, 3)
        assert max(asked.values()) - min(asked[name] for name in "abc") <= 1
    assert chosen(requests)[0] == ("a", "swap-inconsistent")


@pytest.mark.parametrize(
    ("past", "why"),
    [
        ([], "diverse"),
        ([said("a", "a")], None),  # answered, and the judge agrees
        ([said("a", "b")], "disagrees-with-people"),
        ([said("a", "tie")], "disagrees-with-people"),
        ([said("a", "b", a="y", b="x")], None),  # the same answer, the other way round
        ([said("a", "a", a="y", b="x")], "disagrees-with-people"),
        ([said("a", "b", "ann"), said("a", "b", "bob")], None),  # settled: a third would not change the judge
        ([said("a", "b", "ann"), said("a", "b", "ann")], "disagrees-with-people"),  # one person is one voice
        ([said("a", "a", "ann"), said("a", "b", "bob")], "disagrees-with-people"),  # people are of two minds
        ([said("b", "b")], "diverse"),  # another question
        ([said("a", "b", b="z")], "diverse"),  # another pair
        ([(said("a", "b")[0].model_copy(update={"retracted": True}), "x", "y")], "diverse"),
    ],
)
def test_what_people_answered_is_asked_again_only_where_a_judge_says_otherwise(
    past: list[PastLabel], why: str | None
) -> None:
    for sides in ("xy", "yx"):
        requests, _ = ask(about("a", pairs=(sides,)), [verdict("a", 1.0, "a")], past)
        assert chosen(requests) == ([("a", why)] if why else [])


def test_an_answered_pair_without_a_verdict_is_not_asked_again() -> None:
    assert chosen(ask(about("a", "b"), [], [said("a")])[0]) == [("b", "unsure")]


@pytest.mark.parametrize(
    ("comparisons", "asked"),
    [
        ([comparison("x", "y", question("a", split="test"))], 0),
        ([comparison("x", " ", question("a"))], 0),
        ([comparison("x", " x\n", question("a"))], 0),
        ([comparison("x", "y", question("a")), comparison("y", "x ", question("a"))], 1),
        ([comparison("x", "y", question("a", answer=None))], 1),
        ([], 0),
    ],
)
def test_what_must_not_or_cannot_be_asked_is_left_out(comparisons: list[Comparison], asked: int) -> None:
    assert len(ask(comparisons, audit_share=0.5)[0]) == asked


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["xy", "yz", "xz"])), max_size=12),
    st.lists(
        st.builds(
            verdict,
            st.sampled_from("abcd"),
            st.sampled_from([0.5, 0.75, 1.0]),
            st.sampled_from(PREFERENCES),
            by=st.sampled_from(["judge:j", "judge:k"]),
            swap_inconsistent=st.booleans(),
        ),
        max_size=6,
        unique_by=lambda row: row.id,
    ),
    st.lists(st.builds(said, st.sampled_from("abcd"), st.sampled_from(PREFERENCES)), max_size=2),
    st.integers(0, 12),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_input_changes_nothing_and_the_budget_is_spent(
    asked: list[tuple[str, str]],
    judgements: list[Feedback],
    past: list[PastLabel],
    budget: int,
    audit_share: float,
    shuffler: random.Random,
) -> None:
    comparisons = [comparison(pair[0], pair[1], question(name)) for name, pair in asked]
    requests, counts = ask(comparisons, judgements, past, budget=budget, audit_share=audit_share)
    again = ask(
        shuffler.sample(comparisons, len(comparisons)),
        shuffler.sample(judgements, len(judgements)),
        shuffler.sample(past, len(past)),
        budget=budget,
        audit_share=audit_share,
    )
    assert again == (requests, counts)
    eligible = len(ask(comparisons, judgements, past, budget=1000)[0])
    assert labels(requests) == min(budget, eligible + counts["audit"])
    assert len({request.id for request in requests}) == len(requests)
    for audit in (True, False):
        own = [request.priority for request in requests if (request.why == "audit") is audit]
        assert own == list(range(1, len(own) + 1))


def test_a_question_without_an_embedding_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 questions have no embedding, 'b' the first"):
        ask(about("a", "b"), places={"a": [0.0]})


def test_embeddings_may_be_arrays() -> None:
    comparisons = about(*"abc")
    arrays = {name: np.eye(3, dtype=np.float32)[place] for place, name in enumerate("abc")}
    lists = {name: array.tolist() for name, array in arrays.items()}
    assert ask(comparisons, places=arrays) == ask(comparisons, places=lists)  # type: ignore[arg-type]
