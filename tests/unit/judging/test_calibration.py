"""Calibration: judges beside people on the audit slice, whatever the order of rows and the sides they name."""

import random
from typing import Any

import pytest
from example_records import judgement, minute
from example_verdicts import LETTERS, MODELS, OTHER, OWN, in_orders, judge, only, people, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.feedback.event_frames import to_records, whole_frame
from tasks.feedback.votes import turned
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.judging import calibration
from tasks.judging.audit_rows import rows_to_measure
from tasks.judging.calibration import calibrate
from tasks.records import Candidate, Feedback


def test_a_judge_that_says_what_people_say_has_kappa_and_accuracy_1() -> None:
    said = "aabbt!ab"
    found = only([*people(said), *judge(said)])
    assert found.kappa is not None and found.accuracy is not None
    assert (found.kappa.value, found.accuracy.value, found.comparisons, found.undecided) == (1.0, 1.0, 8, 0)
    assert sum(found.confusion[word][word] for word in found.confusion) == 8


def test_a_judge_that_says_the_opposite_has_kappa_below_0() -> None:
    found = only([*people("ababab"), *judge("bababa")])
    assert found.kappa is not None and found.accuracy is not None
    assert found.kappa.value < -0.5 and found.accuracy.value == 0.0


def test_only_the_audit_slice_counts() -> None:
    rows = [*people("ab--"), *people("--ab", audit=False), *judge("abba")]
    found = only(rows)
    assert found.accuracy is not None
    assert (found.comparisons, found.accuracy.value) == (2, 1.0)


def test_the_word_of_people_is_that_of_most_and_where_none_has_most_the_pair_is_counted_and_left_out() -> None:
    rows = [*people("aab", "ann"), *people("aba", "bob"), *people("b--", "cam"), *judge("ab-")]
    found = only(rows)
    assert (found.comparisons, found.undecided) == (1, 1)
    assert found.accuracy is not None and found.accuracy.value == 1.0


def test_the_latest_answer_of_a_person_counts_and_a_retracted_one_does_not() -> None:
    rows = [
        *people("a", given_at=minute(1), request="one"),
        *people("b", given_at=minute(2), request="two"),
        *people("a", "bob", retracted=True),
        *judge("b"),
    ]
    found = only(rows)
    assert found.accuracy is not None and found.accuracy.value == 1.0


@pytest.mark.parametrize(
    ("sources", "said_by"),
    [((), None), (("human",), "human"), (("oracle",), "oracle"), (("human", "oracle"), "both")],
)
def test_the_record_tells_whether_a_script_stood_in_for_people(sources: tuple[str, ...], said_by: str | None) -> None:
    rows = [row for source in sources for row in people("ab", by=source)]
    assert only([*rows, *judge("ab")]).people == said_by


def test_end_users_are_not_the_people_a_judge_is_measured_by() -> None:
    found = only([*people("ab", by="end_user"), *judge("ab")])
    assert (found.people, found.comparisons, found.kappa, found.accuracy) == (None, 0, None, None)


def test_a_judgement_on_a_single_answer_is_no_comparison() -> None:
    single = [
        judgement("x", "x", "tie", annotator="ann", audit=True),
        judgement("x", "x", "tie", by="judge:j"),
    ]
    assert calibrate(single, {}) == ()


def test_a_verdict_that_was_taken_back_is_none() -> None:
    assert calibrate([*people("ab"), *judge("ab", retracted=True)], {}) == ()


def test_each_version_of_a_judge_is_measured_by_itself_in_order_of_names() -> None:
    rows = [*people("abab"), *judge("abab", by="judge:j@bbbbbbbbbbbb"), *judge("baba", by="judge:j@aaaaaaaaaaaa")]
    found = calibrate(rows, {})
    assert [each.judge for each in found] == ["judge:j@aaaaaaaaaaaa", "judge:j@bbbbbbbbbbbb"]
    assert [each.accuracy and each.accuracy.value for each in found] == [0.0, 1.0]


def test_figures_that_cannot_be_had_are_none() -> None:
    found = only(judge("ab"))
    figures = (found.kappa, found.accuracy, found.position_bias, found.swap_inconsistent)
    assert (*figures, found.length_bias, found.self_preference) == (None,) * 6
    assert only([*people("tttt"), *judge("tttt")]).kappa is None


# --- what changes nothing ---------------------------------------------------------------------------

SAID = st.text("abt!-", max_size=8)


def everything(first: str, second: str, verdicts: str, orders: str) -> tuple[list[Feedback], dict[str, Candidate]]:
    """A log with all there is: two people, two judges, one of them asked in both orders; and the answers."""
    candidates, pairs = texts(8, lambda number: ("own" * (number % 3 + 1) + f" {number}", f"other {number}"))
    marked = [
        each.model_copy(update={"weights_sha256": OWN if each.text.startswith("own") else OTHER}) for each in candidates
    ]

    def rows(said: str, by: str, **more: Any) -> list[Feedback]:
        return [
            judgement(*pairs[number], LETTERS[letter], by=by, name=f"q{number}", **more)
            for number, letter in enumerate(said)
            if letter != "-"
        ]

    both = (
        [
            row.model_copy(update={"both_orders": (row.preference, LETTERS[orders[number % len(orders)]])})
            for number, row in enumerate(rows(verdicts, "judge:j@0123456789ab"))
        ]
        if orders
        else []
    )
    log = [
        *rows(first, "human", annotator="ann", audit=True),
        *rows(second, "oracle", annotator="bob", audit=True),
        *rows(first[::-1], "human", annotator="cam"),
        *rows(verdicts[::-1], "judge:reference"),
        *both,
    ]
    return log, {each.id: each for each in marked}


def swapped(row: Feedback) -> Feedback:
    """The same judgement, told with the candidates the other way round."""
    return row.model_copy(
        update={
            "candidate_a": row.candidate_b,
            "candidate_b": row.candidate_a,
            "preference": turned(row.preference),
            "both_orders": row.both_orders and (turned(row.both_orders[1]), turned(row.both_orders[0])),
        }
    )


@given(SAID, SAID, SAID, st.text("abt!", max_size=8), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_sides_they_name_change_a_figure(
    first: str, second: str, verdicts: str, orders: str, shuffler: random.Random
) -> None:
    rows, candidates = everything(first, second, verdicts, orders)
    known = {"families": {"j": "smol"}, "models": MODELS}
    found = calibrate(rows, candidates, **known)
    assert calibrate(shuffler.sample(rows, len(rows)), candidates, **known) == found
    assert calibrate([swapped(row) for row in rows], candidates, **known) == found
    assert calibrate([swapped(row) if shuffler.random() < 0.5 else row for row in rows], candidates, **known) == found
    for each in found:
        assert each.comparisons == sum(sum(said.values()) for said in each.confusion.values())
        assert (each.people is None) == (each.comparisons == 0) == (each.accuracy is None)


def chosen_of(rows: list[Feedback], left_out: Withdrawn = NOTHING) -> list[Feedback]:
    return to_records(rows_to_measure(whole_frame(rows).lazy(), left_out))


@settings(max_examples=50)
@given(SAID, SAID, SAID, st.text("abt!", max_size=8))
def test_the_rows_chosen_from_a_whole_log_give_the_same_calibration(
    first: str, second: str, verdicts: str, orders: str
) -> None:
    rows, candidates = everything(first, second, verdicts, orders)
    extra = [judgement("x", "x", "tie", annotator="ann", audit=True), *people("ab", "dan", retracted=True)]
    chosen = chosen_of([*rows, *extra])
    assert calibrate(chosen, candidates) == calibrate(rows, candidates)
    assert {row.id for row in chosen} <= {row.id for row in [*rows, extra[0]]}


def test_of_a_long_log_few_rows_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.judging.audit_rows.POSITION_PAIRS", 5)
    monkeypatch.setattr(calibration, "POSITION_PAIRS", 5)
    rows = [*in_orders(*[("a", "b")] * 40), *people("a" + 60 * "-"), *people("a" * 30, "bob", audit=False)]
    rows += judge("a" * 50, by="judge:reference")
    chosen = chosen_of(rows)
    assert calibrate(chosen, {}) == calibrate(rows, {})
    assert len([row for row in chosen if row.source.startswith("judge:")]) <= 2 + 6 + 1
    assert len(chosen) <= 9 + 31  # and all that people said, whose agreement is measured, too


def test_what_is_withdrawn_takes_no_place_among_those_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.judging.audit_rows.POSITION_PAIRS", 5)
    monkeypatch.setattr(calibration, "POSITION_PAIRS", 5)
    rows = in_orders(*[("a", "b"), ("a", "a")] * 20)
    gone = sorted(row.id for row in rows)[:3]
    left = [row for row in rows if row.id not in gone]
    chosen = chosen_of(rows, Withdrawn(feedback=tuple(gone)))
    assert len(chosen) == 5
    assert calibrate(chosen, {}) == calibrate(left, {})
