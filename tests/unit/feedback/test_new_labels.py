"""When enough people have spoken: what counts as new, and that a round is asked for once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback import log
from tasks.feedback.new_labels import (
    EVENT_WAIT,
    LAST_RETRY,
    NewLabels,
    Request,
    ask,
    count_new_labels,
    is_round_wanted,
    postpone,
    read_new_labels,
    read_request,
    retry_delay,
    write_request,
)
from tasks.files import sha256_of
from tasks.home import Home
from tasks.records import BaseModelRef, Domain, Feedback, FileRef, ModelVersion
from tasks.rounds import begin_round, end_round

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EMPTY = FileRef(sha256="e" * 64, rows=0)
DOMAIN = Domain(name="tiny", questions=EMPTY, documents=EMPTY, train_questions=4, test_questions=2, shared_families=0)
CHAMPION = ModelVersion(name="tiny", version=1, base=BaseModelRef(id="tiny", path="/tiny", sha256="b" * 64))


def label(name: str, **changes: Any) -> Feedback:
    fields: dict[str, Any] = {
        "id": sha256_of(name),
        "question_id": name,
        "candidate_a": "a" * 64,
        "candidate_b": "b" * 64,
        "preference": "a",
        "source": "human",
        "annotator": "someone",
        "round": 1,
        "given_at": NOON,
    }
    return Feedback(**{**fields, **changes})


def finish_round(home: Home, number: int, segments: list[str]) -> None:
    end_round(home, begin_round(home, number, DOMAIN, CHAMPION), "1" * 64, segments)


LATER = NOON + timedelta(hours=1)
CHANGES = {
    "nothing": ([label("one")], [label("one")], 0),
    "a first label": ([], [label("one")], 1),
    "another label": ([label("one")], [label("one"), label("two")], 1),
    "an edit": ([label("one")], [label("one", preference="b", given_at=LATER)], 1),
    "a correction": ([label("one")], [label("one", correction="Better.")], 1),
    "the same said again": ([label("one")], [label("one", given_at=LATER)], 0),
    "taken back": ([label("one"), label("two")], [label("two")], 1),
    "all of it": ([label("one"), label("two")], [label("two", preference="tie"), label("three")], 3),
    "a script in a person's place": ([], [label("one", source="oracle")], 1),
    "a judge": ([], [label("one", source="judge:reference")], 0),
    "an end user": ([], [label("one", source="end_user")], 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_label_counts_when_people_say_something_else_than_a_round_has_learned(change: str) -> None:
    seen, now, expected = CHANGES[change]

    assert count_new_labels(seen, now) == expected


Labels = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["a", "b", "tie", "both_bad"]))


@given(seen=Labels, now=Labels)
def test_the_count_is_the_number_of_differences_whatever_the_order(seen: dict[str, str], now: dict[str, str]) -> None:
    rows = [[label(name, preference=said) for name, said in labels.items()] for labels in (seen, now)]

    different = {name for name in {*seen, *now} if seen.get(name) != now.get(name)}
    assert count_new_labels(rows[0], rows[1]) == len(different)
    assert count_new_labels(rows[0][::-1], rows[1][::-1]) == len(different)


def test_before_any_round_has_finished_all_labels_are_new(home: Home) -> None:
    begin_round(home, 1, DOMAIN, CHAMPION)
    log.append(home, "tiny", [label("one"), label("two"), label("three", source="judge:reference")])

    assert read_new_labels(home, "tiny") == NewLabels(after_round=0, count=2)


def test_labels_that_came_in_after_a_round_was_curated_are_new_though_it_has_finished(home: Home) -> None:
    log.append(home, "tiny", [label("one"), label("two")])
    curated = log.segments(home, "tiny")
    log.append(home, "tiny", [label("three")])
    finish_round(home, 1, curated)

    assert read_new_labels(home, "tiny") == NewLabels(after_round=1, count=1)


def test_an_edit_and_a_retraction_of_what_was_learned_count_and_a_new_label_taken_back_at_once_does_not(
    home: Home,
) -> None:
    log.append(home, "tiny", [label("one"), label("two"), label("three")])
    finish_round(home, 1, log.segments(home, "tiny"))
    log.append(home, "tiny", [label("four")])
    assert read_new_labels(home, "tiny").count == 1
    log.append(home, "tiny", [label("four", retracted=True, given_at=LATER)])
    assert read_new_labels(home, "tiny").count == 0
    log.append(home, "tiny", [label("one", preference="b", given_at=LATER)])
    log.append(home, "tiny", [label("two", retracted=True, given_at=LATER)])

    assert read_new_labels(home, "tiny") == NewLabels(after_round=1, count=2)


def test_a_later_round_starts_the_count_anew(home: Home) -> None:
    log.append(home, "tiny", [label("one")])
    finish_round(home, 1, log.segments(home, "tiny"))
    log.append(home, "tiny", [label("two"), label("three")])
    finish_round(home, 2, log.segments(home, "tiny"))

    assert read_new_labels(home, "tiny") == NewLabels(after_round=2, count=0)


def test_a_segment_that_was_moved_out_of_the_log_counts_neither_as_learned_nor_as_new(home: Home) -> None:
    moved = log.append(home, "tiny", [label("one")])
    log.append(home, "tiny", [label("two")])
    finish_round(home, 1, log.segments(home, "tiny"))
    (home.feedback_log("tiny") / f"{moved.sha256}.jsonl").unlink()

    assert read_new_labels(home, "tiny").count == 0


ASKED = Request(after_round=2, labels=10, failures=0, again_at=NOON + EVENT_WAIT)
WANTED: dict[str, tuple[int, int, Request | None, timedelta, bool]] = {
    "too few": (2, 9, None, timedelta(0), False),
    "enough for the first time": (2, 10, None, timedelta(0), True),
    "more than enough": (2, 25, None, timedelta(0), True),
    "asked for already": (2, 10, ASKED, timedelta(0), False),
    "some more while the round waits": (2, 19, ASKED, timedelta(0), False),
    "as many again": (2, 20, ASKED, timedelta(0), True),
    "time to try again": (2, 10, ASKED, EVENT_WAIT, True),
    "not yet time": (2, 10, ASKED, EVENT_WAIT - timedelta(seconds=1), False),
    "time to try again, but labels were taken back": (2, 9, ASKED, EVENT_WAIT, False),
    "a round has finished since, and there are enough after it": (3, 10, ASKED, timedelta(0), True),
    "a round has finished since, and there are too few after it": (3, 9, ASKED, timedelta(0), False),
    "cancelled": (2, 19, ASKED.model_copy(update={"again_at": None}), timedelta(days=9), False),
    "cancelled, and as many again": (2, 20, ASKED.model_copy(update={"again_at": None}), timedelta(0), True),
}


@pytest.mark.parametrize("case", WANTED)
def test_a_round_is_asked_for_when_there_is_a_reason_that_was_not_acted_on(case: str) -> None:
    after_round, count, asked, passed, expected = WANTED[case]

    assert is_round_wanted(NewLabels(after_round=after_round, count=count), 10, asked, NOON + passed) is expected


Happenings = st.lists(
    st.one_of(
        st.tuples(st.just("labels"), st.integers(1, 4)),
        st.tuples(st.just("minutes"), st.integers(1, 8)),
        st.tuples(st.just("round"), st.just(0)),
    ),
    max_size=60,
)


@given(happenings=Happenings, enough=st.integers(1, 8))
def test_between_two_requests_a_round_finished_or_as_many_labels_came_or_the_wait_is_over(
    happenings: list[tuple[str, int]], enough: int
) -> None:
    new, now, asked = NewLabels(after_round=0, count=0), NOON, None
    for what, amount in happenings:
        if what == "labels":
            new = new.model_copy(update={"count": new.count + amount})
        elif what == "minutes":
            now += timedelta(minutes=amount)
        else:
            new = NewLabels(after_round=new.after_round + 1, count=0)
        for _ in range(3):  # three looks, as after restarts: at most the first one asks
            if is_round_wanted(new, enough, asked, now):
                assert new.count >= enough
                if asked is not None and asked.again_at is not None:
                    assert (
                        new.after_round > asked.after_round
                        or new.count >= asked.labels + enough
                        or now >= asked.again_at
                    )
                asked = ask(new, asked, now)
                assert not is_round_wanted(new, enough, asked, now)
        # And none is forgotten: whenever there is enough, a round has been asked for after the last one.
        assert new.count < enough or (asked is not None and asked.after_round == new.after_round)


def test_each_failure_doubles_the_wait_up_to_a_day_and_a_finished_round_starts_anew() -> None:
    asked, waits = ask(NewLabels(after_round=1, count=5), None, NOON), []
    for _ in range(9):
        asked = postpone(asked, NOON, cancelled=False)
        assert asked.again_at is not None
        waits.append((asked.again_at - NOON) // timedelta(minutes=1))
        asked = ask(NewLabels(after_round=1, count=5), asked, NOON)

    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 1440]
    assert retry_delay(10_000) == LAST_RETRY
    assert ask(NewLabels(after_round=2, count=5), asked, NOON).failures == 0


def test_a_round_that_somebody_cancelled_is_not_tried_again_by_itself() -> None:
    asked = postpone(ask(NewLabels(after_round=1, count=5), None, NOON), NOON, cancelled=True)

    assert (asked.failures, asked.again_at) == (1, None)


def test_the_request_survives_the_process_that_made_it(home: Home) -> None:
    assert read_request(home, "tiny") is None

    write_request(home, "tiny", ASKED)

    assert read_request(home, "tiny") == ASKED
    assert read_request(home, "other") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"after_round": -1}'])
def test_an_unreadable_note_costs_one_event_too_many_never_the_watcher(home: Home, content: str) -> None:
    write_request(home, "tiny", ASKED)
    (home.root / "watch" / "tiny.json").write_text(content)

    assert read_request(home, "tiny") is None
