"""What a judge's word weighs: in full when it has earned it, less until then, nothing when it is shown to be too weak.

Full weight is a matter of kappa itself, not of the lower end of its interval. It only lets a judge teach; whether a
model goes out rests on figures that people's answers correct, so a judge that was lucky on its audit can cost quality
but no wrong promotion. And 30 comparisons leave kappa an interval of about plus or minus 0.3: the lower end would ask
for a judge that agrees with people better than people agree with each other. Luck is kept small by `min_labels`.

To be left out takes more: the upper end of the 95 % interval below `min_kappa`, so that even what speaks for the judge
does not reach what is asked for. Kappa itself would throw out what was merely unlucky, and with it most of the
feedback. In simulations of 30 comparisons and a `min_kappa` of 0.4 a judge whose true kappa is just 0.4 had less than
that in 52 of 100 audits, and its upper end in 2; one of 0.5 in 24, and its upper end in fewer than 1. A judge that
guesses was still found out in 86 of 100 audits, and in 99 with 60 comparisons.
"""

from collections.abc import Iterable

from pydantic import Field

from tasks.judging.calibration import JudgeCalibration, People
from tasks.records import Record, Share
from tasks.settings.judging import JudgeTrustSettings

PEOPLE_TEXTS: dict[People, str] = {
    "human": "people",
    "oracle": "the scripted annotator",
    "both": "people and the scripted annotator",
}


class JudgeWeight(Record):
    """What a judge's word weighs, and why."""

    weight: Share = Field(description="of its preference pairs in training; 0: they are left out")
    trusted: bool = Field(description="whether its word may decide a promotion; people's may in any case")
    why: str = Field(description="one sentence, with the figures")


def judge_weights(calibrations: Iterable[JudgeCalibration], settings: JudgeTrustSettings) -> dict[str, JudgeWeight]:
    """The weight of each calibrated judge, by its feedback source."""
    return {each.judge: judge_weight(each.judge, each, settings) for each in calibrations}


def judge_weight(judge: str, calibration: JudgeCalibration | None, settings: JudgeTrustSettings) -> JudgeWeight:
    """The weight of one judge: 1 with enough audit comparisons and enough kappa, 0 where these show that it has not
    enough, else the reduced one.

    Args:
        judge: its feedback source.
        calibration: None of a judge that was never measured.
    """
    doubt = _doubt(calibration, settings)
    if doubt is None and calibration is not None and calibration.kappa is not None:
        kappa, needed = calibration.kappa, f"{settings.min_kappa:.2f} on {settings.min_labels}"
        why = (
            f"{judge} counts in full: its kappa with {_whom(calibration)} is {kappa.value:.2f} on "
            f"{kappa.comparisons} audit comparisons ({needed} needed)."
        )
        return JudgeWeight(weight=1.0, trusted=True, why=why)
    weight = 0.0 if _is_too_weak(calibration, settings) else settings.reduced_weight
    counts = f"counts at weight {weight:g} in training and" if weight else "is left out of training and"
    return JudgeWeight(weight=weight, trusted=False, why=f"{judge} {counts} decides no promotion: {doubt}.")


def _doubt(calibration: JudgeCalibration | None, settings: JudgeTrustSettings) -> str | None:
    """Why the judge has not earned its weight; None when it has."""
    if calibration is None or not calibration.comparisons:
        return "it has not been compared with people yet"
    count, whom = calibration.comparisons, _whom(calibration)
    if count < settings.min_labels:
        return f"{count} of the {settings.min_labels} audit comparisons that it takes have been answered by {whom}"
    kappa, needed = calibration.kappa, settings.min_kappa
    if kappa is None:
        return f"it and {whom} gave one and the same answer on all {count} audit comparisons, so kappa is not defined"
    low, high = kappa.ci95
    if _is_too_weak(calibration, settings):
        return (
            f"its kappa with {whom} is at most {high:.2f} (95 % interval {low:.2f} to {high:.2f}) on {count} audit "
            f"comparisons, and {needed:.2f} is needed"
        )
    if kappa.value < needed:
        return (
            f"its kappa with {whom} is {kappa.value:.2f} (95 % interval {low:.2f} to {high:.2f}) on {count} audit "
            f"comparisons, below {needed:.2f}, but not for certain"
        )
    return None


def _is_too_weak(calibration: JudgeCalibration | None, settings: JudgeTrustSettings) -> bool:
    """Whether the judge was shown to be too weak: by enough comparisons, and even at its interval's upper end."""
    if calibration is None or calibration.kappa is None or calibration.comparisons < settings.min_labels:
        return False
    return calibration.kappa.ci95[1] < settings.min_kappa


def _whom(calibration: JudgeCalibration) -> str:
    return PEOPLE_TEXTS[calibration.people] if calibration.people else "nobody"
