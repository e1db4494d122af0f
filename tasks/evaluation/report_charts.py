"""The report's charts, as plotly figures in plain JSON.

Texts that plotly would read as its small HTML (labels, hovers) are escaped here: questions are untrusted.
"""

import html
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.evaluation.intervals import TIE
from tasks.evaluation.report_dots import OTHER_COLOUR, Dot, describe_dots, draw_dots, label_width, plotly_json
from tasks.evaluation.report_examples import QuestionAnswers
from tasks.evaluation.report_text import arm_label, count_of, format_number, format_signed, metric_label
from tasks.records import ArmReport, BenchmarkReport, PairedDifference

# Each has at least 3:1 contrast on white and on the dark page.
ARM_COLOURS: Mapping[str, str] = {
    "base": "#7f8896",
    "champion": "#3577d4",
    "challenger": "#d5690f",
    "rag": "#2a8f7b",
    "ft": "#9a5fd0",
    "rag_ft": "#c2447c",
}
_ARM_SYMBOLS = {"base": "square", "champion": "circle", "challenger": "diamond"}
_PHASE_TITLES = {"sft": "SFT loss", "dpo": "DPO loss", "kto": "KTO loss"}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        id: the element's id in the page.
        title: its heading.
        caption: how to read it, in a sentence.
        description: what it shows, in figures, for those who cannot see it.
        figure: plotly's `data` and `layout`.
    """

    id: str
    title: str
    caption: str
    description: str
    figure: dict[str, Any]


def arm_colour(arm: str) -> str:
    """The colour of an arm, the same in every chart and table."""
    return ARM_COLOURS.get(arm, OTHER_COLOUR)


def chart_scores(report: ArmReport | BenchmarkReport) -> Chart:
    """Mean and interval of every arm, metric by metric."""
    groups = [
        (
            metric_label(name),
            [
                Dot(
                    arm_label(arm),
                    result.metrics[name].mean,
                    result.metrics[name].ci95,
                    format_number(result.metrics[name].mean, 2),
                    arm_colour(arm),
                    _ARM_SYMBOLS.get(arm, "circle"),
                )
                for arm, result in report.arms.items()
                if name in result.metrics
            ],
        )
        for name in metric_names(report)
    ]
    return Chart(
        "chart-scores",
        "Scores",
        "Mean over the test questions with its 95 % interval; further right is better.",
        describe_dots(groups),
        draw_dots(groups, label_px=label_width(groups)),
    )


def chart_differences(comparisons: Sequence[PairedDifference]) -> Chart:
    """How far the challenger is from other arms on the same questions, with intervals, around zero."""
    names = dict.fromkeys(comparison.metric for comparison in comparisons)
    groups = [(metric_label(name), [_difference_dot(c) for c in comparisons if c.metric == name]) for name in names]
    return Chart(
        "chart-differences",
        "Challenger minus the others",
        "Mean difference on the same questions; right of zero the challenger is better. Hollow: the interval "
        "contains zero, so chance could explain it.",
        describe_dots(groups),
        draw_dots(groups),
    )


def _difference_dot(comparison: PairedDifference) -> Dot:
    low, high = comparison.ci95
    sure = low > 0 or high < 0
    return Dot(
        f"vs {arm_label(comparison.against).lower()}",
        comparison.difference,
        comparison.ci95,
        format_signed(comparison.difference, 2),
        arm_colour(comparison.arm if comparison.difference >= 0 else comparison.against),
        "diamond" if sure else "diamond-open",
    )


def metric_names(report: ArmReport | BenchmarkReport) -> list[str]:
    """The metrics of all arms, in the order they first came."""
    return list(dict.fromkeys(name for result in report.arms.values() for name in result.metrics))


def chart_questions(
    ranked: Sequence[tuple[float, QuestionAnswers]], comparison: PairedDifference | None, metric: str
) -> Chart:
    """One bar a question, from biggest win to biggest loss, with the mean and its interval across."""
    import plotly.graph_objects as go

    differences = [difference for difference, _ in ranked]
    figure = go.Figure(
        go.Bar(
            x=list(range(1, len(ranked) + 1)),
            y=differences,
            marker={
                "color": [arm_colour("challenger" if value >= 0 else "champion") for value in differences],
                "line": {"width": 0},
            },
            customdata=[_wrap(question.question) for _, question in ranked],
            hovertemplate="%{customdata}<br><b>%{y:+.2f}</b><extra></extra>",
        )
    )
    if comparison:
        low, high = comparison.ci95
        figure.add_hrect(y0=low, y1=high, fillcolor=OTHER_COLOUR, opacity=0.25, line_width=0)
        figure.add_hline(y=comparison.difference, line={"width": 2, "dash": "dash", "color": OTHER_COLOUR})
        figure.add_annotation(
            text=f"mean {format_signed(comparison.difference, 2)}",
            **{"x": 1, "xref": "paper", "xanchor": "right", "y": high, "yanchor": "bottom", "showarrow": False},
        )
    figure.update_layout(
        height=320,
        bargap=0.12,
        margin={"l": 8, "r": 8, "t": 12, "b": 40},
        xaxis={
            "title": _axis_title("questions, from biggest win to biggest loss"),
            **{"showticklabels": False, "showgrid": False, "zeroline": False, "fixedrange": True},
        },
        yaxis={"title": _axis_title("difference"), "automargin": True, "fixedrange": True, "zeroline": True},
    )
    wins, losses = sum(value > TIE for value in differences), sum(value < -TIE for value in differences)
    return Chart(
        "chart-questions",
        "Question by question",
        f"Challenger minus champion in {metric_label(metric)}: one bar a question; up is a win. Hover for its text.",
        f"{wins} questions better, {losses} worse, {len(ranked) - wins - losses} the same.",
        plotly_json(figure),
    )


def chart_training(curves: Mapping[str, Sequence[tuple[int, float]]]) -> list[Chart]:
    """Loss by optimizer step, one chart a phase; points that are not finite and phases without points are left out."""
    finite = {phase: [(step, loss) for step, loss in points if math.isfinite(loss)] for phase, points in curves.items()}
    return [_chart_phase(phase, points, len(curves[phase]) - len(points)) for phase, points in finite.items() if points]


def _chart_phase(phase: str, points: Sequence[tuple[int, float]], left_out: int) -> Chart:
    import plotly.graph_objects as go

    steps, losses = [step for step, _ in points], [loss for _, loss in points]
    figure = go.Figure(
        go.Scatter(
            x=steps,
            y=losses,
            mode="lines+markers" if len(points) < 40 else "lines",
            line={"color": arm_colour("challenger"), "width": 2.5},
            marker={"size": 5},
            hovertemplate="step %{x}: loss %{y:.4f}<extra></extra>",
        )
    )
    figure.update_layout(
        height=250,
        margin={"l": 8, "r": 8, "t": 8, "b": 40},
        xaxis={"title": _axis_title("optimizer step"), "fixedrange": True, "zeroline": False},
        yaxis={"automargin": True, "fixedrange": True, "zeroline": False},
    )
    title = _PHASE_TITLES.get(phase, f"{phase} loss")
    description = f"From {losses[0]:.3f} at step {steps[0]} to {losses[-1]:.3f} at step {steps[-1]}."
    if left_out:
        description += f" Not drawn: {count_of(left_out, 'point')} that had no finite loss."
    return Chart(f"chart-training-{phase}", title, description, description, plotly_json(figure))


def _axis_title(title: str) -> dict[str, Any]:
    return {"text": title, "font": {"size": 13}, "standoff": 8}


def _wrap(text: str) -> str:
    """A question for a hover label: at most three lines, as text and not as plotly's HTML."""
    return "<br>".join(html.escape(line) for line in textwrap.wrap(text, 56, max_lines=3, placeholder=" …"))
