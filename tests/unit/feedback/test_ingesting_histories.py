"""Any sequence of edits and pulls leaves in the log what the newest state of Argilla says."""

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from example_labels import REQUESTS, SALT, USERS, dataset, pull, response
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback.ingesting import reconcile
from tasks.feedback.labels import LabelResponse
from tasks.feedback.log import one_per_id
from tasks.records import Feedback


class State(NamedTuple):
    """What Argilla holds at a moment, by its own clock."""

    responses: list[LabelResponse]
    at: int


changes = st.tuples(
    st.sampled_from(["u1", "u2", "u3"]),
    st.sampled_from([each.id for each in REQUESTS[:2]]),
    st.sampled_from(["a", "b", "both_good", "both_bad"]),
    st.sampled_from([None, "better"]),
)
kept_forever = st.sampled_from(["submitted", "submitted", "discarded"])
any_kind = st.sampled_from(["submitted", "submitted", "discarded", "draft", "cleared"])


def history(events: list[tuple[tuple[str, str, str, str | None], str]]) -> list[State]:
    """Argilla's states after each event, the empty one first; the clock ticks with each."""
    now: dict[tuple[str, str], LabelResponse] = {}
    states = [State([], 0)]
    for at, ((user, to, preference, correction), kind) in enumerate(events, start=1):
        if kind == "cleared":
            now.pop((user, to), None)
        else:
            now[user, to] = response(at, user, to, status=kind, preference=preference, correction=correction)
        states.append(State(list(now.values()), at))
    return states


def pulled(states: list[State], shuffler: random.Random) -> list[Feedback]:
    """The log after pulling these states one after another, some of them twice."""
    rows: list[Feedback] = []
    for state in states:
        for _ in range(shuffler.choice([1, 1, 2])):
            responses = shuffler.sample(state.responses, len(state.responses))
            rows += pull(responses, shuffler.sample(rows, len(rows)), as_of=state.at)[0]
    return rows


def standing(rows: list[Feedback]) -> list[Feedback]:
    return [row for row in one_per_id(rows) if not row.retracted]


@given(st.lists(st.tuples(changes, any_kind), max_size=12), st.data(), st.randoms(use_true_random=False))
def test_any_pulls_leave_what_one_last_pull_would(
    events: list[tuple[tuple[str, str, str, str | None], str]], data: st.DataObject, shuffler: random.Random
) -> None:
    states = history(events)
    some = [state for state in states if data.draw(st.booleans())]
    rows = pulled([*some, states[-1]], shuffler)
    once = pull(states[-1].responses, as_of=states[-1].at)[0]
    assert standing(rows) == standing(once)
    assert pull(states[-1].responses, rows, as_of=states[-1].at)[0] == []


@given(st.lists(st.tuples(changes, kept_forever), max_size=12), st.data(), st.randoms(use_true_random=False))
def test_pulls_of_different_ages_end_as_the_newest_in_whatever_order_they_are_written(
    events: list[tuple[tuple[str, str, str, str | None], str]], data: st.DataObject, shuffler: random.Random
) -> None:
    states = history(events)
    some = [state for state in states if data.draw(st.booleans())] + states[-1:]
    rows = pulled(shuffler.sample(some, len(some)), shuffler)
    # At once: neither knows what the other writes.
    blind = [row for state in some for row in pull(state.responses, as_of=state.at)[0]]
    once = pull(states[-1].responses, as_of=states[-1].at)[0]
    assert one_per_id(rows) == one_per_id(blind) == once


@given(st.lists(st.tuples(changes, any_kind), max_size=12), st.data(), st.randoms(use_true_random=False))
def test_the_next_pull_mends_what_an_old_one_brought_back(
    events: list[tuple[tuple[str, str, str, str | None], str]], data: st.DataObject, shuffler: random.Random
) -> None:
    states = history(events)
    some = [state for state in states if data.draw(st.booleans())]
    rows = pulled([*shuffler.sample(some, len(some)), states[-1]], shuffler)
    assert standing(rows) == standing(pull(states[-1].responses, as_of=states[-1].at)[0])


@pytest.mark.parametrize("skew", [timedelta(days=-9000), timedelta(seconds=-30), timedelta(), timedelta(days=9000)])
def test_how_far_argilla_s_clock_is_from_ours_changes_nothing(skew: timedelta) -> None:
    now = datetime.now(UTC) + skew
    given, edited = (
        response(preference=preference, updated_at=now + timedelta(seconds=seconds))
        for preference, seconds in (("a", 0), ("b", 1))
    )
    log: list[Feedback] = []
    for state, as_of in (([given], 0), ([edited], 1), ([edited], 1), ([], 2)):
        rows, _ = reconcile(
            REQUESTS,
            state,
            one_per_id(log),
            dataset=dataset(),
            present_users=set(USERS),
            present_records={each.id for each in REQUESTS},
            as_of=now + timedelta(seconds=as_of),
            salt=SALT,
        )
        log += rows
    assert [(row.preference, row.retracted) for row in log] == [("a", False), ("b", False), ("b", True)]
    assert [row.retracted for row in one_per_id(log)] == [True]
