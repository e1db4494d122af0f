"""What a judge weighs: in full only with labels and kappa enough, nothing when shown to be weak, always with why."""

import random

import pytest
from example_records import judgement

from tasks.judging.calibration import JudgeCalibration, calibrate
from tasks.judging.estimates import Confusion, Estimate, kappa_estimate
from tasks.judging.trust import judge_weight, judge_weights
from tasks.records import Feedback, Preference
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
            "judge:j counts at weight 0.25 in training and decides no promotion: its kappa with people is 0.20 "
            "(95 % interval -0.23 to 0.56) on 20 audit comparisons, below 0.40, but not for certain.",
        ),
        (
            calibrated(20, 9),
            0.0,
            "judge:j is left out of training and decides no promotion: its kappa with people is at most 0.32 (95 % "
            "interval -0.48 to 0.32) on 20 audit comparisons, and 0.40 is needed.",
        ),
        (
            calibrated(9, 0),  # as bad as can be, but on too few
            0.25,
            "judge:j counts at weight 0.25 in training and decides no promotion: 9 of the 10 audit comparisons that "
            "it takes have been answered by people.",
        ),
        (
            calibrated(10, 0, by="oracle"),
            0.0,
            "judge:j is left out of training and decides no promotion: its kappa with the scripted annotator is at "
            "most -0.44 (95 % interval -1.00 to -0.44) on 10 audit comparisons, and 0.40 is needed.",
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


def with_upper_end(high: float) -> JudgeCalibration:
    """A judge whose interval of kappa reaches this far."""
    kappa = Estimate(value=0.1, ci95=(-0.2, high), comparisons=20)
    return calibrated(20, 11).model_copy(update={"kappa": kappa})


@pytest.mark.parametrize(("high", "weight"), [(0.39, 0.0), (0.4, 0.25), (0.41, 0.25)])
def test_only_a_judge_whose_whole_interval_is_below_is_left_out(high: float, weight: float) -> None:
    assert judge_weight("judge:j", with_upper_end(high), TRUST).weight == weight
    kept = TRUST.model_copy(update={"reduced_weight": 1.0})
    assert judge_weight("judge:j", with_upper_end(high), kept).weight == (0.0 if weight == 0.0 else 1.0)


@pytest.mark.parametrize(("skill", "left_out"), [(0.0, (0.8, 0.95)), (0.4, (0.0, 0.06)), (0.6, (0.0, 0.01))])
def test_a_judge_that_guesses_is_found_out_and_one_that_is_good_enough_hardly_ever_left_out(
    skill: float, left_out: tuple[float, float]
) -> None:
    """On 30 comparisons, of a judge that knows people's answer with this probability and else guesses as they answer:
    its kappa is that probability."""
    draw, trust = random.Random(0), JudgeTrustSettings()
    words: tuple[Preference, ...] = ("a", "b", "tie", "both_bad")
    base, out = calibrated(20, 11), 0
    for _ in range(400):
        confusion: Confusion = {word: dict.fromkeys(words, 0) for word in words}
        for _ in range(30):
            word, guess = draw.choices(words, (40, 40, 15, 5), k=2)
            confusion[word][word if draw.random() < skill else guess] += 1
        measured = {"comparisons": 30, "kappa": kappa_estimate(confusion)}
        out += judge_weight("judge:j", base.model_copy(update=measured), trust).weight == 0.0
    assert left_out[0] <= out / 400 <= left_out[1]


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
