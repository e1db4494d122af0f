"""The gate promotes on proof alone: enough questions, and a p-value that the round's level allows."""

import math

import pytest
from example_models import BASE, adapter, paired_difference
from example_superiority import not_proven, superiority
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import RatchetError
from tasks.files import canonical_json
from tasks.records import ArmReport, FileRef, ModelVersion, PairedDifference, SuperiorityTest
from tasks.registry.gate import better_than_champion, decide, enough_test_questions, same_model
from tasks.settings.evaluation import PromoteSettings

NAN, INF = math.nan, math.inf


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


def test_a_challenger_with_enough_questions_and_a_p_value_below_the_level_passes():
    certificate = decide(report(), superiority(), PromoteSettings())
    assert certificate.passed
    assert [check.sentence for check in certificate.checks] == [
        "40 test questions are enough for a verdict (at least 30 needed).",
        "The challenger is better than champion on rouge_l: +0.0500 (95 % interval +0.0200 to +0.0800; 20 wins, "
        "15 ties, 5 losses on 40 test questions), p 0.0004, where test 1 of this domain allows 0.019 (0.05 for all "
        "tests together).",
    ]


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


@given(questions=st.integers(0, 200), needed=st.integers(1, 200))
def test_too_few_questions_never_pass_however_good_the_proof(questions: int, needed: int):
    certificate = decide(report(questions), superiority(p_value=1e-12), PromoteSettings(min_test_questions=needed))
    assert certificate.passed == (questions >= needed)


def test_a_report_without_the_primary_metric_is_an_error():
    with pytest.raises(RatchetError) as caught:
        decide(report(), superiority(metric="semantic_similarity"), PromoteSettings())
    assert caught.value.problems == (
        "The report of round 3 does not compare challenger and champion on 'semantic_similarity' (it has rouge_l): "
        "run the evaluate stage again, or set promote.primary_metric to one it has.",
    )


@pytest.mark.parametrize("difference", [0.0, 1e-6, 1e-3])
def test_logits_within_a_thousandth_are_the_same_model(difference: float):
    assert same_model(difference).passed


@pytest.mark.parametrize("difference", [1.0001e-3, 54.0, INF, NAN, -INF])
def test_logits_further_apart_or_not_a_number_are_another_model(difference: float):
    check = same_model(difference)
    assert not check.passed
    assert check.sentence == (
        f"The registered model is not the model that was evaluated: loaded back, its logits differ by at most "
        f"{difference:.2g} (0.001 allowed)."
    )
    assert canonical_json(check)
