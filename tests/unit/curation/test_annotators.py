"""Who disagrees with everyone is found by what the others say, and nobody is silenced by one other alone."""

import random
from collections.abc import Mapping

import polars as pl
import pytest
from example_frames import events_frame
from example_records import judgement, minute
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation.annotators import (
    READS,
    STATISTICS,
    add_agreement,
    annotator_agreement,
    drop_annotators,
    hostile_annotators,
    rank_annotators,
)
from tasks.records import Feedback, Preference

ONE = 1_000_000
LIMITS = {"min_comparisons": 10, "min_agreement": 0.35}
TURNED: dict[Preference, Preference] = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}


def agreement(*feedback: Feedback) -> dict[tuple[str, str], tuple[float, float]]:
    """Comparisons and agreed, by person and other."""
    rows = annotator_agreement(events_frame(feedback)).rows(named=True)
    return {(row["annotator"], row["other"]): (row["comparisons"] / ONE, row["agreed"] / ONE) for row in rows}


def shared_statistics(**shared: tuple[int, float]) -> pl.DataFrame:
    """STATISTICS of people named by two letters, with how many comparisons they share and the share agreed on."""
    rows = [
        {"source": "human", "annotator": one, "other_source": "human", "other": other}
        | {"comparisons": count * ONE, "agreed": round(count * share * ONE)}
        for names, (count, share) in shared.items()
        for one, other in (names, names[::-1])
    ]
    return pl.DataFrame(rows, schema=STATISTICS)


def flagged(statistics: pl.DataFrame, **limits: float) -> list[str]:
    return hostile_annotators(statistics, **{**LIMITS, **limits})["annotator"].to_list()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ann", "bob", "counted"),
    [
        ("a", "a", (1, 1)),
        ("a", "b", (1, 0)),
        ("both_bad", "both_bad", (1, 1)),
        ("both_bad", "a", (1, 0)),
        ("tie", "a", None),  # a tie contradicts nobody
        ("tie", "tie", None),
    ],
)
def test_two_answers_are_compared(ann: Preference, bob: Preference, counted: tuple[int, int] | None) -> None:
    rows = [judgement("x", "y", ann, annotator="ann"), judgement("x", "y", bob, annotator="bob")]
    assert agreement(*rows).get(("ann", "bob")) == agreement(*rows).get(("bob", "ann")) == counted
    turned = judgement("y", "x", TURNED[bob], annotator="bob")
    assert agreement(rows[0], turned).get(("ann", "bob")) == counted


def test_a_comparison_is_one_however_many_answered_it() -> None:
    rows = [judgement("x", "y", said, annotator=name) for name, said in (("ann", "a"), ("bob", "a"), ("cam", "b"))]
    assert agreement(*rows) == {
        ("ann", "bob"): (0.5, 0.5),
        ("ann", "cam"): (0.5, 0.0),
        ("bob", "ann"): (0.5, 0.5),
        ("bob", "cam"): (0.5, 0.0),
        ("cam", "ann"): (0.5, 0.0),
        ("cam", "bob"): (0.5, 0.0),
    }


def test_only_peoples_standing_answers_on_two_candidates_count() -> None:
    ann = judgement("x", "y", "a", annotator="ann")
    others = [
        judgement("x", "y", "a", by="judge:reference"),
        judgement("x", "y", "a", by="end_user", annotator="eve"),
        judgement("x", "y", "a", annotator="bob", retracted=True),
        judgement("x", "y", "a"),  # nobody's
        judgement("x", "z", "a", annotator="cam"),
        judgement("x", "y", "a", annotator="dan", name="other"),
    ]
    assert agreement(ann, *others) == {}
    single = [judgement("x", "x", "a", annotator=name) for name in ("ann", "bob")]
    assert agreement(*single) == {}


def test_of_a_persons_answers_on_a_pair_the_latest_counts() -> None:
    rows = [
        judgement("x", "y", "b", annotator="ann", given_at=minute(2), request="one"),
        judgement("x", "y", "a", annotator="ann", given_at=minute(1), request="two", round_=2),
        judgement("x", "y", "a", annotator="ann", request="three", round_=3),
        judgement("y", "x", "a", annotator="bob"),
    ]
    assert agreement(*rows) == {("ann", "bob"): (1, 1), ("bob", "ann"): (1, 1)}


def test_people_of_the_same_name_from_different_sources_are_two() -> None:
    rows = [judgement("x", "y", "a", annotator="ann"), judgement("x", "y", "b", annotator="ann", by="oracle")]
    assert annotator_agreement(events_frame(rows)).height == 2


@pytest.mark.parametrize(
    ("shared", "hostile"),
    [
        ({"hb": (500, 0.0)}, []),  # of two who disagree, neither
        ({"ha": (40, 0.1), "hb": (40, 0.1), "ab": (40, 0.9)}, ["h"]),
        ({"ha": (5, 0.0), "hb": (4, 0.0), "ab": (40, 0.9)}, []),  # too few to tell
        ({"ha": (900, 0.1), "hb": (4, 0.1), "ab": (40, 0.9)}, []),  # b shares too little for half of the say
        ({"ha": (900, 0.1), "hb": (40, 0.1), "ab": (40, 0.9)}, ["h"]),  # and a is not silenced by h's 900
        ({"ha": (40, 0.5), "hb": (40, 0.5), "ab": (40, 0.9)}, []),  # guessing is not hostile
        (  # two of seven, who agree with each other
            {
                **{one + other: (60, 0.8) for one in "abcde" for other in "abcde" if one < other},
                **{one + other: (60, 0.1) for one in "gh" for other in "abcde"},
                "gh": (60, 0.9),
            },
            ["g", "h"],
        ),
    ],
)
def test_who_disagrees_with_several_is_hostile(shared: Mapping[str, tuple[int, float]], hostile: list[str]) -> None:
    assert sorted(flagged(shared_statistics(**shared))) == hostile


def test_the_limits_are_kept() -> None:
    statistics = shared_statistics(ha=(40, 0.2), hb=(40, 0.2), ab=(40, 0.9))
    assert flagged(statistics) == ["h"]
    assert flagged(statistics, min_agreement=0.2) == []
    assert flagged(statistics, min_comparisons=81) == []


def test_the_standings_say_who_agrees_how_far_and_why_someone_is_not_heard() -> None:
    statistics = shared_statistics(ha=(40, 0.1), hb=(40, 0.1), ab=(40, 0.9), xa=(3, 1.0), xb=(1, 1.0))
    ranked = rank_annotators(statistics, **LIMITS)  # type: ignore[arg-type]
    assert ranked["annotator"].to_list() == ["h", "b", "a", "x"]
    assert ranked["comparisons"].to_list() == [80, 81, 83, 2]
    assert ranked["agreement"].round(2).to_list() == [0.1, 0.51, 0.52, None]
    assert ranked["hostile"].to_list() == [True, False, False, False]
    assert ranked["why"][0] == "says what others say on 10% (5% to 19%) of 80 comparisons shared with 2 people"
    assert ranked["why"][1:].null_count() == 3


def test_all_that_a_flagged_person_said_goes() -> None:
    rows = [
        judgement("x", "y", "a", annotator="h", correction="bad"),
        judgement("x", "y", "a", annotator="ann"),
        judgement("x", "z", "a", annotator="h", retracted=True),
        judgement("x", "z", "a", annotator="h", by="oracle"),  # another person
        judgement("x", "y", "a", by="judge:reference"),
    ]
    events = events_frame(rows)
    who = rank_annotators(shared_statistics(ha=(40, 0.1), hb=(40, 0.1)), **LIMITS).filter("hostile")  # type: ignore[arg-type]
    screened = drop_annotators(events, who)
    assert screened.kept.equals(events[[1, 3, 4]])
    assert screened.removed.drop("reason", "detail").equals(events[[0, 2]])
    assert set(screened.removed["reason"]) == {"judgements_by_hostile_annotators"}
    assert set(screened.removed["detail"]) == set(who["why"])
    assert drop_annotators(screened.kept, who).removed.is_empty()
    assert drop_annotators(events, who.clear()).kept.equals(events)


_JUDGEMENTS = st.builds(
    judgement,
    a=st.sampled_from("xy"),
    b=st.sampled_from("yz"),
    preference=st.sampled_from(["a", "b", "tie", "both_bad"]),
    annotator=st.sampled_from(["ann", "bob", "cam"]),
    name=st.sampled_from(["p", "q", "r"]),
    round_=st.integers(1, 3),
)


@settings(max_examples=60)
@given(rows=st.lists(_JUDGEMENTS, max_size=14, unique_by=lambda row: row.id), seed=st.integers(0, 99))
def test_agreement_adds_up_over_questions_and_ignores_order_and_other_columns(rows: list[Feedback], seed: int) -> None:
    events = events_frame(rows)
    whole = annotator_agreement(events)
    shuffled = events[random.Random(seed).sample(range(len(rows)), len(rows))]
    assert annotator_agreement(shuffled.select(READS)).equals(whole)
    parts = [annotator_agreement(shuffled.filter(pl.col("question_id") == name)) for name in "pqr"]
    assert add_agreement(*parts).equals(whole)
    assert add_agreement().equals(STATISTICS.to_frame())
    ranked = rank_annotators(whole, min_comparisons=1, min_agreement=0.35)
    assert rank_annotators(whole.reverse(), min_comparisons=1, min_agreement=0.35).equals(ranked)
