"""The gate promotes on proof alone: enough questions, and a whole interval above zero."""

import math

import pytest
from example_models import BASE, adapter, paired_difference
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import RatchetError
from tasks.files import canonical_json
from tasks.records import ArmReport, FileRef, ModelVersion, PairedDifference
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


def test_a_challenger_with_enough_questions_and_an_interval_above_zero_passes():
    certificate = decide(report(), PromoteSettings())
    assert certificate.passed
    assert [check.sentence for check in certificate.checks] == [
        "40 test questions are enough for a verdict (at least 30 needed).",
        "The challenger is better than champion on rouge_l: +0.0500 (95 % interval +0.0200 to +0.0800; 20 wins, "
        "15 ties, 5 losses on 40 test questions).",
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
    ("difference", "ci95", "verdict"),
    [
        (0.05, (0.0, 0.1), "is not proven better than champion, because the interval does not lie above zero,"),
        (0.05, (-0.01, 0.1), "is not proven better than champion, because the interval does not lie above zero,"),
        (0.0, (0.0, 0.0), "is not proven better than champion, because the interval does not lie above zero,"),
        (0.05, (0.1, -0.01), "is not proven better than champion, because the interval does not lie above zero,"),
        (0.05, (0.08, 0.02), "is not proven better than champion, because the interval does not lie above zero,"),
        (-0.05, (-0.1, 0.0), "is not proven better than champion, because the interval does not lie above zero,"),
        (-0.05, (-0.1, -0.01), "is worse than champion"),
        (NAN, (0.02, 0.08), "cannot be compared with champion, because a figure is not a finite number,"),
        (0.05, (NAN, 0.08), "cannot be compared with champion, because a figure is not a finite number,"),
        (0.05, (0.02, NAN), "cannot be compared with champion, because a figure is not a finite number,"),
        (0.05, (0.02, INF), "cannot be compared with champion, because a figure is not a finite number,"),
    ],
)
def test_an_interval_that_is_not_wholly_above_zero_does_not_pass(
    difference: float, ci95: tuple[float, float], verdict: str
):
    check = better_than_champion(paired_difference(difference=difference, ci95=ci95), 40)
    assert not check.passed
    assert check.sentence.startswith(f"The challenger {verdict} on rouge_l: ")


any_float = st.floats(allow_nan=True, allow_infinity=True)


@given(difference=any_float, low=any_float, high=any_float)
def test_nothing_passes_whose_interval_reaches_zero_or_is_no_interval(difference: float, low: float, high: float):
    check = better_than_champion(paired_difference(difference=difference, ci95=(low, high)), 40)
    assert check.passed == (math.isfinite(difference) and math.isfinite(high) and 0.0 < low <= high)
    assert canonical_json(check)


@given(questions=st.integers(0, 200), needed=st.integers(1, 200), low=st.floats(1e-9, 1.0))
def test_too_few_questions_never_pass_however_good_the_interval(questions: int, needed: int, low: float):
    certificate = decide(
        report(questions, (paired_difference(difference=low, ci95=(low, low)),)),
        PromoteSettings(min_test_questions=needed),
    )
    assert certificate.passed == (questions >= needed)


def test_only_the_comparison_of_challenger_with_champion_on_the_primary_metric_counts():
    bad = paired_difference(difference=-0.1, ci95=(-0.2, -0.05))
    others = (
        paired_difference(against="base"),
        paired_difference(arm="champion", against="base"),
        paired_difference(metric="semantic_similarity"),
    )
    assert not decide(report(comparisons=(*others, bad)), PromoteSettings()).passed


def test_a_report_without_the_primary_metric_is_an_error():
    with pytest.raises(RatchetError) as caught:
        decide(report(), PromoteSettings(primary_metric="semantic_similarity"))
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
