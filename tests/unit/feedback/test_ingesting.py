"""What people said in Argilla is in the log once, whatever was edited, taken back or cannot be used."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from example_labels import REQUESTS, SALT, pull, request, response
from example_records import candidate, minute
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.ingesting import annotator_id
from tasks.feedback.labels import LabelResponse
from tasks.feedback.log import one_per_id
from tasks.feedback.sources import feedback_id
from tasks.files import canonical_json, sha256_of
from tasks.records import Feedback


def after(*pulls: list[LabelResponse]) -> list[Feedback]:
    """The last words after these pulls, one after another."""
    known: list[Feedback] = []
    for number, responses in enumerate(pulls):
        known = one_per_id([*known, *pull(responses, known, as_of=50 + number)[0]])
    return known


def test_a_response_becomes_one_judgement() -> None:
    (row,), skipped = pull([response(3, preference="b", correction="better", reason="two\nlines")], audit=True)
    annotator = annotator_id(SALT, "u1")
    a, b = REQUESTS[0].candidate_a, REQUESTS[0].candidate_b
    assert row == Feedback(
        id=feedback_id("human", annotator, "q", a, b, request=f"ds/{REQUESTS[0].id}"),
        question_id="q",
        candidate_a=a,
        candidate_b=b,
        preference="b",
        source="human",
        annotator=annotator,
        correction="better",
        reason="two\nlines",
        round=1,
        audit=True,
        given_at=minute(3),
    )
    assert skipped == {}


@pytest.mark.parametrize("shown", [("x", "y"), ("y", "x")])
@pytest.mark.parametrize(("label", "better"), [("a", 0), ("b", 1), ("both_good", None), ("both_bad", None)])
def test_the_answer_that_was_preferred_is_the_candidate_that_wins(
    shown: tuple[str, str], label: str, better: int | None
) -> None:
    asked = request("q", 1, *shown)
    (row,), _ = pull([response(to=asked.id, preference=label)], requests=[asked])
    winner = {"a": row.candidate_a, "b": row.candidate_b}.get(row.preference)
    assert winner == (None if better is None else candidate(shown[better]).id)
    assert row.preference == {"both_good": "tie"}.get(label, label)


def test_annotators_are_opaque_and_the_same_person_has_one_id_in_a_home() -> None:
    rows, _ = pull([response(), response(to=REQUESTS[1].id), response(user="u2")])
    assert len({row.annotator for row in rows}) == 2
    assert len({row.id for row in rows}) == 3
    text = "".join(canonical_json(row) for row in rows)
    assert not any(name in text for name in ('ann"', "bob", "u1", "u2", SALT))
    assert annotator_id("another", "u1") != annotator_id(SALT, "u1")


def test_the_script_s_answers_are_not_people_s() -> None:
    assert [row.source for row in pull([response(user="u3")])[0]] == ["oracle"]
    assert [row.source for row in pull([response(user="u2")])[0]] == ["human"]


def test_pulling_again_adds_nothing() -> None:
    responses = [
        response(),
        response(user="u2", status="discarded", values={}),
        response(user="u3", status="draft"),
        response(to=REQUESTS[1].id, preference="both_good", correction="better"),
    ]
    rows, _ = pull(responses)
    assert len(rows) == 3
    assert pull(responses, rows)[0] == []
    assert pull(responses[::-1], rows[::-1], as_of=500)[0] == []


@pytest.mark.parametrize(
    ("second", "stands"),
    [
        (response(2, preference="b"), "b"),
        (response(2, status="discarded", preference="a"), None),
        (response(2, status="discarded", values={}), None),
        (response(2, status="draft", preference="b"), None),  # saved as a draft: not said until it is submitted
        (response(2, values={"preference": "no such label"}), None),
        (response(2, values={"correction": "text"}), None),
        (response(0, preference="b"), "a"),  # an older pull
    ],
)
def test_an_answer_that_was_changed_is_changed_in_the_log(second: LabelResponse, stands: str | None) -> None:
    words = after([response(1)], [second])
    assert [row.preference for row in words if not row.retracted] == ([stands] if stands else [])
    assert len(words) == 1
    again = after([response(1)], [second], [response(3, preference="tie")], [response(4, preference="both_bad")])
    assert [(row.preference, row.retracted) for row in again] == [("both_bad", False)]


def test_an_older_pull_than_the_last_is_no_news() -> None:
    known = after([response(5, preference="b")])
    assert pull([response(4)], known, as_of=4)[0] == []
    assert pull([response(4, status="draft")], known, as_of=4)[0] == []
    taken_back = after([response(5, status="discarded")])
    assert pull([response(4)], taken_back, as_of=4)[0] == []


def test_an_answer_that_was_cleared_is_taken_back_until_it_is_given_again() -> None:
    (given_,) = after([response(1)])
    (row,), _ = pull([], [given_], as_of=7)
    assert row == given_.model_copy(update={"retracted": True, "given_at": minute(7)})
    assert pull([], [given_, row], as_of=9)[0] == []
    (back,), _ = pull([response(8)], [given_, row], as_of=9)
    assert (back.retracted, back.given_at) == (False, minute(8))


@pytest.mark.parametrize(
    "circumstances",
    [
        {"users": {"u2", "u3"}},  # the author was deleted, and all responses with them
        {"records": {REQUESTS[1].id}},  # the record was tidied away, or not listed
        {"requests": REQUESTS[1:]},  # somebody else's request
        {"as_of": 1},  # the pull is as old as the answer: it may be from before
        {"as_of": 0},
    ],
)
def test_an_answer_that_is_gone_for_another_reason_stands(circumstances: dict[str, object]) -> None:
    assert pull([], after([response(1)]), **circumstances)[0] == []  # type: ignore[arg-type]


def test_what_was_said_elsewhere_is_not_taken_back() -> None:
    (here,) = after([response(1)])
    elsewhere = here.model_copy(update={"id": sha256_of("another dataset")})
    judge = here.model_copy(update={"source": "judge:j", "annotator": None})
    assert pull([], [elsewhere])[0] == pull([], [judge])[0] == []


def test_a_deleted_user_keeps_what_they_said_and_who_they_were() -> None:
    for user in ("u1", "u3"):
        known = after([response(1, user)])
        nameless = response(1, user, username=None)
        assert pull([nameless], known, users=set())[0] == []
        (edited,), _ = pull([response(2, user, username=None, preference="b")], known, users=set())
        assert (edited.id, edited.source) == (known[0].id, known[0].source)


def test_drafts_and_what_never_counted_need_not_be_taken_back() -> None:
    drafts = [response(status="draft"), response(user="u2", values={"preference": "nonsense"})]
    assert pull(drafts) == ([], {"responses_as_drafts": 1, "responses_with_unknown_preference": 1})
    discarded = after([response(status="discarded", values={})])
    assert pull([response(2, status="draft")], discarded)[0] == []


@pytest.mark.parametrize(
    ("given_", "skipped"),
    [
        (response(dataset_id="other"), {"responses_of_other_datasets": 1}),
        (response(to="f" * 64), {"responses_on_unknown_records": 1}),
        (response(to="my own record"), {"responses_on_foreign_records": 1}),
        (response(to=""), {"responses_on_foreign_records": 1}),
        (response(values={"correction": "text"}), {"responses_without_preference": 1}),
        (response(values={"preference": None}), {"responses_without_preference": 1}),
        (response(values={"preference": ""}), {"responses_without_preference": 1}),
        (response(values={"preference": "A"}), {"responses_with_unknown_preference": 1}),
        (response(values={"preference": ["a"]}), {"responses_with_unknown_preference": 1}),
        (response(values={"preference": {"value": "a"}}), {"responses_with_unknown_preference": 1}),
        (response(values={"preference": 1}), {"responses_with_unknown_preference": 1}),
    ],
)
def test_what_cannot_be_used_is_skipped_and_counted(given_: LabelResponse, skipped: dict[str, int]) -> None:
    usable = response(user="u2")
    rows, counted = pull([given_, usable])
    assert (rows, counted) == (pull([usable])[0], skipped)


@pytest.mark.parametrize(
    ("written", "kept", "skipped"),
    [
        (None, None, {}),
        ("", None, {}),
        (" \n\t", None, {}),
        ("x", None, {"corrections_repeating_an_answer": 1}),
        (" y\n", None, {"corrections_repeating_an_answer": 1}),
        ("X", "X", {}),
        (" better \n", " better \n", {}),
        ("👩‍👩‍👧 \u2028 line", "👩‍👩‍👧 \u2028 line", {}),
        ("\u202bשלום עולם\u202c", "\u202bשלום עולם\u202c", {}),
        ("e\u0301\x00", "e\u0301\x00", {}),
        ("長" * 50_000, "長" * 50_000, {}),
        ("half an emoji \ud83d", None, {"corrections_unreadable": 1}),
        (["text"], None, {"corrections_unreadable": 1}),
        (7, None, {"corrections_unreadable": 1}),
    ],
    ids=range(14),
)
def test_a_correction_is_kept_to_the_last_character_or_is_none(
    written: object, kept: str | None, skipped: dict[str, int]
) -> None:
    (row,), counted = pull([response(preference="b", correction=written)])
    assert (row.preference, row.correction, counted) == ("b", kept, skipped)
    assert Feedback.model_validate_json(canonical_json(row)) == row
    (reasoned,), counted = pull([response(preference="b", reason=written)])
    repeats = written in ("x", " y\n")  # a reason may say what an answer says
    assert reasoned.reason == (written if repeats else kept)
    assert counted == ({"reasons_unreadable": 1} if "corrections_unreadable" in skipped else {})


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text() | st.integers() | st.lists(st.text(), max_size=2) | st.sampled_from("ab")
            for name in ("preference", "correction", "reason", "somebody's own question")
        },
    ),
    st.sampled_from(["submitted", "draft", "discarded"]),
    st.text(max_size=3) | st.just(REQUESTS[0].id),
)
def test_nothing_that_a_response_holds_is_an_error(values: dict[str, object], status: str, to: str) -> None:
    rows, skipped = pull([response(values=values, status=status, to=to)])
    says_something = status == "discarded" or (status == "submitted" and values.get("preference") in ("a", "b"))
    assert len(rows) == (says_something and to == REQUESTS[0].id)
    assert rows or skipped


def test_times_are_the_server_s_and_in_utc() -> None:
    at = datetime(2026, 1, 1, 12, 0, 0, 1)
    for same in (at, at.replace(tzinfo=UTC), (at + timedelta(hours=2)).replace(tzinfo=timezone(timedelta(hours=2)))):
        (row,), _ = pull([response().model_copy(update={"updated_at": same})])
        assert (
            canonical_json(row.given_at.isoformat() if row.given_at else None) == '"2026-01-01T12:00:00.000001+00:00"'
        )
