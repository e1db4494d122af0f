"""How much of the data one prompt, one source and one person may make up."""

from collections import Counter

import polars as pl
import pytest
from example_rows import assert_lawful, keys, pairs_frame, shuffled
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.curation.draws import draw
from tasks.curation.filters.caps import (
    READS_ANNOTATOR,
    READS_PROMPT,
    READS_WEIGHTS,
    apply_weights,
    cap_annotators,
    cap_per_prompt,
    largest_cap,
)

JUDGE, OTHER_JUDGE = {"origin": "judge:j@1", "source": "judge:j@1:f"}, {"origin": "judge:k@1", "source": "judge:k@1:f"}
REFERENCE = {"origin": "reference", "source": "reference:c"}


@pytest.mark.parametrize(
    ("rows", "limit", "limits", "kept"),
    [
        ([{"confidence": 0.5}, {"confidence": 0.9}, {"confidence": 0.7}], 2, {}, ["k1", "k2"]),
        ([{"confidence": 0.5}, {**JUDGE, "confidence": 0.9}], 1, {}, ["k0"]),  # people before judges
        ([{**JUDGE, "confidence": 0.5}, {**JUDGE, "confidence": 0.9}], 1, {}, ["k1"]),
        ([{}, {}, {}], 2, {}, ["k0", "k1"]),  # of equals the smaller keys
        ([{}, {"question_id": "other"}, {}], 1, {}, ["k0", "k1"]),
        ([REFERENCE, {}, {}], 1, {}, ["k0", "k1"]),  # the reference pair on top
        ([{"kind": "demonstration"}, {"kind": "rated"}, {}], 1, {}, ["k0", "k1", "k2"]),
        ([JUDGE, JUDGE, {}], 3, {"judge:j@1": 1}, ["k0", "k2"]),
        ([JUDGE, JUDGE, OTHER_JUDGE, OTHER_JUDGE], 9, {"judge": 1}, ["k0", "k2"]),  # each judge one
        ([JUDGE, JUDGE, OTHER_JUDGE, OTHER_JUDGE], 9, {"judge": 1, "judge:k@1": 2}, ["k0", "k2", "k3"]),
        ([JUDGE, JUDGE, JUDGE], 2, {"judge": 9}, ["k0", "k1"]),
        # What its source has too many of takes no other's place.
        ([{**JUDGE, "confidence": 0.9}, {**JUDGE, "confidence": 0.8}, OTHER_JUDGE], 2, {"judge:j@1": 1}, ["k0", "k2"]),
        ([JUDGE, {}], 2, {"judge": 0}, ["k1"]),
    ],
)
def test_the_first_rows_of_a_question_stay(
    rows: list[dict[str, object]], limit: int, limits: dict[str, int], kept: list[str]
) -> None:
    screened = cap_per_prompt(pairs_frame(rows), limit, limits)
    assert keys(screened.kept) == kept
    assert set(screened.removed["reason"]) <= {"pairs_over_limit"}


def test_another_kind_is_capped_when_it_is_named() -> None:
    rows = pairs_frame([{"kind": "rated"}, {"kind": "rated"}, {}, {}])
    screened = cap_per_prompt(rows, 1, kind="rated")
    assert keys(screened.kept) == ["k0", "k2", "k3"]
    assert screened.removed["reason"].to_list() == ["rated_answers_over_limit"]


_ROW = st.fixed_dictionaries(
    {
        "question_id": st.sampled_from("pq"),
        "origin": st.sampled_from(["human", "judge:j@1", "judge:k@1"]),
        "confidence": st.sampled_from([0.5, 1.0]),
        "annotator": st.sampled_from([None, "ann", "bob", "cam"]),
        "kind": st.sampled_from(["pair", "pair", "demonstration"]),
    }
)


@given(rows=st.lists(_ROW, max_size=12), limit=st.integers(1, 3), by_judge=st.integers(0, 3), seed=st.integers(0, 99))
def test_the_cap_per_prompt_is_a_filter(rows: list[dict[str, object]], limit: int, by_judge: int, seed: int) -> None:
    frame = pairs_frame(rows)
    assert_lawful(
        lambda each: cap_per_prompt(each, limit, {"judge": by_judge}), frame, READS_PROMPT, shuffled(frame, seed)
    )
    kept = cap_per_prompt(frame, limit, {"judge": by_judge}).kept.filter(pl.col("kind") == "pair")
    assert max(kept["question_id"].value_counts()["count"], default=0) <= limit


def given_by(**counts: int) -> pl.DataFrame:
    """So many pairs by each of these people."""
    return pairs_frame([{"annotator": name} for name, count in counts.items() for _ in range(count)])


def shares(rows: pl.DataFrame) -> Counter[str]:
    return Counter(rows["annotator"].drop_nulls())


@pytest.mark.parametrize(
    ("counts", "max_share", "kept"),
    [
        ({"ann": 9}, 0.5, {"ann": 9}),  # alone
        ({"ann": 9, "bob": 3}, 0.5, {"ann": 3, "bob": 3}),
        ({"ann": 9, "bob": 3, "cam": 3}, 0.5, {"ann": 6, "bob": 3, "cam": 3}),
        ({"ann": 9, "bob": 3, "cam": 3}, 0.3, {"ann": 3, "bob": 3, "cam": 3}),  # of three, one has a third
        ({"ann": 8, "bob": 8, "cam": 8, "dan": 8}, 0.25, {"ann": 8, "bob": 8, "cam": 8, "dan": 8}),
        ({"ann": 90, "bob": 50, "cam": 10}, 0.4, {"ann": 20, "bob": 20, "cam": 10}),
        ({"ann": 9, "bob": 3}, 1.0, {"ann": 9, "bob": 3}),
    ],
)
def test_the_share_holds_afterwards(counts: dict[str, int], max_share: float, kept: dict[str, int]) -> None:
    screened = cap_annotators(given_by(**counts), max_share)
    assert shares(screened.kept) == kept
    assert set(screened.removed["reason"]) <= {"rows_over_annotator_share"}


def test_a_person_keeps_a_few_rows_in_any_case() -> None:
    assert shares(cap_annotators(given_by(ann=200, bob=3), 0.5, at_least=50).kept) == {"ann": 50, "bob": 3}
    assert shares(cap_annotators(given_by(ann=200, bob=90), 0.5, at_least=50).kept) == {"ann": 90, "bob": 90}


def test_kinds_are_capped_each_for_itself_and_others_rows_stay() -> None:
    mine = [{"kind": kind, "annotator": "ann"} for kind in ("demonstration", "pair") for _ in range(5)]
    rows = pairs_frame(
        [*mine, {"annotator": "bob"}, {**JUDGE, "annotator": None}, {"kind": "demonstration"} | REFERENCE]
    )
    rows = rows.with_columns(annotator=pl.when(pl.col("origin") == "human").then("annotator"))
    kept = cap_annotators(rows, 0.75).kept
    assert Counter(kept.select("kind", "annotator").iter_rows()) == {
        ("demonstration", "ann"): 3,  # alone, so three in four of all
        ("pair", "ann"): 3,  # and in four of the pairs
        ("pair", "bob"): 1,
        ("pair", None): 1,
        ("demonstration", None): 1,
    }


def test_people_of_the_same_name_from_different_sources_are_two() -> None:
    rows = pairs_frame([{"origin": origin} for origin in ("human", "human", "human", "end_user")])
    assert len(cap_annotators(rows, 0.5).kept) == 2


@given(rows=st.lists(_ROW, max_size=14), max_share=st.floats(0.05, 1.0), at_least=st.integers(0, 3), seed=st.integers())
def test_the_cap_on_annotators_is_a_filter(
    rows: list[dict[str, object]], max_share: float, at_least: int, seed: int
) -> None:
    frame = pairs_frame(rows)
    assert_lawful(
        lambda each: cap_annotators(each, max_share, at_least=at_least), frame, READS_ANNOTATOR, shuffled(frame, seed)
    )


@given(counts=st.lists(st.integers(1, 60), min_size=2, max_size=6), max_share=st.floats(0.05, 1.0))
def test_the_cap_is_the_greatest_that_holds(counts: list[int], max_share: float) -> None:
    def share_with(cap: int) -> float:
        return min(cap, max(counts)) / sum(min(count, cap) for count in counts)

    allowed = max(max_share, 1 / len(counts)) + 1e-9
    cap = largest_cap(counts, max_share)
    assert 1 <= cap <= max(counts)
    assert share_with(cap) <= allowed
    assert all(share_with(more) > allowed for more in range(cap + 1, max(counts) + 1))


def test_a_weight_keeps_its_share_of_a_source() -> None:
    rows = pairs_frame([{"origin": ("human", "end_user", "judge:j@1", "judge:k@1")[n % 4]} for n in range(8000)])
    screened = apply_weights(rows, {"end_user": 0.5, "judge": 0.2, "judge:k@1": 0.0})
    counts = Counter(screened.kept["origin"])
    assert counts["human"] == 2000
    assert counts["judge:k@1"] == 0
    assert 900 < counts["end_user"] < 1100
    assert 320 < counts["judge:j@1"] < 480
    assert set(screened.removed.select("origin", "reason", "detail").iter_rows()) == {
        ("end_user", "rows_by_weight", "end_user"),
        ("judge:j@1", "rows_by_weight", "judge:j@1"),
        ("judge:k@1", "rows_of_sources_left_out", "judge:k@1"),
    }


@given(rows=st.lists(_ROW, max_size=12), weight=st.floats(0.0, 1.0), seed=st.integers(0, 99))
def test_weighing_is_a_filter_that_looks_at_each_row_alone(
    rows: list[dict[str, object]], weight: float, seed: int
) -> None:
    frame = pairs_frame(rows)
    assert_lawful(lambda each: apply_weights(each, {"judge": weight}), frame, READS_WEIGHTS, shuffled(frame, seed))
    one_by_one = [apply_weights(frame[n], {"judge": weight}).kept for n in range(len(frame))]
    assert pl.concat([frame.clear(), *one_by_one]).equals(apply_weights(frame, {"judge": weight}).kept)


@given(weight=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_a_greater_weight_keeps_what_a_smaller_one_kept(weight: float, more: float) -> None:
    assume(weight <= more)
    rows = pairs_frame([JUDGE] * 50)
    smaller, greater = (set(keys(apply_weights(rows, {"judge": each}).kept)) for each in (weight, more))
    assert smaller <= greater


def test_draws_are_even_and_stay_the_same_on_any_machine() -> None:
    drawn = draw(pl.Series([f"k{n}" for n in range(10_000)]), "weights")
    assert drawn.is_between(0.0, 1.0, closed="left").all()
    assert 0.49 < drawn.mean() < 0.51
    assert draw(pl.Series(["k0"]), "weights")[0] == pytest.approx(0.8927489052665685)
    assert draw(pl.Series(["k0"]), "length")[0] != drawn[0]
