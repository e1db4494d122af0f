"""What the report and the command line say of judges: their figures, what they weigh, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.curation.summary import FeedbackSummary
from tasks.evaluation.report_charts import Chart
from tasks.evaluation.report_dots import OTHER_COLOUR, Dot, describe_dots, draw_dots
from tasks.evaluation.report_text import format_number, format_signed
from tasks.judging.calibration import JudgeCalibration
from tasks.judging.estimates import Estimate
from tasks.judging.trust import JudgeWeight

COLUMNS = ("Kappa", "Accuracy", "Position bias", "Order changes it", "Length bias", "Self-preference")

_TRUSTED_COLOUR = "#3577d4"
_LABEL_PX = 190


def judge_label(judge: str) -> str:
    """What a judge is called in tables: its name, and its version where it has one."""
    return judge.removeprefix("judge:")


def judge_cells(calibration: JudgeCalibration) -> list[tuple[str, str]]:
    """For each of the columns the figure and its 95 % interval as text; both empty where it cannot be had."""
    return [
        _cell(calibration.kappa),
        _cell(calibration.accuracy, percent=True),
        _cell(calibration.position_bias, signed=True),
        _cell(calibration.swap_inconsistent, percent=True),
        _cell(calibration.length_bias, signed=True),
        _cell(calibration.self_preference, signed=True),
    ]


def describe_judges(summary: FeedbackSummary) -> dict[str, Any] | None:
    """The table of judges, a sentence on each that does not count in full, and the chart; None without judges."""
    if not summary.judges:
        return None
    return {
        "columns": COLUMNS,
        "rows": [_row(each, summary.weights[each.judge]) for each in summary.judges],
        "doubts": [weight.why for weight in summary.weights.values() if not weight.trusted],
        "stand_in": stand_in_note(summary.judges),
        "chart": chart_judges(summary.judges, summary.weights, summary.min_kappa),
    }


def stand_in_note(calibrations: Sequence[JudgeCalibration]) -> str | None:
    """A sentence where the oracle answered in people's place; None where it did not."""
    who = {each.people for each in calibrations} - {None}
    if who == {"oracle"}:
        return "No person has judged these comparisons: the scripted annotator (`oracle`) answered in people's place."
    if who & {"oracle", "both"}:
        return "Some of these comparisons were judged by the scripted annotator (`oracle`), in people's place."
    return None


def chart_judges(
    calibrations: Sequence[JudgeCalibration], weights: Mapping[str, JudgeWeight], min_kappa: float
) -> Chart | None:
    """The kappas with their intervals, and the one that is asked for; None where no judge has one."""
    dots = [_dot(each, each.kappa, weights[each.judge].trusted) for each in calibrations if each.kappa is not None]
    if not dots:
        return None
    groups = [("Cohen's kappa with people", dots)]
    needed = format_number(min_kappa, 2)
    return Chart(
        "chart-judges",
        "Judges beside people",
        f"Agreement beyond chance with its 95 % interval: 1 is perfect, 0 is chance. Dashed: the {needed} from which a "
        "judge counts in full, given enough labels. Hollow: does not count in full; with its whole interval below, and "
        "enough labels, not at all.",
        f"{describe_dots(groups)} {needed} is needed to count in full.",
        draw_dots(groups, label_px=_LABEL_PX, mark=min_kappa),
    )


def _dot(calibration: JudgeCalibration, kappa: Estimate, trusted: bool) -> Dot:
    return Dot(
        judge_label(calibration.judge),
        kappa.value,
        kappa.ci95,
        format_number(kappa.value, 2),
        _TRUSTED_COLOUR if trusted else OTHER_COLOUR,
        "circle" if trusted else "circle-open",
    )


def _row(calibration: JudgeCalibration, weight: JudgeWeight) -> dict[str, Any]:
    name, _, version = judge_label(calibration.judge).partition("@")
    return {
        "judge": name,
        "version": version,
        "cells": [
            {"column": column, "figure": figure or "–", "interval": interval}
            for column, (figure, interval) in zip(COLUMNS, judge_cells(calibration), strict=True)
        ],
        "labels": f"{calibration.comparisons:,}",
        "undecided": f"{calibration.undecided:,} undecided" if calibration.undecided else "",
        "weight": f"{weight.weight:g}",
    }


def _cell(estimate: Estimate | None, *, percent: bool = False, signed: bool = False) -> tuple[str, str]:
    if estimate is None:
        return "", ""
    value, low, high = (_text(each, percent, signed) for each in (estimate.value, *estimate.ci95))
    return value, f"{low} to {high}"


def _text(value: float, percent: bool, signed: bool) -> str:
    if percent:
        return f"{100 * value:.0f} %"
    return format_signed(value, 2) if signed else format_number(value, 2)
