"""One vote for each person on a pair, whichever way round they saw it."""

import random

import pytest
from example_records import candidate, judgement, minute
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.votes import majority, pair_of, preference_on_pair, turned, votes_by_pair
from tasks.records import Feedback, Preference

PREFERENCES: list[Preference] = ["a", "b", "tie", "both_bad"]
X_FIRST = candidate("x").id < candidate("y").id


@pytest.mark.parametrize("preference", PREFERENCES)
def test_the_same_opinion_is_the_same_whichever_side_it_was_shown_on(preference: Preference) -> None:
    row, mirrored = judgement("x", "y", preference), judgement("y", "x", turned(preference))
    assert pair_of(row) == pair_of(mirrored)
    assert preference_on_pair(row) == preference_on_pair(mirrored)
    assert turned(turned(preference)) == preference
    assert (turned(preference) == preference) == (preference in ("tie", "both_bad"))


def test_a_is_the_candidate_with_the_smaller_id() -> None:
    assert preference_on_pair(judgement("x", "y", "a")) == ("a" if X_FIRST else "b")
    assert pair_of(judgement("x", "y")) == ("q", *sorted((candidate("x").id, candidate("y").id)))


def test_each_person_votes_once_with_what_they_edited_last() -> None:
    latest = judgement("y", "x", "a", annotator="ann", request="d/1", round_=1, given_at=minute(5))
    rows = [
        latest,
        judgement("x", "y", "a", annotator="ann", request="d/2", round_=2, given_at=minute(4)),
        judgement("x", "y", "a", annotator="bob"),
        judgement("x", "y", "a", annotator="ann", by="oracle"),  # another person, though named alike
        judgement("x", "y", "a", annotator="cam", retracted=True),
        judgement("x", "y", "a", by="judge:j"),
        judgement("x", "y", "a", by="end_user"),
        judgement("x", "z", "a", annotator="ann"),
    ]
    votes = votes_by_pair(rows)
    assert votes[pair_of(latest)] == sorted([rows[0], rows[2], rows[3]], key=lambda row: row.id)
    assert votes[pair_of(rows[-1])] == [rows[-1]]
    assert len(votes) == 2


rows_ = st.builds(
    judgement,
    st.sampled_from("xy"),
    st.sampled_from("yz"),
    st.sampled_from(PREFERENCES),
    annotator=st.sampled_from(["ann", "bob"]),
    request=st.sampled_from(["1", "2"]),
    given_at=st.none() | st.integers(0, 2).map(minute),
    retracted=st.booleans(),
)


@given(st.lists(rows_, max_size=8), st.randoms(use_true_random=False))
def test_the_order_changes_no_vote(rows: list[Feedback], shuffler: random.Random) -> None:
    assert votes_by_pair(shuffler.sample(rows, len(rows))) == votes_by_pair(rows)


@pytest.mark.parametrize(
    ("preferences", "winner"),
    [
        ([], None),
        (["a"], "a"),
        (["a", "b"], None),
        (["a", "b", "b"], "b"),
        (["a", "a", "b", "tie"], "a"),  # most, and no more than half
        (["a", "a", "b", "b", "tie"], None),
        (["tie", "tie", "a"], "tie"),
        (["both_bad"], "both_bad"),
    ],
)
def test_strictly_most_votes_win(preferences: list[Preference], winner: Preference | None) -> None:
    assert majority(preferences) == majority(preferences[::-1]) == winner
