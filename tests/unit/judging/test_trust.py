"""What a judge weighs: in full only with labels and kappa enough, and always with the reason."""

import pytest
from example_records import judgement

from tasks.judging.calibration import JudgeCalibration, calibrate
from tasks.judging.trust import judge_weight, judge_weights
from tasks.records import Feedback
from tasks.settings.judging import JudgeTrustSettings

TRUST = JudgeTrustSettings(min_kappa=0.4, min_labels=10, reduced_weight=0.25)


def calibrated(count: int, agreeing: int, by: str = "human", alike: bool = False) -> JudgeCalibration:
    """A judge that agrees with people on so many of the comparisons, whose answers are in turn a and b."""
    rows: list[Feedback] = []
    for number in range(count):
        word = "a" if alike or number % 2 else "b"
        verdict = word if number < agreeing else "b" if word == "a" else "a"
        # Told by one and the same side, whatever the candidates' ids are.
        first, second = sorted(("x", "y"), key=lambda text: judgement(text, "z", name=f"q{number}").candidate_a)
        rows.append(judgement(first, second, word, by=by, annotator="ann", name=f"q{number}", audit=True))
        rows.append(judgement(first, second, verdict, by="judge:j", name=f"q{number}"))
    [found] = calibrate(rows, {})
    return found


@pytest.mark.parametrize(
    ("calibration", "weight", "why"),
    [
        (
            calibrated(20, 18),
            1.0,
            "judge:j counts in full: its kappa with people is 0.80 on 20 audit comparisons (0.40 on 10 needed).",
        ),
        (
            calibrated(10, 7),  # exactly what is asked for
            1.0,
            "judge:j counts in full: its kappa with people is 0.40 on 10 audit comparisons (0.40 on 10 needed).",
        ),
        (
            calibrated(20, 12),
            0.25,
            "judge:j counts at weight 0.25 in training and decides no promotion: its kappa with people is 0.20 on "
            "20 audit comparisons, below 0.40.",
        ),
        (
            calibrated(9, 9),
            0.25,
            "judge:j counts at weight 0.25 in training and decides no promotion: 9 of the 10 audit comparisons that "
            "it takes have been answered by people.",
        ),
        (
            calibrated(12, 12, alike=True),
            0.25,
            "judge:j counts at weight 0.25 in training and decides no promotion: it and people gave one and the same "
            "answer on all 12 audit comparisons, so kappa is not defined.",
        ),
        (
            calibrated(20, 20, by="oracle"),
            1.0,
            "judge:j counts in full: its kappa with the scripted annotator is 1.00 on 20 audit comparisons "
            "(0.40 on 10 needed).",
        ),
        (
            None,
            0.25,
            "judge:j counts at weight 0.25 in training and decides no promotion: it has not been compared with people "
            "yet.",
        ),
    ],
)
def test_a_judge_counts_in_full_only_when_it_has_earned_it(
    calibration: JudgeCalibration | None, weight: float, why: str
) -> None:
    found = judge_weight("judge:j", calibration, TRUST)
    assert (found.weight, found.trusted, found.why) == (weight, weight == 1.0, why)


def test_a_judge_that_judged_nothing_people_did_is_as_one_never_measured() -> None:
    [unmeasured] = calibrate([judgement(by="judge:j")], {})
    assert judge_weight("judge:j", unmeasured, TRUST) == judge_weight("judge:j", None, TRUST)


def test_a_weight_of_0_leaves_the_judge_out_and_a_weight_of_1_does_not_make_it_trusted() -> None:
    out = judge_weight("judge:j", None, TRUST.model_copy(update={"reduced_weight": 0.0}))
    assert (out.weight, out.trusted) == (0.0, False)
    assert out.why.startswith("judge:j is left out of training and decides no promotion: ")
    whole = judge_weight("judge:j", None, TRUST.model_copy(update={"reduced_weight": 1.0}))
    assert (whole.weight, whole.trusted) == (1.0, False)


def test_every_calibrated_judge_has_its_weight() -> None:
    rows = [judgement(by="judge:b"), judgement(by="judge:a@0123456789ab")]
    weights = judge_weights(calibrate(rows, {}), TRUST)
    assert {judge: weight.weight for judge, weight in weights.items()} == {
        "judge:a@0123456789ab": 0.25,
        "judge:b": 0.25,
    }
