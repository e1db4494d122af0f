"""The gate promotes on proof alone: enough questions, and a p-value that the round's level allows."""

import pytest
from example_models import BASE, adapter, paired_difference
from example_superiority import not_proven, superiority
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import RatchetError
from tasks.files import canonical_json
from tasks.gate.improvement import better_than_champion, enough_test_questions, require_comparison
from tasks.records import ArmReport, FileRef, ModelVersion, PairedDifference, SuperiorityTest


def report(questions: int = 40, comparisons: tuple[PairedDifference, ...] = (paired_difference(),)) -> ArmReport:
    return ArmReport(
        domain="demo",
        round=3,
        questions=questions,
        test_set_sha256="d" * 64,
        arms={},
        comparisons=comparisons,
        challenger=adapter(round=3),
        champion=ModelVersion(name="demo", version=1, base=BASE),
        answers=FileRef(sha256="e" * 64, rows=120),
    )


@pytest.mark.parametrize(
    ("questions", "needed", "sentence"),
    [
        (
            12,
            30,
            "12 test questions are too few for a verdict (at least 30 needed): add test questions or lower "
            "promote.min_test_questions.",
        ),
        (
            1,
            30,
            "1 test question is too few for a verdict (at least 30 needed): add test questions or lower "
            "promote.min_test_questions.",
        ),
        (
            0,
            1,
            "0 test questions are too few for a verdict (at least 1 needed): add test questions or lower "
            "promote.min_test_questions.",
        ),
        (30, 30, "30 test questions are enough for a verdict (at least 30 needed)."),
        (1, 1, "1 test question is enough for a verdict (at least 1 needed)."),
    ],
)
def test_the_number_of_questions_is_judged_in_one_sentence(questions: int, needed: int, sentence: str):
    check = enough_test_questions(questions, needed)
    assert check.sentence == sentence
    assert check.passed == (questions >= needed)
    assert check.evidence == {"questions": questions, "needed": needed}


@pytest.mark.parametrize(
    ("test", "ci95", "verdict"),
    [
        (superiority(), (0.02, 0.08), "is better than champion on rouge_l"),
        (superiority(p_value=0.019), (-0.01, 0.08), "is better than champion on rouge_l"),
        (superiority(minimum_effect=0.01), (0.02, 0.08), "is better than champion by more than 0.01 on rouge_l"),
        (superiority(p_value=0.01901), (0.02, 0.08), "is not proven better than champion on rouge_l"),
        (not_proven(), (0.0, 0.0), "is not proven better than champion on rouge_l"),
        (not_proven(), (0.08, -0.02), "is not proven better than champion on rouge_l"),
        (
            not_proven(minimum_effect=0.1),
            (0.02, 0.08),
            "is not proven better than champion by more than 0.1 on rouge_l",
        ),
        (not_proven(), (-0.1, 0.0), "is not proven better than champion on rouge_l"),
        (not_proven(p_value=1.0), (-0.1, -0.01), "is worse than champion on rouge_l"),
    ],
)
def test_the_verdict_is_that_of_the_test_whatever_the_interval(
    test: SuperiorityTest, ci95: tuple[float, float], verdict: str
):
    check = better_than_champion(test, paired_difference(ci95=ci95))
    assert check.passed == (test.p_value <= test.level)
    assert check.sentence.startswith(f"The challenger {verdict}: +0.0500 ")


def test_a_later_round_says_which_test_it_is_and_what_it_is_allowed():
    check = better_than_champion(not_proven(earlier=(False, True), level=0.0105, p_value=1e-9), paired_difference())
    assert check.sentence.endswith(
        "p below 0.000001, where test 3 of this domain allows 0.011 (0.05 for all tests together)."
    )


any_float = st.floats(allow_nan=True, allow_infinity=True)


@given(difference=any_float, low=any_float, high=any_float)
def test_figures_that_are_not_finite_can_still_be_written_down(difference: float, low: float, high: float):
    assert canonical_json(
        better_than_champion(not_proven(), paired_difference(difference=difference, ci95=(low, high)))
    )


def test_a_report_without_the_primary_metric_is_an_error():
    with pytest.raises(RatchetError) as caught:
        require_comparison(report(), "semantic_similarity")
    assert caught.value.problems == (
        "The report of round 3 does not compare challenger and champion on 'semantic_similarity' (it has rouge_l): "
        "run the evaluate stage again, or set promote.primary_metric to one it has.",
    )
