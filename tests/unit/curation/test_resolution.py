"""On each pair one voice is heard: people before judges, of people the majority, and no correction is lost."""

import random
from collections import Counter

import polars as pl
import pytest
from example_records import judgement, minute
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.frames import EVENTS
from tasks.curation.resolution import REASONS, Resolved
from tasks.curation.resolution import resolve_judgements as resolve_frame
from tasks.curation.tallies import total
from tasks.feedback.event_frames import to_records, whole_frame
from tasks.feedback.log import one_per_id
from tasks.feedback.sources import is_person
from tasks.feedback.votes import majority, pair_of, preference_on_pair, turned, votes_by_pair
from tasks.records import Feedback

NOTHING_DROPPED = dict.fromkeys(REASONS, 0)


def resolve_judgements(rows: list[Feedback]) -> tuple[list[Feedback], dict[str, int]]:
    """What is heard as records, sorted by id, and what was left out."""
    resolved = resolve_frame(whole_frame(rows))
    return to_records(resolved.judgements.sort("id")), total(resolved.dropped, REASONS)


def ann(*args: object, **more: object) -> Feedback:
    return judgement(*args, annotator="ann", **more)  # type: ignore[arg-type]


def bob(*args: object, **more: object) -> Feedback:
    return judgement(*args, annotator="bob", **more)  # type: ignore[arg-type]


def cam(*args: object, **more: object) -> Feedback:
    return judgement(*args, annotator="cam", **more)  # type: ignore[arg-type]


def heard(rows: list[Feedback]) -> list[tuple[str, str, float, str | None]]:
    """People or which judge is heard, with what, how surely, and their correction; the preference as of x and y."""
    x_first = preference_on_pair(judgement("x", "y", "a")) == "a"
    said = [
        (
            "people" if is_person(row) else row.source,
            preference_on_pair(row) if x_first else turned(preference_on_pair(row)),
            round(row.confidence, 3),
            row.correction,
        )
        for row in rows
    ]
    return sorted(said, key=str)


JUDGE = judgement("x", "y", "b", by="judge:j", confidence=0.99)


@pytest.mark.parametrize(
    ("rows", "expected", "dropped"),
    [
        ([], [], {}),
        ([JUDGE], [("judge:j", "b", 0.99, None)], {}),
        (
            [JUDGE, judgement("x", "y", "a", by="judge:i", confidence=0.5)],  # two judges: the pairs decide
            [("judge:i", "a", 0.5, None), ("judge:j", "b", 0.99, None)],
            {},
        ),
        ([ann("x", "y", "a")], [("people", "a", 1.0, None)], {}),
        ([JUDGE, ann("x", "y", "a")], [("people", "a", 1.0, None)], {"judgements_outranked_by_people": 1}),
        ([JUDGE, ann("y", "x", "b")], [("people", "a", 1.0, None)], {"judgements_outranked_by_people": 1}),
        ([JUDGE, ann("x", "y", "tie")], [("people", "tie", 1.0, None)], {"judgements_outranked_by_people": 1}),
        (
            [JUDGE, judgement("x", "y", "a", by="oracle", annotator="script")],
            [("people", "a", 1.0, None)],
            {"judgements_outranked_by_people": 1},
        ),
        (
            [judgement("x", "y", "b", by="end_user"), ann("x", "y", "a")],
            [("people", "a", 1.0, None)],
            {"judgements_outranked_by_people": 1},
        ),
        (
            [ann("x", "y", "a"), bob("x", "y", "b"), cam("y", "x", "b")],
            [("people", "a", 0.667, None)],
            {"judgements_outvoted": 1, "judgements_repeated": 1},
        ),
        (
            [ann("x", "y", "both_bad"), bob("x", "y", "both_bad"), cam("x", "y", "a")],
            [("people", "both_bad", 0.667, None)],
            {"judgements_outvoted": 1, "judgements_repeated": 1},
        ),
        (
            [JUDGE, ann("x", "y", "a"), bob("x", "y", "b")],  # undecided: the judge does not decide for them
            [],
            {"judgements_outranked_by_people": 1, "judgements_undecided": 2, "pairs_people_undecided": 1},
        ),
        (
            [ann("x", "y", "a", request="1", given_at=minute(1)), ann("x", "y", "b", request="2", given_at=minute(2))],
            [("people", "b", 1.0, None)],
            {"judgements_superseded": 1},
        ),
        (
            [ann("x", "y", "a", correction="better"), bob("x", "y", "b"), cam("x", "y", "b")],
            [("people", "b", 0.667, None), ("people", "tie", 1.0, "better")],
            {"judgements_repeated": 1},
        ),
        (
            [ann("x", "y", "a", correction="better"), bob("x", "y", "b", correction="best")],
            [("people", "tie", 1.0, "best"), ("people", "tie", 1.0, "better")],
            {"pairs_people_undecided": 1},
        ),
        (
            [ann("x", "y", "a"), bob("x", "y", "a", correction="best")],  # the voice has the correction
            [("people", "a", 1.0, "best")],
            {"judgements_repeated": 1},
        ),
        (
            [
                ann("x", "y", "a", request="1", given_at=minute(1), correction="first"),
                ann("x", "y", "b", request="2", given_at=minute(2)),
            ],
            [("people", "b", 1.0, None), ("people", "tie", 1.0, "first")],
            {},
        ),
        (
            [ann("x", "y", "a"), judgement("x", "y", "b", by="judge:j", confidence=0.9, correction="machine's")],
            [("judge:j", "tie", 0.9, "machine's"), ("people", "a", 1.0, None)],
            {},
        ),
    ],
)
def test_one_voice_is_heard_on_each_pair(
    rows: list[Feedback], expected: list[tuple[str, str, float, str | None]], dropped: dict[str, int]
) -> None:
    resolved, counted = resolve_judgements(rows)
    assert heard(resolved) == expected
    assert counted == NOTHING_DROPPED | dropped
    assert resolve_judgements(rows[::-1]) == (resolved, counted)


def test_a_lone_judgement_stays_the_row_that_it_is() -> None:
    row = ann("x", "y", "b", correction="better", reason="why")
    assert resolve_judgements([row]) == ([row], NOTHING_DROPPED)


def test_people_are_heard_instead_of_a_judge_on_their_own_pair_alone() -> None:
    others = [
        judgement("x", "z", "a", by="judge:j"),
        judgement("x", "y", "b", by="judge:j", name="another question"),
    ]
    resolved, dropped = resolve_judgements([ann("x", "y", "a"), *others])
    assert all(row in resolved for row in others)
    assert dropped == NOTHING_DROPPED


people = st.sampled_from([("human", "ann"), ("human", "bob"), ("human", "cam"), ("oracle", "script")])
who = people | st.sampled_from([("judge:i", None), ("judge:j", None), ("end_user", None)])


@st.composite
def judgements(draw: st.DrawFn) -> Feedback:
    source, annotator = draw(who)
    return judgement(
        draw(st.sampled_from("xy")),
        draw(st.sampled_from("yz")),
        draw(st.sampled_from(["a", "b", "tie", "both_bad"])),
        by=source,
        annotator=annotator,
        request=draw(st.sampled_from(["1", "2"])) if annotator else None,
        given_at=minute(draw(st.integers(0, 3))) if annotator else None,
        correction=draw(st.sampled_from([None, None, "better", "best"])),
        confidence=1.0 if annotator else 0.7,
    )


@given(st.lists(judgements(), max_size=14).map(one_per_id), st.randoms(use_true_random=False))
def test_people_are_one_voice_and_nothing_is_lost_uncounted(rows: list[Feedback], shuffler: random.Random) -> None:
    resolved, dropped = resolve_judgements(shuffler.sample(rows, len(rows)))
    assert (resolved, dropped) == resolve_judgements(rows)
    assert len(resolved) + sum(n for reason, n in dropped.items() if reason.startswith("judgements_")) == len(rows)
    assert Counter(row.correction for row in resolved if row.correction) == Counter(
        row.correction for row in rows if row.correction
    )
    votes = votes_by_pair(rows)
    for pair, cast in votes.items():
        winner = majority(preference_on_pair(row) for row in cast)
        said = [row for row in resolved if pair_of(row) == pair]
        assert len([row for row in said if row.preference != "tie"]) == (winner not in (None, "tie"))
        assert {preference_on_pair(row) for row in said} <= {winner, "tie"}
        assert all(row.correction for row in said if not is_person(row))
    untouched = [row for row in rows if pair_of(row) not in votes]
    assert [row for row in resolved if pair_of(row) not in votes] == untouched


@given(st.lists(judgements(), max_size=10).map(one_per_id))
def test_the_columns_of_events_are_enough(rows: list[Feedback]) -> None:
    whole, bare = resolve_frame(whole_frame(rows)), resolve_frame(whole_frame(rows).select(EVENTS.names()))
    assert bare.judgements.sort("id").equals(whole.judgements.select(bare.judgements.columns).sort("id"))


def voices(resolved: Resolved) -> dict[str, tuple[float | None, float | None, int]]:
    """Weighted voices for either side and how many are behind it, by who speaks."""
    rows = resolved.judgements.select("source", "voices_a", "voices_b", pl.col("behind").list.len())
    return {source: tuple(rest) for source, *rest in rows.iter_rows()}


def test_every_side_is_counted_with_its_weight_and_the_judges_that_people_outrank_with_it() -> None:
    rows = [ann("x", "y", "a"), bob("y", "x", "b"), cam("x", "y", "b"), JUDGE, judgement("x", "y", "tie", by="judge:i")]
    resolved = resolve_frame(whole_frame(rows), {"judge:j": 0.25})
    assert voices(resolved) == {"human": (2.0, 1.25, 2)}
    assert voices(resolve_frame(whole_frame(rows[3:]), {"judge": 0.5})) == {
        "judge:j": (0.0, 0.5, 1),
        "judge:i": (0.0, 0.5, 1),
    }


def test_behind_a_pair_s_voice_are_all_who_voted_like_it() -> None:
    rows = [ann("x", "y", "a"), bob("y", "x", "b"), cam("x", "y", "b")]
    (behind,) = resolve_frame(whole_frame(rows)).judgements["behind"].to_list()
    assert behind == sorted(row.id for row in rows[:2])
