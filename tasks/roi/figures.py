"""The two charts of costs: by month, and by queries a day. The page's script draws the same curves anew."""

from collections.abc import Sequence
from typing import Any

from tasks.evaluation.report_charts import Chart, arm_colour
from tasks.evaluation.report_dots import plotly_json
from tasks.evaluation.report_text import arm_label
from tasks.records import ArmUsage, RoiReport
from tasks.roi.break_even import MOST_QUERIES_PER_DAY
from tasks.roi.priced import finite_costs, price_arms
from tasks.roi.usage import mean_usage
from tasks.roi.wording import format_queries, format_usd
from tasks.settings.prices import PriceSettings

_POINTS = 81
_DECADES = 2.0  # to each side of the price sheet's queries a day


def chart_months(report: RoiReport) -> Chart:
    """Cumulative cost of every arm at the ends of the months."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for arm, costs in report.arms.items():
        totals = [split.total_usd for split in costs.cumulative]
        figure.add_trace(_curve(arm, list(range(len(totals))), totals, "month %{x}: $%{y:,.2f}"))
    _lay_out(figure, "month", "US dollars, cumulative")
    ends = [f"{arm_label(arm)} {format_usd(costs.split.total_usd)}" for arm, costs in report.arms.items()]
    return Chart(
        "chart-roi-months",
        "What has been spent by the end of each month",
        "Month 0 is what is paid before the first query; a step is a retraining.",
        f"At the end: {', '.join(ends)}.",
        _with_legend(figure),
    )


def chart_queries(prices: PriceSettings, usages: Sequence[ArmUsage], report: RoiReport) -> Chart:
    """Cost of a correct answer by queries a day."""
    import plotly.graph_objects as go

    figure = go.Figure()
    grid = queries_grid(prices.queries_per_day)
    costs = [_costs_at(prices, usages, queries) for queries in grid]
    for arm in report.arms:
        figure.add_trace(_curve(arm, grid, [at[arm] for at in costs], "%{x:,.3~s} queries a day: $%{y:.4~g}"))
    _lay_out(figure, "queries a day", "US dollars for a correct answer")
    figure.update_xaxes(type="log", dtick=1)
    figure.update_yaxes(type="log", rangemode="normal", tickformat="~g")
    now = [
        f"{arm_label(arm)} {format_usd(costs.usd_per_correct_answer.value)}"
        for arm, costs in report.arms.items()
        if costs.usd_per_correct_answer.value is not None
    ]
    return Chart(
        "chart-roi-queries",
        "What a correct answer costs",
        "All costs over the whole time, divided by correct answers; both axes are logarithmic.",
        f"At {format_queries(prices.queries_per_day)} queries a day: {', '.join(now) or 'no correct answer'}.",
        _with_legend(figure),
    )


def queries_grid(queries_per_day: float) -> list[float]:
    """Numbers of queries a day from a hundredth to a hundredfold of the given one, evenly on a logarithmic axis."""
    steps = (2 * _DECADES * index / (_POINTS - 1) - _DECADES for index in range(_POINTS))
    return [min(queries_per_day * 10**step, MOST_QUERIES_PER_DAY) for step in steps]


def _costs_at(prices: PriceSettings, usages: Sequence[ArmUsage], queries_per_day: float) -> dict[str, float | None]:
    changed = prices.model_copy(update={"queries_per_day": queries_per_day})
    arms = price_arms(changed, usages, [mean_usage(usage) for usage in usages])
    return finite_costs(changed, arms, "correct_answer")


def _curve(arm: str, x: Sequence[float], y: Sequence[float | None], hover: str) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        x=list(x),
        y=list(y),
        name=arm_label(arm),
        mode="lines",
        line={"color": arm_colour(arm), "width": 2.5},
        hovertemplate=f"{hover}<extra>{arm_label(arm)}</extra>",
    )


def _with_legend(figure: Any) -> dict[str, Any]:
    plain = plotly_json(figure)
    return {**plain, "layout": {**plain["layout"], "showlegend": True}}


def _lay_out(figure: Any, x_title: str, y_title: str) -> None:
    def title(text: str) -> dict[str, Any]:
        return {"text": text, "font": {"size": 13}, "standoff": 8}

    figure.update_layout(
        height=340,
        margin={"l": 8, "r": 8, "t": 36, "b": 44},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={"title": title(x_title), "fixedrange": True, "zeroline": False},
        yaxis={
            "title": title(y_title),
            "automargin": True,
            "fixedrange": True,
            "rangemode": "tozero",
            "tickprefix": "$",
        },
    )
