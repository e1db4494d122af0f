"""Win rates: people's few labels correct the judge's many verdicts, and the interval is as sure as it says."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from example_records import candidate, judgement
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.evaluation.intervals import wilson_interval
from tasks.evaluation.win_rate import judge_win_rate, win_rate
from tasks.feedback.votes import turned
from tasks.records import Feedback, Preference, WinRate

Outcomes = NDArray[np.float64]
Draw = Callable[[np.random.Generator, float, int], tuple[Outcomes, Outcomes]]

OUTCOME = st.sampled_from([0.0, 0.5, 1.0])
RUNS = 1000


def favours_by_ten_points(generator: np.random.Generator, rate: float, size: int) -> tuple[Outcomes, Outcomes]:
    """People, and a judge that is right but for losses of the candidate that it calls wins: 10 points in all."""
    people = (generator.random(size) < rate).astype(float)
    pleased = generator.random(size) < 0.1 / (1 - rate)
    return people, np.where((people == 0) & pleased, 1.0, people)


def favours_and_errs(generator: np.random.Generator, rate: float, size: int) -> tuple[Outcomes, Outcomes]:
    """People, and a judge that errs to both sides, and 10 points more to the candidate's."""
    people = (generator.random(size) < rate).astype(float)
    wrong = generator.random(size) < np.where(people == 1, 0.15 / rate, 0.25 / (1 - rate))
    return people, np.where(wrong, 1 - people, people)


def errs_with_ties(generator: np.random.Generator, rate: float, size: int) -> tuple[Outcomes, Outcomes]:
    """People, who see a tie in a fifth, and a judge that in a fifth says that the candidate wins, whatever it is."""
    decided = (generator.random(size) < (rate - 0.1) / 0.8).astype(float)
    people = np.where(generator.random(size) < 0.2, 0.5, decided)
    return people, np.where(generator.random(size) < 0.2, 1.0, people)


def agrees(generator: np.random.Generator, rate: float, size: int) -> tuple[Outcomes, Outcomes]:
    people = (generator.random(size) < rate).astype(float)
    return people, people


def says_one_thing(generator: np.random.Generator, rate: float, size: int) -> tuple[Outcomes, Outcomes]:
    return (generator.random(size) < rate).astype(float), np.ones(size)


def simulate(draw: Draw, rate: float, labelled: int, judged: int, runs: int = RUNS) -> list[WinRate]:
    generator = np.random.default_rng([labelled, int(100 * rate)])
    found = []
    for _ in range(runs):
        people, judge = draw(generator, rate, labelled)
        _, alone = draw(generator, rate, judged)
        found.append(win_rate(people.tolist(), judge.tolist(), alone.tolist()))
    return found


def covered(found: list[WinRate], rate: float) -> float:
    return sum(each.ci95[0] <= rate <= each.ci95[1] for each in found) / len(found)


@pytest.mark.parametrize("labelled", [50, 100, 200])
@pytest.mark.parametrize(
    ("draw", "rate"), [(favours_by_ten_points, 0.3), (favours_by_ten_points, 0.6), (favours_and_errs, 0.5)]
)
def test_a_judge_that_favours_the_candidate_misleads_alone_and_not_with_peoples_labels(
    draw: Draw, rate: float, labelled: int
) -> None:
    found = simulate(draw, rate, labelled, judged=2000)
    naive = sum(each.naive_ci95[0] <= rate <= each.naive_ci95[1] for each in found)
    assert naive <= 0.01 * RUNS
    assert covered(found, rate) >= 0.93
    assert np.mean([each.mean for each in found]) == pytest.approx(rate, abs=0.01)
    # The judge's many verdicts are worth something: people's labels alone leave a wider interval.
    alone = 2 * 1.96 * np.sqrt(rate * (1 - rate) / labelled)
    assert np.mean([each.ci95[1] - each.ci95[0] for each in found]) < alone


@pytest.mark.parametrize("judged", [1, 10, 1000])
@pytest.mark.parametrize("labelled", [5, 20])
@pytest.mark.parametrize(
    ("draw", "rate"),
    [
        (favours_by_ten_points, 0.8),
        (errs_with_ties, 0.55),
        (agrees, 0.5),
        (agrees, 0.95),
        (says_one_thing, 0.5),
        (says_one_thing, 0.95),
    ],
)
def test_few_labels_alike_labels_and_poor_judges_leave_the_interval_honest(
    draw: Draw, rate: float, labelled: int, judged: int
) -> None:
    assert covered(simulate(draw, rate, labelled, judged, runs=400), rate) >= 0.91


def test_labels_that_are_all_alike_are_no_certainty() -> None:
    found = win_rate([1.0] * 8, [1.0] * 8, [1.0] * 500)
    assert (found.mean, found.ci95[1]) == (1.0, 1.0)
    assert 0.5 < found.ci95[0] < 0.8
    right = win_rate([1.0, 0.0] * 5, [1.0, 0.0] * 5, [1.0, 0.0] * 500)
    assert right.ci95[1] - right.ci95[0] > 0.3  # ten times right may be nine times of ten


def test_without_labels_the_judges_word_stands_and_is_marked_as_uncorrected() -> None:
    found = win_rate([], [], [1.0, 1.0, 0.5, 0.0])
    assert (found.corrected, found.labelled, found.judged) == (False, 0, 4)
    assert (found.mean, found.ci95) == (found.naive, found.naive_ci95) == (0.625, wilson_interval(0.625, 4))


def test_where_people_labelled_everything_the_judge_adds_nothing() -> None:
    found = win_rate([1.0, 0.0, 0.5], [1.0, 1.0, 1.0], [])
    assert (found.corrected, found.labelled, found.judged) == (True, 3, 3)
    assert (found.mean, found.ci95, found.naive) == (0.5, wilson_interval(0.5, 3), 1.0)


def test_a_judge_that_always_says_the_same_leaves_what_people_said() -> None:
    found = win_rate([1.0, 0.0, 0.0, 0.0], [1.0] * 4, [1.0] * 100)
    assert found.mean == 0.25
    assert found.naive == 1.0


@pytest.mark.parametrize(
    ("people", "judge", "alone", "problem"),
    [
        ([], [], [], "a win rate needs at least one comparison"),
        ([1.0], [], [1.0], "people have 1 outcomes and the judge 0: they cannot be paired"),
        ([1.0], [1.1], [], "an outcome is 0, 0.5 or 1, or between them"),
        ([float("nan")], [1.0], [], "an outcome is 0, 0.5 or 1, or between them"),
    ],
)
def test_outcomes_that_make_no_sense_are_refused(
    people: list[float], judge: list[float], alone: list[float], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        win_rate(people, judge, alone)


@given(st.lists(st.tuples(OUTCOME, OUTCOME), max_size=12), st.lists(OUTCOME, max_size=12))
def test_the_mean_lies_in_its_interval_and_the_loser_has_the_rest(
    both: list[tuple[float, float]], alone: list[float]
) -> None:
    if not both and not alone:
        return
    people, judge = [each for each, _ in both], [each for _, each in both]
    found = win_rate(people, judge, alone)
    assert 0 <= found.ci95[0] <= found.mean <= found.ci95[1] <= 1
    assert found.ci95[0] < found.ci95[1]
    other = win_rate([1 - each for each in people], [1 - each for each in judge], [1 - each for each in alone])
    assert (1 - other.mean, 1 - other.ci95[1], 1 - other.ci95[0]) == pytest.approx((found.mean, *found.ci95))


def test_the_library_does_not_silence_the_warnings_of_everybody() -> None:
    # In a process of its own, for pytest puts the filters back after each test.
    program = (
        "import warnings; from tasks.evaluation.win_rate import win_rate; "
        "win_rate([1.0, 0.0], [1.0, 0.0], [1.0, 0.0]); warnings.warn('is this heard?', RuntimeWarning)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert "RuntimeWarning: is this heard?" in result.stderr


# --- from feedback ----------------------------------------------------------------------------------

NEW = {candidate("new", f"q{number}").id for number in range(6)}


def said(letters: str, by: str, annotator: str | None = None, audit: bool = False) -> list[Feedback]:
    """A preference between the challenger's `new` and `old`, question by question; `-` is none."""
    names: dict[str, Preference] = {"a": "a", "b": "b", "t": "tie", "!": "both_bad"}
    return [
        judgement("new", "old", names[letter], by=by, annotator=annotator, name=f"q{number}", audit=audit)
        for number, letter in enumerate(letters)
        if letter != "-"
    ]


def test_verdicts_become_outcomes_of_the_challenger() -> None:
    found = judge_win_rate(said("aabt!a", "judge:j"), [], NEW)
    assert (found.corrected, found.judged, found.naive) == (False, 6, pytest.approx((1 + 1 + 0 + 0.5 + 0.5 + 1) / 6))


def test_people_who_differ_are_averaged_and_what_the_judge_did_not_judge_is_left_aside() -> None:
    people = [*said("ab---a", "human", "ann"), *said("b-----", "human", "bob")]
    found = judge_win_rate(said("aabtb-", "judge:j"), people, NEW)
    expected = win_rate([0.5, 0.0], [1.0, 1.0], [0.0, 0.5, 0.0])
    assert (found.labelled, found.judged) == (2, 5)
    assert (found.mean, *found.ci95) == pytest.approx((expected.mean, *expected.ci95))


def test_the_sides_on_which_answers_were_shown_change_nothing() -> None:
    judged, people = said("aabt!b", "judge:j"), said("ab-t--", "human", "ann")

    def swap(rows: list[Feedback]) -> list[Feedback]:
        return [
            row.model_copy(
                update={
                    "candidate_a": row.candidate_b,
                    "candidate_b": row.candidate_a,
                    "preference": turned(row.preference),
                }
            )
            for row in rows
        ]

    assert judge_win_rate(swap(judged), people, NEW) == judge_win_rate(judged, people, NEW)
    assert judge_win_rate(judged, swap(people), NEW) == judge_win_rate(judged, people, NEW)


def test_comparisons_without_the_challenger_or_of_it_with_itself_are_none_of_its_wins() -> None:
    strangers = [judgement("one", "two", by="judge:j"), judgement("new", "new", "tie", by="judge:j", name="q0")]
    assert judge_win_rate([*said("a", "judge:j"), *strangers], [], NEW).judged == 1
    with pytest.raises(ValueError, match="at least one comparison"):
        judge_win_rate(strangers, [], NEW)
