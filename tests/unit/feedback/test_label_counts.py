"""How far the labelling has come, in requests: of a round, and of each annotator in it."""

import pytest
from example_labels import REQUESTS, SALT, USERS, pull, request, response

from tasks.feedback.ingesting import LabelCounts, annotator_id, label_counts
from tasks.feedback.votes import preference_on_pair


def test_a_round_s_labels_are_counted_for_all_and_for_each() -> None:
    both, one, other = (each.id for each in REQUESTS)
    rows, _ = pull(
        [
            response(user="u1", to=both, preference="a"),
            response(user="u2", to=both, preference="a"),
            response(user="u1", to=one, preference="both_good"),
            response(user="u2", to=one, status="discarded", values={}),
            response(user="u2", to=other, status="discarded", values={}),
        ]
    )
    first, second = sorted(annotator_id(SALT, user) for user in ("u1", "u2"))
    counts = {
        annotator_id(SALT, "u1"): {"answered": 2, "agreed": 1, "discarded": 0},
        annotator_id(SALT, "u2"): {"answered": 1, "agreed": 1, "discarded": 2},
    }
    assert label_counts([*REQUESTS, request("q", 2)], rows) == [
        LabelCounts(round=1, annotator=None, pushed=3, answered=2, agreed=1, discarded=1),
        LabelCounts(round=1, annotator=first, pushed=3, **counts[first]),
        LabelCounts(round=1, annotator=second, pushed=3, **counts[second]),
        LabelCounts(round=2, annotator=None, pushed=1, answered=0, agreed=0, discarded=0),
    ]


@pytest.mark.parametrize(
    ("preferences", "agreed"),
    [("a", 0), ("aa", 1), ("ab", 0), ("aaa", 1), ("aab", 0)],
)
def test_agreed_means_by_two_people_or_more_and_by_all(preferences: str, agreed: int) -> None:
    rows, _ = pull([response(user=user, preference=each) for user, each in zip(USERS, preferences, strict=False)])
    assert label_counts(REQUESTS, rows)[0].agreed == agreed
    assert len({preference_on_pair(row) for row in rows}) == len(set(preferences))


def test_judges_and_other_rounds_are_not_counted() -> None:
    (row,), _ = pull([response()])
    judge = row.model_copy(update={"source": "judge:j", "annotator": None})
    later = row.model_copy(update={"round": 2})
    assert label_counts(REQUESTS, [judge, later]) == [
        LabelCounts(round=1, annotator=None, pushed=3, answered=0, agreed=0, discarded=0)
    ]
    assert label_counts([], [row]) == []
