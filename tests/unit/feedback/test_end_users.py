"""Thumbs and edits become feedback whose ids, candidates and questions follow from what was said alone."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from example_records import question
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.end_users import (
    UNKNOWN_WEIGHTS,
    EndUserCounts,
    Reaction,
    count_table,
    end_user_counts,
    find_question,
    news,
    take,
    taken_back,
    texts_of,
)
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.log import one_per_id
from tasks.files import canonical_json
from tasks.records import Feedback

SALT = "5" * 64
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DOMAIN = texts_of(
    [
        question("train", text="What is a  deque?"),
        question("test", text="What is a heap?", split="test"),
        question("named", text="Who wrote it?", split="test", family="authors"),
        question("both-train", text="Is it FAST?", family="speed"),
        question("both-test", text="is it fast?", family="speed", split="test"),
    ]
)


def reaction(answer: str = "It is a list.", **more: Any) -> Reaction:
    fields: dict[str, Any] = {"question": "What is a deque?", "rating": "up", "item": "1", "user": "ann", **more}
    return Reaction(answer=answer, **fields)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def test_a_thumb_is_a_rating_of_a_single_candidate_by_somebody_unnamed() -> None:
    taken = take([reaction(rating="down", given_at=NOON, reason="wrong")], DOMAIN, SALT)
    (row,) = taken.feedback
    (candidate,) = taken.candidates
    assert (row.question_id, row.candidate_a, row.candidate_b) == ("train", candidate.id, candidate.id)
    assert (row.preference, row.rating, row.correction, row.reason) == ("tie", "down", None, "wrong")
    assert (row.source, row.annotator, row.given_at) == ("end_user", annotator_id(SALT, "ann"), NOON)
    assert (candidate.text, candidate.arm, candidate.weights_sha256) == ("It is a list.", "production", UNKNOWN_WEIGHTS)
    assert "ann" not in canonical_json(row).replace(annotator_id(SALT, "ann"), "").replace("annotator", "")


def test_a_thumb_and_an_edit_at_once_are_two_judgements_on_one_candidate() -> None:
    both = take([reaction(edit="A double-ended queue.", rating="down")], DOMAIN, SALT)
    apart = take([reaction(rating="down"), reaction(rating=None, edit="A double-ended queue.")], DOMAIN, SALT)
    assert both == apart
    assert [(row.rating, row.correction) for row in both.feedback] in (
        [("down", None), (None, "A double-ended queue.")],
        [(None, "A double-ended queue."), ("down", None)],
    )
    assert len(both.candidates) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is a deque?", "train"),
        (" What is\na deque? ", "train"),
        ("What is a heap?", None),
        ("what is a HEAP?", None),
        ("What  is a ｈｅａｐ?", None),
        ("authors", None),
        ("Is it FAST?", "both-train"),
        ("is it fast?", None),
        ("Is it Fast?", None),
    ],
)
def test_a_test_question_is_known_in_any_case_and_width_and_never_taken(text: str, found: str | None) -> None:
    question = find_question(text, DOMAIN)
    assert (question.id if question else None) == found
    assert bool(take([reaction(question=text)], DOMAIN, SALT).feedback) == (found is not None)


def test_an_unknown_question_is_a_new_train_question_with_the_family_of_its_equals() -> None:
    code = "What does this do?\n    x = 1"
    taken = take([reaction(question=text) for text in (code, code + "\n", "what does THIS do? x = 1")], DOMAIN, SALT)
    assert sorted(each.question for each in taken.questions) == sorted([code, "what does THIS do? x = 1"])
    assert len({each.family for each in taken.questions}) == 1
    assert {each.split for each in taken.questions} == {"train"}
    assert {row.question_id for row in taken.feedback} == {each.id for each in taken.questions}


def test_a_question_that_differs_in_case_from_a_train_question_shares_its_family() -> None:
    (new,) = take([reaction(question="what is a DEQUE?")], DOMAIN, SALT).questions
    assert new.id != "train" and new.family == "train"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"answer": " \n"}, "answers_blank"),
        ({"question": " "}, "questions_blank"),
        ({"question": "What is a heap?"}, "answers_to_test_questions"),
        ({"answer": "half \ud800"}, "texts_unreadable"),
        ({"user": "half \udfff"}, "texts_unreadable"),
        ({"rating": None, "edit": "It  is a list. "}, "edits_repeating_the_answer"),
        ({"rating": None, "edit": " "}, "edits_blank"),
    ],
)
def test_what_cannot_be_used_is_counted_and_leaves_nothing(changed: dict[str, object], reason: str) -> None:
    taken = take([reaction(**{"answer": "It is a list.", **changed})], DOMAIN, SALT)
    assert taken.skipped == {reason: 1}
    assert (taken.questions, taken.candidates, taken.feedback) == ((), (), ())


def test_one_users_flood_counts_once_with_the_latest_word() -> None:
    flood = [reaction(rating="down", given_at=at(minute), item=str(minute)) for minute in range(500)]
    last = reaction(rating="up", given_at=at(999), item="last")
    taken = take([last, *flood], DOMAIN, SALT)
    assert [row.rating for row in taken.feedback] == ["up"]


def test_unknown_users_are_told_apart_by_item() -> None:
    rows = take([reaction(user=None, item=item) for item in ("1", "2", "2")], DOMAIN, SALT).feedback
    assert len(rows) == 2 and {row.annotator for row in rows} == {None}


def test_the_same_answer_of_two_versions_is_one_candidate_and_known_weights_are_kept() -> None:
    known = reaction(weights_sha256="a" * 64)
    (candidate,) = take([reaction(user="bob"), known], DOMAIN, SALT).candidates
    assert candidate.weights_sha256 == "a" * 64


reactions = st.builds(
    reaction,
    answer=st.sampled_from(["It is a list.", "A queue.", " "]),
    question=st.sampled_from(["What is a deque?", "What is a heap?", "Why?", "why?"]),
    rating=st.sampled_from(["up", "down", None]),
    edit=st.sampled_from([None, "A queue.", "Better."]),
    user=st.sampled_from([None, "ann", "bob"]),
    item=st.sampled_from(["1", "2"]),
    given_at=st.one_of(st.none(), st.integers(0, 4).map(at)),
)


@given(st.lists(reactions, max_size=12), st.randoms(use_true_random=False))
def test_any_order_and_any_batches_leave_the_same_feedback(said: list[Reaction], shuffler: random.Random) -> None:
    once = take(said, DOMAIN, SALT)
    log: list[Feedback] = []
    shuffled = shuffler.sample(said, len(said)) + shuffler.sample(said, len(said))
    candidates = set()
    while shuffled:
        cut = shuffler.randint(1, len(shuffled))
        taken = take(shuffled[:cut], DOMAIN, SALT)
        shuffled = shuffled[cut:]
        candidates |= set(taken.candidates)
        log += news(taken.feedback, {row.id: row for row in one_per_id(log)})
    assert one_per_id(log) == list(once.feedback)
    assert candidates == set(once.candidates)
    assert news(once.feedback, {row.id: row for row in once.feedback}) == []


def word(minute: int, rating: str = "up") -> Feedback:
    return take([reaction(rating=rating, given_at=at(minute))], DOMAIN, SALT).feedback[0]


def test_a_deleted_word_is_retracted_and_an_earlier_one_counts_again() -> None:
    first, last = word(1, "up"), word(2, "down")
    log = [first, last]
    (gone,) = taken_back({last.id: at(2)}, [], {last.id: last})
    assert gone.retracted and one_per_id([*log, gone]) == [gone]
    (again,) = taken_back({last.id: at(2)}, [first], {last.id: last})
    assert (again.rating, again.retracted) == ("up", False)
    assert one_per_id([*log, again]) == [again]
    later = word(3, "down")
    assert one_per_id([*log, gone, again, later]) == [later]


def test_a_word_that_somebody_overtook_elsewhere_is_not_taken_back() -> None:
    first, last = word(1, "up"), word(2, "down")
    assert taken_back({last.id: at(1)}, [], {last.id: last}) == []
    assert taken_back({last.id: at(2)}, [], {last.id: last.model_copy(update={"retracted": True})}) == []
    assert taken_back({last.id: at(2)}, [], {}) == []
    assert taken_back({last.id: at(2)}, [first], {last.id: first.model_copy(update={"given_at": at(2)})}) == []


def test_counts_are_by_month_and_leave_out_what_was_retracted() -> None:
    said = [
        reaction(given_at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC)),
        reaction(user="bob", rating="down", edit="A queue.", given_at=datetime(2026, 2, 1, tzinfo=UTC)),
        reaction(user=None, rating="down"),
    ]
    rows = list(take(said, DOMAIN, SALT).feedback)
    retracted = word(5).model_copy(update={"id": "f" * 64, "retracted": True})
    person = word(5).model_copy(update={"id": "e" * 64, "source": "human"})
    counts = end_user_counts([*rows, retracted, person])
    assert counts == [
        EndUserCounts(month=None, up=0, down=1, edits=0, users=1),
        EndUserCounts(month="2026-01", up=1, down=0, edits=0, users=1),
        EndUserCounts(month="2026-02", up=0, down=1, edits=1, users=1),
    ]
    assert count_table(counts)[1:] == [
        ["no time", "0", "1", "0"],
        ["2026-01", "1", "0", "0"],
        ["2026-02", "0", "1", "1"],
        ["in all", "1", "2", "1"],
    ]
    assert count_table([]) == []
