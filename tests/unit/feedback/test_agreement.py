"""Agreement: the published figures, and None where there is nothing to measure."""

import random

import numpy as np
import pytest
from example_records import judgement, minute
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from tasks.feedback.agreement import Agreement, krippendorff_alpha, measure_agreement
from tasks.feedback.votes import turned
from tasks.records import Feedback, Preference

PREFERENCES: list[Preference] = ["a", "b", "tie", "both_bad"]
NOTHING = Agreement(comparisons=0, annotators=0, agreed=None, alpha=None, alpha_ci95=None)


def measure(rows: list[Feedback], resamples: int = 1000, seed: int = 0) -> Agreement:
    return measure_agreement(rows, resamples=resamples, seed=seed)


def answers(*said: str, audit: bool = False) -> list[Feedback]:
    """What ann, bob and cam say, comparison by comparison: `ab` is ann's a and bob's b, `-` is no answer."""
    return [
        judgement(
            "x", "y", {"t": "tie", "!": "both_bad"}.get(letter, letter), annotator=who, name=f"q{number}", audit=audit
        )
        for number, letters in enumerate(said)
        for who, letter in zip(["ann", "bob", "cam"], letters, strict=False)
        if letter != "-"
    ]


def test_alpha_is_the_one_krippendorff_printed() -> None:
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: 4 observers, 12 units, 5 categories,
    # missing answers; nominal alpha 0.743.
    observers = ["123321412...", "12332241 25.3".replace(" ", ""), ".3332342251.", "12332441251."]
    counts = [[column.count(str(category)) for category in range(1, 6)] for column in zip(*observers, strict=True)]
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), max_size=8))
def test_alpha_is_that_of_nltk(counts: list[list[int]]) -> None:
    answers = [
        (f"{category} {vote}", comparison, category)
        for comparison, row in enumerate(counts)
        if sum(row) >= 2
        for category, count in enumerate(row)
        for vote in range(count)
    ]
    alpha = krippendorff_alpha(counts)
    if alpha is not None:
        assert alpha == pytest.approx(AnnotationTask(answers).alpha())
    else:
        assert len({comparison for _, comparison, _ in answers}) < 2 or len({said for *_, said in answers}) < 2


def test_alpha_by_hand_for_two_people_and_two_answers() -> None:
    # 10 comparisons, 4 agreeing on a, 3 on b, 3 split. Of 20 answers 11 are a and 9 b:
    # 1 - (20 - 1) * observed disagreements / (2 * 11 * 9), where each split comparison counts twice.
    alpha = krippendorff_alpha([[2, 0]] * 4 + [[0, 2]] * 3 + [[1, 1]] * 3)
    assert alpha == pytest.approx(1 - 19 * 6 / (2 * 11 * 9))


@pytest.mark.parametrize(
    ("counts", "alpha"),
    [
        ([], None),
        ([[2, 0]], None),  # one comparison
        ([[1, 1]], None),
        ([[2, 0], [2, 0]], None),  # nobody ever said anything else
        ([[1, 0], [0, 1], [2, 0]], None),  # single answers make no second comparison
        ([[2, 0], [0, 2]], 1.0),
        ([[2, 0], [0, 2], [1, 0]], 1.0),
        ([[1, 1], [1, 1]], -0.5),
    ],
)
def test_alpha_is_defined_where_agreement_could_have_failed(counts: list[list[int]], alpha: float | None) -> None:
    assert krippendorff_alpha(counts) == (alpha if alpha is None else pytest.approx(alpha))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], {}),
        (["a", "-b"], {}),
        (["aa"], {"comparisons": 1, "annotators": 2, "agreed": 1.0}),
        (["aa", "aa"], {"comparisons": 2, "annotators": 2, "agreed": 1.0}),
        (["tt", "tt", "a", "!-"], {"comparisons": 2, "annotators": 2, "agreed": 1.0}),
        (["aab"], {"comparisons": 1, "annotators": 3, "agreed": 1 / 3}),
        (["ab"], {"comparisons": 1, "annotators": 2, "agreed": 0.0}),
    ],
)
def test_figures_that_are_not_defined_are_none(said: list[str], expected: dict[str, float]) -> None:
    assert measure(answers(*said)) == NOTHING.model_copy(update=expected)


def test_perfect_agreement_has_no_doubt_in_it() -> None:
    agreement = measure(answers("aa", "bb", "tt", "!!"))
    assert (agreement.agreed, agreement.alpha, agreement.alpha_ci95) == (1.0, 1.0, (1.0, 1.0))


def test_who_saw_them_the_other_way_round_is_understood() -> None:
    straight = answers("aa", "bb", "ab", "at", "b!")
    crossed = [
        judgement(
            "y", "x", turned(row.preference), annotator="bob", name=row.question_id, request="asked again", round_=2
        )
        if row.annotator == "bob"
        else row
        for row in straight
    ]
    assert measure(crossed) == measure(straight)


def test_alpha_is_that_of_the_buttons_people_clicked() -> None:
    agreement = measure(answers("aa", "aa", "ab", "bb", "tt", "a!"))
    assert agreement.alpha == krippendorff_alpha(
        [[2, 0, 0, 0], [2, 0, 0, 0], [1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [1, 0, 0, 1]]
    )


def test_a_person_who_answered_twice_is_one_voice_and_a_retracted_answer_none() -> None:
    rows = [
        judgement("x", "y", "a", annotator="ann", request="1", given_at=minute(1)),
        judgement("x", "y", "b", annotator="ann", request="2", given_at=minute(2)),
        judgement("x", "y", "b", annotator="bob", given_at=minute(1)),
        judgement("x", "y", "a", annotator="cam", given_at=minute(1), retracted=True),
        judgement("x", "y", "a", by="judge:j"),
    ]
    assert measure(rows) == NOTHING.model_copy(update={"comparisons": 1, "annotators": 2, "agreed": 1.0})


@settings(max_examples=30)
@given(
    st.lists(st.text("abt!-", min_size=3, max_size=3), max_size=8),
    st.randoms(use_true_random=False),
)
def test_figures_are_in_their_ranges_and_no_order_changes_them(said: list[str], shuffler: random.Random) -> None:
    rows = [*answers(*said, audit=True), judgement("x", "y", "b", by="judge:j", name="q0")]
    agreement = measure(rows, resamples=50)
    assert measure(shuffler.sample(rows, len(rows)), resamples=50) == agreement
    assert (agreement.alpha is None) == (agreement.alpha_ci95 is None)
    if agreement.alpha is not None and agreement.alpha_ci95 is not None:
        assert -1 <= agreement.alpha_ci95[0] <= agreement.alpha <= agreement.alpha_ci95[1] <= 1
    assert (agreement.agreed is None) == (agreement.comparisons == 0)


def test_the_interval_holds_the_true_alpha_about_as_often_as_it_says() -> None:
    # Two people see the same truth and each says something else, at random, one time in five.
    generator = np.random.default_rng(0)

    def sample(size: int) -> list[list[int]]:
        truth = generator.integers(4, size=size)
        said = [np.where(generator.random(size) < 0.2, generator.integers(4, size=size), truth) for _ in range(2)]
        return [[int(one == each) + int(other == each) for each in range(4)] for one, other in zip(*said, strict=True)]

    true = krippendorff_alpha(sample(200_000))
    assert true is not None
    held, alphas, widths = 0, [], []
    for _ in range(60):
        counts = sample(30)
        rows = [
            judgement("x", "y", PREFERENCES[category], annotator=f"{category}{vote}", name=f"q{number}")
            for number, unit in enumerate(counts)
            for category, count in enumerate(unit)
            for vote in range(count)
        ]
        agreement = measure(rows, resamples=150)
        assert agreement.alpha is not None and agreement.alpha_ci95 is not None
        low, high = agreement.alpha_ci95
        held += low <= true <= high
        alphas.append(agreement.alpha)
        widths.append(high - low)
    assert held >= 52, held
    # Nor is it wider than it need be: 95 % of alphas lie within 1.96 deviations.
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(alphas), rel=0.3)
