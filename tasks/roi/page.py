"""What each arm is worth, as a part of the report page: tables, charts, and sliders that work without a network.

The page shows Python's figures; a script with the same arithmetic takes over when a slider moves.
"""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tasks.evaluation.report_charts import arm_colour
from tasks.evaluation.report_text import arm_label, count_of, format_number
from tasks.records import ArmCosts, ArmUsage, RoiReport
from tasks.roi.controls import Control, list_controls
from tasks.roi.figures import chart_months, chart_queries
from tasks.roi.usage import draw_means, mean_usage
from tasks.roi.wording import (
    describe_month,
    describe_queries,
    describe_ranges,
    format_interval_months,
    format_percent,
    format_queries,
    format_usd,
    in_sentence,
    usd_interval,
)
from tasks.settings.prices import PriceSettings

if TYPE_CHECKING:
    import jinja2

_PARTS = {
    "hosting_usd": "Hosting",
    "tokens_usd": "Tokens",
    "training_usd": "Training",
    "labels_usd": "Labels",
    "index_usd": "Index",
    "storage_usd": "Storage",
    "energy_usd": "Electricity",
}
_BASIS_TITLES = {"answer": "Cost of all answers", "correct_answer": "Cost of each correct answer"}


def roi_fragment(prices: PriceSettings, usages: Sequence[ArmUsage], report: RoiReport, seed: int = 0) -> str:
    """Sections of HTML for the report page; everything in them is escaped.

    Args:
        prices: the price sheet of the report.
        usages: the measured usage of the report.
        report: what `analyse` made of both.
        seed: the one `analyse` was given, so that the sliders' intervals come from the same draws.
    """
    view = {
        **describe_roi(report),
        "charts": [chart_months(report), chart_queries(prices, usages, report)],
        "groups": _group(list_controls(prices)),
        "sheet": build_sheet(prices, usages, seed),
    }
    return _environment().get_template("roi.html.j2").render(view)


def roi_scripts() -> list[str]:
    """The scripts of the sliders, to run after plotly.js and the page's own."""
    return [_own_file(name) for name in ("roi_arithmetic.js", "roi_wording.js", "roi_page.js")]


def roi_css() -> str:
    """Styles beside the page's own."""
    return _own_file("roi.css")


def describe_roi(report: RoiReport) -> dict[str, Any]:
    """The tables and sentences as plain values, every figure formatted.

    Keys: `recommendation`, `period`, `arms`, `split` (rows of parts by arm), `ranges` and `break_evens` by basis,
    `retraining`, `assumptions`.
    """
    months = report.prices["months"]
    return {
        "recommendation": report.recommendation,
        "period": f"{count_of(months, 'month')} at {format_queries(report.prices['queries_per_day'])} queries a day",
        "arms": [_show_arm(arm, costs) for arm, costs in report.arms.items()],
        "split": _show_split(report),
        "ranges": {basis: describe_ranges(ranges, basis) for basis, ranges in report.cheapest.items()},
        "break_evens": _show_break_evens(report, months),
        "retraining": _show_retraining(report),
        "assumptions": report.assumptions,
    }


def build_sheet(prices: PriceSettings, usages: Sequence[ArmUsage], seed: int) -> dict[str, Any]:
    """What the page's script computes from: prices, each arm's measured means, and the draws of those means."""
    return {
        "prices": prices.model_dump(mode="json"),
        "controls": [asdict(control) for control in list_controls(prices)],
        "arms": [
            {
                "in_sentence": in_sentence(usage.arm),
                "means": list(asdict(mean_usage(usage)).values()),
                **usage.model_dump(mode="json", include=_MEASURED_ONCE),
            }
            for usage in usages
        ],
        "draws": [[list(asdict(means).values()) for means in draw] for draw in draw_means(usages, seed)],
    }


_MEASURED_ONCE = {
    "arm",
    "retrieval",
    "adapter",
    "training_s",
    "train_tokens",
    "storage_bytes",
    "training_energy_j",
    "server_energy_j_per_query",
}


def _show_arm(arm: str, costs: ArmCosts) -> dict[str, Any]:
    correct = costs.usage.correct_share
    low, high = correct.ci95
    return {
        "arm": arm,
        "label": arm_label(arm),
        "note": "",
        "colour": arm_colour(arm),
        "correct": format_percent(correct.mean),
        "correct_interval": f"{format_percent(low)} to {format_percent(high)}",
        "per_query": format_usd(costs.usd_per_query.value),
        "per_query_interval": usd_interval(costs.usd_per_query),
        "per_correct": format_usd(costs.usd_per_correct_answer.value),
        "per_correct_interval": usd_interval(costs.usd_per_correct_answer),
        "total": format_usd(costs.total_usd.value),
        "total_interval": usd_interval(costs.total_usd),
        "servers": format_number(costs.servers, 1),
        "trainings": str(costs.trainings),
    }


def _show_split(report: RoiReport) -> list[dict[str, Any]]:
    """Rows of the table of what the money goes to; parts on which no arm spends are left out."""
    rows = []
    for part, label in _PARTS.items():
        amounts = {arm: getattr(costs.split, part) for arm, costs in report.arms.items()}
        if any(amounts.values()):
            cells = [{"arm": arm_label(arm), "usd": format_usd(amount)} for arm, amount in amounts.items()]
            rows.append({"label": label, "cells": cells})
    return rows


def _show_break_evens(report: RoiReport, months: int) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for found in report.break_evens:
        rows.setdefault(_BASIS_TITLES[found.basis], []).append(
            {
                "id": f"{found.basis}:{found.arms[0]}:{found.arms[1]}",
                "pair": f"{arm_label(found.arms[0])} and {in_sentence(found.arms[1])}",
                "month": describe_month(found, months),
                "queries": describe_queries(found),
            }
        )
    return rows


def _show_retraining(report: RoiReport) -> list[dict[str, Any]]:
    if not any(costs.trainings for costs in report.arms.values()):
        return []
    return [
        {
            "interval": format_interval_months(effect.interval_months).capitalize(),
            "trainings": str(effect.trainings),
            "cells": [
                {
                    "arm": arm_label(arm),
                    "total": format_usd(effect.total_usd[arm]),
                    "per_correct": format_usd(effect.usd_per_correct_answer[arm]),
                }
                for arm in report.arms
            ],
        }
        for effect in report.retraining
    ]


def _group(controls: Sequence[Control]) -> dict[str, list[Control]]:
    groups: dict[str, list[Control]] = {}
    for control in controls:
        groups.setdefault(control.group, []).append(control)
    return groups


def _environment() -> "jinja2.Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, loader=FunctionLoader(_template))


def _template(name: str) -> str:
    return _own_file(name) if name.startswith("roi") else _file("tasks.evaluation", name)


def _own_file(name: str) -> str:
    return _file("tasks.roi", name)


def _file(package: str, name: str) -> str:
    return (files(package) / "templates" / name).read_text(encoding="utf-8")
