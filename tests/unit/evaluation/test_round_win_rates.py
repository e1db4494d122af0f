"""Which win rates a round has, which of them are evidence, and which one to go by."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_records import comparison, judgement, minute, question
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import IntegrityError
from tasks.evaluation.report_win_rates import describe_later_labels, describe_win_rates, win_rate_lines
from tasks.evaluation.round_win_rates import (
    FEWEST_LABELS,
    RoundWinRates,
    best_source,
    keep_win_rates,
    labels_sha256,
    read_win_rates,
    win_rates,
)
from tasks.evaluation.win_rate import win_rate, with_equal_answers
from tasks.records import Comparison, Feedback, FileRef, HeadToHead, JudgedWinRate, Preference, WinRate

JUDGE, OTHER = "judge:reference", "judge:local@0123456789ab"
LETTERS: dict[str, Preference] = {"a": "a", "b": "b", "t": "tie", "!": "both_bad"}


def compared(count: int) -> list[Comparison]:
    """The champion says `old`, the challenger `new`."""
    return [comparison("old", "new", question(f"q{number}", split="test")) for number in range(count)]


def said(letters: str, by: str = JUDGE, annotator: str | None = None) -> list[Feedback]:
    """b is a win of the challenger; `-` is nothing."""
    return [
        judgement("old", "new", LETTERS[letter], by=by, annotator=annotator, name=f"q{number}")
        for number, letter in enumerate(letters)
        if letter != "-"
    ]


def rate(**changes: Any) -> JudgedWinRate:
    fields = {
        "mean": 0.6,
        "ci95": (0.5, 0.7),
        "corrected": True,
        "labelled": 20,
        "judged": 50,
        "naive": 0.7,
        "naive_ci95": (0.6, 0.8),
        "evidence": True,
    }
    return JudgedWinRate.model_validate({**fields, **changes})


# --- what is measured --------------------------------------------------------------------------------


def test_each_judge_and_people_have_their_own_rate_and_equal_answers_are_ties() -> None:
    verdicts = [*said("bbbbbbbbbb"), *said("aaaat-----", OTHER)]
    labels = said("bbbab", "human", "ann")
    found = win_rates(compared(10), verdicts, labels, 10, {OTHER})
    assert list(found) == [OTHER, JUDGE, "people"]
    assert (found[JUDGE].judged, found[JUDGE].labelled, found[JUDGE].naive) == (10, 5, pytest.approx(0.75))
    assert (found[OTHER].judged, found[OTHER].labelled) == (5, 5)
    # Ten ties beside four wins of five: half of 0.8 and half of 0.5.
    assert found["people"].mean == pytest.approx(0.65)
    assert {each.equal for each in found.values()} == {10}
    assert all(each.corrected and each.evidence for each in found.values())


@pytest.mark.parametrize(
    ("labels", "trusted", "corrected", "evidence"),
    [
        (0, False, False, False),
        (0, True, False, True),
        (4, False, True, False),
        (4, True, True, True),
        (FEWEST_LABELS, False, True, True),
    ],
)
def test_only_enough_labels_or_earned_trust_make_a_judges_win_rate_evidence(
    labels: int, trusted: bool, corrected: bool, evidence: bool
) -> None:
    people = said("b" * labels, "human", "ann")
    found = win_rates(compared(20), said("b" * 20), people, 0, {JUDGE} if trusted else set())
    assert (found[JUDGE].corrected, found[JUDGE].evidence) == (corrected, evidence)
    assert ("people" in found) == bool(labels)


def test_a_judge_without_a_verdict_has_no_win_rate_and_nothing_compared_has_none_at_all() -> None:
    assert win_rates(compared(3), said("bbb"), [], 0, set()).keys() == {JUDGE}
    assert win_rates([], [], [], 12, {JUDGE}) == {}


# --- which to go by ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({}, None),
        ({"a": rate(evidence=False), "b": rate(corrected=False, evidence=False)}, None),
        ({"a": rate(ci95=(0.4, 0.8)), "b": rate(ci95=(0.5, 0.7)), "c": rate(ci95=(0.6, 0.6), evidence=False)}, "b"),
        # A corrected one goes before any judge's own word, however sure that is of itself.
        ({"a": rate(ci95=(0.1, 0.9)), "b": rate(ci95=(0.6, 0.61), corrected=False)}, "a"),
        ({"a": rate(corrected=False, ci95=(0.5, 0.9)), "b": rate(corrected=False)}, "b"),
        ({"b": rate(), "a": rate()}, "a"),
    ],
)
def test_the_narrowest_corrected_one_counts_else_a_trusted_judges_else_none(
    rates: dict[str, JudgedWinRate], best: str | None
) -> None:
    assert best_source(rates) == best


@given(st.permutations(["a", "b", "c", "d"]), st.lists(st.booleans(), min_size=8, max_size=8))
def test_what_is_no_evidence_is_never_gone_by_in_any_order(order: Sequence[str], flags: list[bool]) -> None:
    rates = {
        name: rate(corrected=flags[place], evidence=flags[4 + place], ci95=(0.6 - place / 10, 0.6))
        for place, name in enumerate("abcd")
    }
    best = best_source({name: rates[name] for name in order})
    assert best == best_source(rates)
    assert best is None if not any(flags[4:]) else rates[best or ""].evidence


# --- equal answers -----------------------------------------------------------------------------------


def test_without_equal_answers_the_rate_is_as_it_was() -> None:
    found = win_rate([1.0, 0.0], [1.0, 1.0], [0.0] * 5)
    assert with_equal_answers(found, 7, 0) == found


@pytest.mark.parametrize("equal_share", [0.1, 0.4, 0.8])
@pytest.mark.parametrize(("questions", "labelled", "judged_share"), [(70, 20, 1.0), (200, 50, 0.4), (200, 200, 1.0)])
@pytest.mark.parametrize("wins", [0.5, 0.7, 0.95])
def test_with_equal_answers_the_interval_still_holds_the_true_rate(
    equal_share: float, questions: int, labelled: int, judged_share: float, wins: float
) -> None:
    """A judge that says `win` in a fifth of all cases; it judged a random part, and people a random part of that."""
    generator, true, runs, covered = np.random.default_rng(7), 0.5 * equal_share + (1 - equal_share) * wins, 400, 0
    for _ in range(runs):
        equal = min(int(generator.binomial(questions, equal_share)), questions - 1)
        people = (generator.random(questions - equal) < wins).astype(float)
        judge = np.where(generator.random(len(people)) < 0.2, 1.0, people)
        judged = max(1, int(judged_share * len(people)))
        both = min(labelled, judged)
        found = win_rate(people[:both].tolist(), judge[:both].tolist(), judge[both:judged].tolist())
        low, high = with_equal_answers(found, len(people), equal).ci95
        covered += low <= true <= high
    assert covered / runs >= 0.92


OUTCOMES = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=12)


@given(OUTCOMES, OUTCOMES, st.integers(1, 50))
def test_ties_draw_the_mean_to_a_half_and_the_loser_has_the_rest(
    people: list[float], alone: list[float], equal: int
) -> None:
    def measure(outcomes: list[float], others: list[float]) -> WinRate:
        return with_equal_answers(win_rate(outcomes, outcomes, others), len(outcomes) + len(others), equal)

    found, bare = measure(people, alone), win_rate(people, people, alone)
    assert 0 <= found.ci95[0] <= found.mean <= found.ci95[1] <= 1
    assert abs(found.mean - 0.5) <= abs(bare.mean - 0.5)
    other = measure([1 - each for each in people], [1 - each for each in alone])
    assert (1 - other.mean, 1 - other.ci95[1], 1 - other.ci95[0]) == pytest.approx((found.mean, *found.ci95))


# --- what is said ------------------------------------------------------------------------------------


def found_rates(rates: dict[str, JudgedWinRate], **more: Any) -> RoundWinRates:
    fields = {"best": best_source(rates), "labels": {"human": 20}, "labels_sha256": "0" * 64, "last_label_at": None}
    return RoundWinRates.model_validate({"rates": rates, **fields, **more})


def head_to_head(different: int = 50, equal: int = 10) -> HeadToHead:
    rows = FileRef(sha256="0" * 64, rows=different)
    return HeadToHead(comparisons=rows, equal=equal, verdicts=rows)


def test_the_words_tell_evidence_from_what_is_none() -> None:
    rates = {
        "judge:believed": rate(corrected=False, labelled=0, mean=0.7, ci95=(0.6, 0.8)),
        "judge:corrected": rate(),
        "judge:few": rate(labelled=2, evidence=False),
        "judge:new@0123456789ab": rate(corrected=False, labelled=0, mean=0.7, ci95=(0.6, 0.8), evidence=False),
        "people": rate(judged=20),
    }
    assert win_rate_lines(found_rates(rates), head_to_head()) == [
        "win rate of challenger against champion, 50 test questions with different answers; 10 questions with equal "
        "answers: ties",
        "  believed: 0.70 (0.60-0.80) by the judge alone on 50 questions, uncorrected; the judge has earned its trust",
        "  corrected: 0.60 (0.50-0.70) corrected by people on 20 of 50 questions; by the judge alone 0.70 (0.60-0.80)",
        "  few: 0.60 (0.50-0.70) corrected by people on 2 of 50 questions, too few labels to be evidence (5 are "
        "needed); by the judge alone 0.70 (0.60-0.80)",
        "  new@0123456789ab: 0.70 (0.60-0.80) by the judge alone on 50 questions, uncorrected: not evidence",
        "  people: 0.60 (0.50-0.70) on 20 labelled questions",
    ]
    described = describe_win_rates(found_rates(rates), head_to_head())
    assert described is not None
    uncorrected = [row for row in described["rows"] if row["corrected"][1] == "uncorrected"]
    assert [row["judge"] for row in uncorrected] == ["believed", "new"]
    assert [row["judge"] for row in described["rows"] if row["best"]] == ["corrected"]
    assert "and so no evidence" in described["notes"][3] and "no evidence" not in "".join(described["notes"][:3])


def test_where_nothing_was_compared_nothing_is_said_and_equal_answers_are_told_as_such() -> None:
    assert win_rate_lines(None, None) == [] and describe_win_rates(None, head_to_head()) is None
    [line] = win_rate_lines(found_rates({}), head_to_head(0, 12))
    assert "the answers to all 12 test questions are the same" in line


@pytest.mark.parametrize(
    ("labels", "stand_in"),
    [
        ({"human": 3}, None),
        ({"oracle": 3}, "The labels are the scripted annotator's (`oracle`), in people's place."),
        ({"human": 1, "oracle": 3}, "Some of the labels are the scripted annotator's (`oracle`), in people's place."),
    ],
)
def test_the_oracles_labels_are_called_that(labels: dict[str, int], stand_in: str | None) -> None:
    described = describe_win_rates(found_rates({}, labels=labels), head_to_head())
    assert described is not None and described["stand_in"] == stand_in


def test_a_report_that_was_written_anew_says_with_how_many_labels_and_until_when() -> None:
    assert describe_later_labels(found_rates({})) is None
    later = found_rates({}, after_round=True, last_label_at=minute(5))
    assert describe_later_labels(later) == (
        "Written anew after the round, for labels on test answers came in or were taken back: it rests on 20 labels "
        "now, the last of 2026-01-01 00:05 UTC. The decision above was made before."
    )


# --- what is kept ------------------------------------------------------------------------------------


def test_what_was_found_is_kept_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    assert read_win_rates(tmp_path) is None
    found = found_rates({JUDGE: rate()}, last_label_at=minute(1))
    keep_win_rates(tmp_path, found)
    assert read_win_rates(tmp_path) == found
    (tmp_path / "win_rates.json").write_text("{", encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"win_rates\.json is damaged: delete it, and `ratchet labels` writes it"):
        read_win_rates(tmp_path)


def test_other_labels_have_another_hash() -> None:
    sets = [said(letters, "human", "ann") for letters in ("", "b", "a", "bb")]
    assert all(labels_sha256(one) != labels_sha256(other) for one, other in itertools.combinations(sets, 2))
