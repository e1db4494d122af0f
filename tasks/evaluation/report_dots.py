"""Rows of dots with whiskers, as a plotly figure in plain JSON: figures with their intervals, one below the other.

Colours of text and grid are left to the page, which knows whether it is read in light, in dark or on paper. Labels
are escaped, for plotly would read them as its small HTML.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.evaluation.report_text import format_number

OTHER_COLOUR = "#7f8896"
_ROW_PX, _GROUP_PX, _LABEL_PX, _FIGURE_PX, _LETTER_PX = 27, 34, 96, 48, 8


@dataclass(frozen=True)
class Dot:
    """One row: a value with its interval, its label before and its figure after it."""

    label: str
    value: float
    ci95: tuple[float, float]
    text: str
    colour: str
    symbol: str


def describe_dots(groups: Sequence[tuple[str, Sequence[Dot]]]) -> str:
    """The same in words, for those who cannot see it."""
    return " ".join(f"{title}: {', '.join(f'{dot.label} {dot.text}' for dot in dots)}." for title, dots in groups)


def label_width(groups: Sequence[tuple[str, Sequence[Dot]]]) -> int:
    """The room in pixels that the longest label of the groups takes."""
    return max([_LABEL_PX, *(_LETTER_PX * len(dot.label) for _, dots in groups for dot in dots)])


def draw_dots(
    groups: Sequence[tuple[str, Sequence[Dot]]], *, label_px: int = _LABEL_PX, mark: float | None = None
) -> dict[str, Any]:
    """Dots with whiskers in rows under group titles; heights in pixels, so that rows never crowd.

    Args:
        label_px: the room for labels, in pixels.
        mark: where a dashed line stands, such as a value that is asked for.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    top, ticks = 0.0, {}
    for title, dots in groups:
        figure.add_annotation(
            text=f"<b>{html.escape(title)}</b>",
            **{"x": 0, "xref": "paper", "xanchor": "left", "xshift": -label_px},
            **{"y": top + _GROUP_PX * 0.62, "yanchor": "middle", "showarrow": False},
        )
        rows = [top + _GROUP_PX + _ROW_PX * (place + 0.5) for place in range(len(dots))]
        for row, dot in zip(rows, dots, strict=True):
            ticks[row] = html.escape(dot.label)
            figure.add_trace(_draw_dot(dot, row))
            figure.add_annotation(
                text=dot.text,
                **{"x": 1, "xref": "paper", "xanchor": "right", "xshift": _FIGURE_PX},
                **{"y": row, "yanchor": "middle", "showarrow": False},
            )
        top += _GROUP_PX + _ROW_PX * len(dots)
    everything = [value for _, dots in groups for dot in dots for value in dot.ci95]
    if mark is not None:
        everything.append(mark)
        figure.add_vline(x=mark, line={"width": 2, "dash": "dash", "color": OTHER_COLOUR})
    low, high = min([0.0, *everything]), max([0.0, *everything])
    margin = (high - low or 1.0) * 0.05
    figure.update_layout(
        height=int(top) + 40,
        margin={"l": label_px, "r": _FIGURE_PX, "t": 4, "b": 32},
        xaxis={"range": [low - margin * (low < 0), high + margin], "zeroline": True, "fixedrange": True, "nticks": 6},
        yaxis={
            "range": [top, 0],
            "tickvals": list(ticks),
            "ticktext": list(ticks.values()),
            "ticklabelstandoff": 8,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
    )
    return plotly_json(figure)


def _draw_dot(dot: Dot, row: float) -> Any:
    import plotly.graph_objects as go

    low, high = dot.ci95
    return go.Scatter(
        x=[dot.value],
        y=[row],
        mode="markers",
        marker={"size": 11, "color": dot.colour, "symbol": dot.symbol, "line": {"width": 2, "color": dot.colour}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - dot.value],
            "arrayminus": [dot.value - low],
            "color": dot.colour,
            "thickness": 2.5,
            "width": 5,
        },
        hovertemplate=f"{html.escape(dot.label)}: {dot.text}<br>95 % interval {format_number(low)} to "
        f"{format_number(high)}<extra></extra>",
    )


def plotly_json(figure: Any) -> dict[str, Any]:
    """The figure's `data` and `layout`, in the look that all charts of the page have."""
    figure.update_layout(
        template="none",
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 13, "family": "inherit"},
    )
    return {key: value for key, value in figure.to_plotly_json().items() if key in ("data", "layout")}
