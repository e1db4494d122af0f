"""The part of the page on costs: Python's figures in it, everything escaped, and what the sliders start from."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from example_usage import ARMS, some_prices, usage, varied_usages

import tasks.roi
from tasks.roi.analyse import analyse
from tasks.roi.controls import list_controls
from tasks.roi.figures import queries_grid
from tasks.roi.page import build_sheet, describe_roi, roi_css, roi_fragment, roi_scripts
from tasks.settings.prices import PriceSettings, ServingPrices


def text_of(html: str) -> str:
    """What a reader sees, without scripts and tags, in single spaces."""
    without = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without)).split())


def test_the_page_says_what_the_report_says() -> None:
    prices, usages = some_prices(), varied_usages()
    report = analyse(prices, usages)
    seen = text_of(roi_fragment(prices, usages, report))
    view = describe_roi(report)
    sentences = [report.recommendation.sentence, *report.recommendation.conditions, *report.assumptions]
    figures = [arm[key] for arm in view["arms"] for key in ("per_query", "per_correct_interval", "total", "correct")]
    rows = [row[key] for rows in view["break_evens"].values() for row in rows for key in ("pair", "month", "queries")]
    assert [text for text in (*sentences, *figures, *rows) if " ".join(text.split()) not in seen] == []
    assert len(rows) == 3 * 12


def test_names_of_arms_are_text_and_never_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    usages = [usage("base"), usage("rag").model_copy(update={"arm": evil})]
    fragment = roi_fragment(some_prices(), usages, analyse(some_prices(), usages))
    assert evil not in fragment and "onerror=alert(1)>" not in fragment
    assert "src=x onerror" in text_of(fragment)


def test_parts_that_nobody_pays_for_are_left_out() -> None:
    prices = PriceSettings(without_adapter=ServingPrices(usd_per_1k_prompt_tokens=1.0))
    usages = varied_usages()
    assert [row["label"] for row in describe_roi(analyse(prices, usages))["split"]] == ["Tokens"]
    assert describe_roi(analyse(PriceSettings(), usages))["split"] == []
    assert "What the money goes to" not in roi_fragment(PriceSettings(), usages, analyse(PriceSettings(), usages))


def test_arms_that_are_never_trained_have_no_table_of_retraining() -> None:
    usages = varied_usages()[:2]
    assert describe_roi(analyse(some_prices(), usages))["retraining"] == []
    assert len(describe_roi(analyse(some_prices(), varied_usages()))["retraining"]) == 6


def test_the_same_report_gives_the_same_bytes() -> None:
    prices, usages = some_prices(), varied_usages()
    report = analyse(prices, usages)
    assert roi_fragment(prices, usages, report) == roi_fragment(prices, usages, report)


def test_the_script_computes_from_the_draws_of_the_report() -> None:
    sheet = build_sheet(some_prices(), varied_usages(), seed=0)
    report = analyse(some_prices(), varied_usages())
    assert [arm["arm"] for arm in sheet["arms"]] == list(ARMS)
    assert sheet["prices"] == report.prices
    drawn = sorted(draw[1][3] for draw in sheet["draws"])
    assert report.arms["rag"].usage.correct_share.ci95 == (drawn[24], drawn[974])
    assert json.loads(json.dumps(sheet, allow_nan=False)) == sheet


def test_nothing_in_the_page_is_fetched_or_evaluated() -> None:
    own = Path(tasks.roi.__file__).parent / "templates"
    for file in own.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?://|//\w|url\(|@import|innerHTML|\beval\b|new Function|fetch\(", text), file.name
    assert len(roi_scripts()) == 3 and roi_css()


def test_sliders_start_at_the_prices_of_the_config_and_have_room() -> None:
    prices = some_prices(
        queries_per_day=4e6,
        retraining_interval_months=36,
        usd_per_label=40.0,
        with_adapter=ServingPrices(usd_per_server_month=7300.0),
    )
    controls = {control.id: control for control in list_controls(prices)}
    assert len(controls) == 9
    assert controls["with_adapter.usd_per_server_hour"].value == pytest.approx(10.0)
    assert all(control.value is not None and control.value <= control.most for control in controls.values())
    assert controls["queries_per_day"].most > 4e6
    assert controls["usd_per_label"].most == 160.0


def test_an_arm_trained_once_has_its_slider_at_never() -> None:
    controls = {control.id: control for control in list_controls(some_prices(retraining_interval_months=None))}
    assert controls["retraining_interval_months"].value is None


def test_the_chart_by_queries_spans_four_decades_around_the_config() -> None:
    grid = queries_grid(5000.0)
    assert (grid[0], grid[40], grid[-1]) == (pytest.approx(50.0), pytest.approx(5000.0), pytest.approx(500_000.0))
    assert max(queries_grid(1e9)) == 1e9
