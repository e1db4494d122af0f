"""What is raised is raised once, lasts, and is over; and chance raises no more in a year than is allowed."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from example_answers import AT
from hypothesis import given
from hypothesis import strategies as st

from tasks.monitoring.alerts import CHECKS, EVENTS, Change, change, level_of
from tasks.records.monitoring import CheckKind, Finding, Topic, Verdict, Watched
from tasks.settings.monitoring import MonitorSettings

DAY = timedelta(days=1)
SETTINGS = MonitorSettings()
NEW, OLD = (1.0, 0.0), (0.0, 1.0)


def verdict(kind: CheckKind = "thumbs", p_value: float | None = 1e-6, **fields: Any) -> Verdict:
    return Verdict(
        kind=kind, **{"sentence": f"p {p_value}", "p_value": p_value, "level": 1e-3, "notable": True, **fields}
    )


def topic(name: str = "returns", centre: tuple[float, ...] = NEW) -> Topic:
    return Topic(
        name=name, questions=5, asked=6, abstained=5, thumbs_down=0, unknown=0, examples=("How?",), centre=centre
    )


def look(watched: Watched, *verdicts: Verdict, topics: list[Topic] | None = None, days: int = 0) -> Change:
    return change(watched, verdicts, topics, AT + days * DAY)


def test_what_is_raised_lasts_and_is_over_and_can_be_raised_again() -> None:
    first = look(Watched(), verdict())
    second = look(first.watched, verdict(p_value=0.04), days=1)
    third = look(second.watched, verdict(p_value=0.3), days=2)
    fourth = look(third.watched, verdict(), days=3)

    assert [(len(each.raised), len(each.lasting), len(each.over)) for each in (first, second, third, fourth)] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
        (1, 0, 0),
    ]
    assert second.lasting[0].since == AT
    assert second.lasting[0].sentence == "p 0.04"
    assert third.watched.findings == ()
    assert fourth.raised[0].since == AT + 3 * DAY


def test_a_look_every_hour_raises_what_lasts_once() -> None:
    watched, raised = Watched(), 0
    for hour in range(48):
        changed = change(watched, [verdict()], [topic()], AT + timedelta(hours=hour))
        watched, raised = changed.watched, raised + len(changed.raised)

    assert raised == 2
    assert all(finding.since == AT for finding in watched.findings)


@pytest.mark.parametrize(
    "fields", [{"p_value": 0.002}, {"notable": False}, {"p_value": None, "level": None, "notable": False}]
)
def test_what_is_not_certain_or_not_large_or_not_known_is_not_raised(fields: dict[str, Any]) -> None:
    assert look(Watched(), verdict(**fields)).raised == ()


def test_too_few_answers_leave_a_finding_as_it_is() -> None:
    first = look(Watched(), verdict())

    second = look(first.watched, verdict(p_value=None, notable=False), days=1)

    assert second.lasting == first.raised
    assert second.watched.tested == {"thumbs": AT}


def test_a_change_that_became_small_is_over_however_certain() -> None:
    first = look(Watched(), verdict())

    assert len(look(first.watched, verdict(notable=False), days=1).over) == 1


def test_a_finding_that_prefect_was_told_of_stays_told() -> None:
    told = look(Watched(), verdict()).watched.findings[0].model_copy(update={"told": True})

    assert look(Watched(findings=(told,)), verdict(), days=1).watched.findings[0].told


def test_a_topic_is_the_same_while_its_centre_is_near_and_another_one_is_new() -> None:
    first = look(Watched(), topics=[topic()])
    near = (0.95, 0.3122)

    second = look(first.watched, topics=[topic("refunds", near), topic("hours", OLD)], days=1)
    third = look(second.watched, topics=[topic("hours", OLD)], days=2)

    assert [finding.name for finding in second.raised] == ["hours"]
    assert [(finding.name, finding.since) for finding in second.lasting] == [("refunds", AT)]
    assert [finding.name for finding in third.over] == ["refunds"]


def test_topics_found_by_another_embedding_model_are_new_ones() -> None:
    first = look(Watched(), topics=[topic(centre=(1.0, 0.0, 0.0))])

    second = look(first.watched, topics=[topic(centre=NEW)], days=1)

    assert (len(second.raised), len(second.over)) == (1, 1)


def test_without_an_answer_nothing_is_known_of_topics() -> None:
    first = look(Watched(), topics=[topic()])

    assert look(first.watched, topics=None, days=1).lasting == first.raised


def test_a_check_that_is_missing_from_a_look_leaves_its_finding() -> None:
    first = look(Watched(), verdict())

    assert look(first.watched, days=1).lasting == first.raised


@given(st.lists(st.floats(0.001, 40.0), min_size=1, max_size=60), st.floats(0.01, 20.0))
def test_the_levels_of_all_looks_of_a_check_add_up_to_its_share_of_the_time_that_passed(
    gaps: list[float], allowed: float
) -> None:
    settings = MonitorSettings(false_alarms_per_year=allowed)
    watched, at, spent = Watched(), AT, 0.0
    for gap in gaps:
        at += timedelta(days=gap)
        spent += level_of("drift", watched, at, settings, 7)
        watched = Watched(tested={"drift": at})

    years = (7 + sum(gaps[1:])) / 365
    assert spent <= allowed * years / len(CHECKS) + 1e-9


def test_a_level_is_never_above_5_percent_nor_zero() -> None:
    long_ago = Watched(tested={"drift": AT - 4000 * DAY})
    just_now = Watched(tested={"drift": AT})
    tomorrow = Watched(tested={"drift": AT + DAY})  # the clock was set back

    assert level_of("drift", long_ago, AT, SETTINGS, 7) == 0.05
    assert 0 < level_of("drift", just_now, AT, SETTINGS, 7) < 1e-7
    assert 0 < level_of("drift", tomorrow, AT, SETTINGS, 7) < 1e-7


@pytest.mark.parametrize("every_h", [1, 24, 168])
def test_500_years_in_which_nothing_changes_raise_as_many_alarms_as_are_allowed_however_often_one_looks(
    every_h: int,
) -> None:
    # Where nothing has changed a p-value is uniform.
    rng, looks = np.random.default_rng(0), 365 * 24 // every_h
    level = level_of("drift", Watched(tested={"drift": AT}), AT + timedelta(hours=every_h), SETTINGS, 7)
    alarms = sum(int((rng.random((looks, len(CHECKS))) <= level).sum()) for _ in range(500))

    assert 0.5 < alarms / 500 <= 1.15  # 1 is allowed; 3.4 standard errors


def test_every_kind_of_finding_has_an_event_of_its_own() -> None:
    kinds = [*CHECKS, "topic"]

    assert sorted(EVENTS) == sorted(kinds)
    assert len(set(EVENTS.values())) == len(kinds)
    assert Finding(kind="drift", sentence="s", since=AT).told is False
