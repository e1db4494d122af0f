"""The page's sliders in a real browser without a network: JavaScript's arithmetic is Python's, to nine digits."""

import base64
import hashlib
import math
import random
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from example_usage import some_prices, varied_usages
from integration.roi.priced_cases import CASES
from playwright.sync_api import Browser, Page, expect, sync_playwright
from plotly.offline import get_plotlyjs

from tasks.records import ArmUsage, RoiReport
from tasks.roi.analyse import analyse
from tasks.roi.page import build_sheet, describe_roi, roi_css, roi_fragment, roi_scripts
from tasks.roi.wording import describe_month, describe_queries, describe_ranges, format_queries, format_usd
from tasks.settings.prices import PriceSettings, ServingPrices


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without a network, in whose console nothing may stand afterwards."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, offline=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Callable[[PriceSettings, list[ArmUsage]], RoiReport]:
    """Opens a page with the part on costs."""

    def open_page(prices: PriceSettings, usages: list[ArmUsage]) -> RoiReport:
        report = analyse(prices, usages)
        file = tmp_path / "page.html"
        file.write_text(whole_page(roi_fragment(prices, usages, report)), encoding="utf-8")
        page.goto(file.as_uri())
        return report

    return open_page


def whole_page(fragment: str) -> str:
    """The fragment in a page with the styles, scripts and policy that the report has."""
    templates = files("tasks.evaluation") / "templates"
    scripts = [get_plotlyjs(), (templates / "report.js").read_text(encoding="utf-8"), *roi_scripts()]
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>costs</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<style>{(templates / 'report.css').read_text(encoding='utf-8')}{roi_css()}</style></head>"
        f"<body><main>{fragment}</main>{''.join(f'<script>{script}</script>' for script in scripts)}</body></html>"
    )


def load_arithmetic(page: Page) -> None:
    """An empty page with the arithmetic and its wording, without the sliders."""
    page.goto("about:blank")
    for script in roi_scripts()[:2]:
        page.add_script_tag(content=script)


def same(found: Any, expected: Any, where: str = "") -> list[str]:
    """Where two JSON values differ, numbers by more than nine digits."""
    if isinstance(expected, dict):
        assert isinstance(found, dict) and found.keys() == expected.keys(), where
        return [problem for key in expected for problem in same(found[key], expected[key], f"{where}.{key}")]
    if isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected), where
        return [p for index, each in enumerate(expected) for p in same(found[index], each, f"{where}[{index}]")]
    if isinstance(expected, float | int) and isinstance(found, float | int):
        return [] if math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) else [f"{where}: {found} {expected}"]
    return [] if found == expected else [f"{where}: {found!r} {expected!r}"]


@pytest.mark.parametrize("case", CASES)
def test_javascript_computes_what_python_computes(page: Page, case: str) -> None:
    prices, usages = CASES[case]
    load_arithmetic(page)
    sheet = build_sheet(prices, usages, seed=0)

    found = page.evaluate("(sheet) => ratchetRoi.analyse(sheet, sheet.prices)", sheet)

    report = analyse(prices, usages)
    plain = report.model_dump(mode="json")
    keys = ("usd_per_query", "usd_per_correct_answer", "total_usd", "cumulative")
    expected = {
        "arms": [{"arm": arm, **{key: costs[key] for key in keys}} for arm, costs in plain["arms"].items()],
        "break_evens": plain["break_evens"],
        "cheapest": plain["cheapest"],
    }
    assert same(found, expected) == []
    sentences = """([sheet, found]) => [
        ...Object.entries(found.cheapest).map(([basis, ranges]) => ratchetRoi.describeRanges(sheet, ranges, basis)),
        ...found.break_evens.map((each) => ratchetRoi.describeMonth(sheet, each, sheet.prices.months)),
        ...found.break_evens.map((each) => ratchetRoi.describeQueries(sheet, each)),
    ]"""
    assert page.evaluate(sentences, [sheet, found]) == [
        *(describe_ranges(ranges, basis) for basis, ranges in report.cheapest.items()),
        *(describe_month(each, prices.months) for each in report.break_evens),
        *(describe_queries(each) for each in report.break_evens),
    ]


def test_javascript_writes_numbers_as_python_does(page: Page) -> None:
    load_arithmetic(page)
    rng = random.Random(5)
    values = [0.0, 1e-12, 0.5, 1.0, 999.999, 1234.56, *(10 ** rng.uniform(-8, 9) for _ in range(500))]

    money = page.evaluate("(values) => values.map(ratchetRoi.formatUsd)", values)
    queries = page.evaluate("(values) => values.map(ratchetRoi.formatQueries)", values)

    assert money == [format_usd(value) for value in values]
    assert queries == [format_queries(value) for value in values]


def test_the_page_shows_pythons_figures_until_a_slider_moves_and_then_those_of_the_new_prices(
    page: Page, opened: Callable[[PriceSettings, list[ArmUsage]], RoiReport]
) -> None:
    prices, usages = some_prices(), varied_usages()
    report = opened(prices, usages)
    expect(page.locator("#roi-controls")).to_be_visible()
    assert shown(page) == expected_text(report)

    # A slider's position says 10^(6 x 0.8) queries, to three digits; the other prices stay.
    page.locator('[data-control="queries_per_day"]').fill("800")
    expect(page.locator('[data-output="queries_per_day"]')).to_have_text("63,100")
    busier = analyse(prices.model_copy(update={"queries_per_day": 63_100.0}), usages)
    expect(page.locator('[data-range="answer"]')).to_have_text(describe_ranges(busier.cheapest["answer"], "answer"))
    wait_until_shown(page, busier)
    assert curves(page, "chart-roi-months") == [
        pytest.approx([split.total_usd for split in costs.cumulative]) for costs in busier.arms.values()
    ]

    # Colours that change draw the charts anew, with the same curves.
    before = curves(page, "chart-roi-months")
    page.emulate_media(color_scheme="dark")
    assert curves(page, "chart-roi-months") == before
    page.emulate_media(color_scheme="light")

    page.locator('[data-control="retraining_interval_months"]').fill("0")
    expect(page.locator('[data-output="retraining_interval_months"]')).to_have_text("never again")
    page.locator('[data-control="with_adapter.usd_per_server_hour"]').fill("1000")
    expect(page.locator('[data-output="with_adapter.usd_per_server_hour"]')).to_have_text("$10.00")
    dearer = prices.with_adapter.model_copy(update={"usd_per_server_hour": 10.0})
    changes = {"queries_per_day": 63_100.0, "retraining_interval_months": None, "with_adapter": dearer}
    wait_until_shown(page, analyse(prices.model_copy(update=changes), usages))

    page.get_by_role("button", name="Back to the prices of the config").click()
    wait_until_shown(page, report)
    assert page.locator('[data-output="queries_per_day"]').text_content() == "5,000"


def test_an_hourly_price_replaces_the_monthly_one_it_is_moved_from(
    page: Page, opened: Callable[[PriceSettings, list[ArmUsage]], RoiReport]
) -> None:
    prices = some_prices(with_adapter=ServingPrices(usd_per_server_month=730.0))
    usages = varied_usages()
    opened(prices, usages)
    assert page.locator('[data-output="with_adapter.usd_per_server_hour"]').text_content() == "$1.00"
    page.locator('[data-control="with_adapter.usd_per_server_hour"]').fill("500")
    hourly = ServingPrices(usd_per_server_hour=1.25)
    wait_until_shown(page, analyse(prices.model_copy(update={"with_adapter": hourly}), usages))


def test_both_charts_are_drawn_with_one_curve_an_arm(
    page: Page, opened: Callable[[PriceSettings, list[ArmUsage]], RoiReport]
) -> None:
    opened(some_prices(), varied_usages())
    expect(page.locator(".chart.js-plotly-plot")).to_have_count(2)
    expect(page.locator("#chart-roi-queries .scatterlayer .trace")).to_have_count(4)
    # No table or chart is wider than the page.
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_zero_prices_make_a_page_without_a_complaint(
    page: Page, opened: Callable[[PriceSettings, list[ArmUsage]], RoiReport]
) -> None:
    report = opened(PriceSettings(), varied_usages())
    assert shown(page) == expected_text(report)


def shown(page: Page) -> dict[str, str]:
    """The texts that follow the sliders, by what they are."""
    script = """() => Object.fromEntries(["cost", "month", "queries"].flatMap((kind) =>
        [...document.querySelectorAll(`[data-${kind}]`)].map((cell) =>
            [`${kind} ${cell.dataset[kind]}`, cell.textContent.replace(/\\s+/g, " ").trim()])))"""
    texts: dict[str, str] = page.evaluate(script)
    return texts


def expected_text(report: RoiReport) -> dict[str, str]:
    view = describe_roi(report)
    costs = {
        f"cost {figure}:{arm['arm']}": f"{arm[key]} {arm[f'{key}_interval']}"
        for arm in view["arms"]
        for figure, key in (
            ("usd_per_query", "per_query"),
            ("usd_per_correct_answer", "per_correct"),
            ("total_usd", "total"),
        )
    }
    rows = [row for rows in view["break_evens"].values() for row in rows]
    return {
        **costs,
        **{f"month {row['id']}": row["month"] for row in rows},
        **{f"queries {row['id']}": row["queries"] for row in rows},
    }


def wait_until_shown(page: Page, report: RoiReport) -> None:
    costs = next(iter(describe_roi(report)["arms"]))
    first = page.locator(f'[data-cost="total_usd:{costs["arm"]}"]')
    expect(first).to_have_text(f"{costs['total']} {costs['total_interval']}")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert shown(page) == expected_text(report)


def curves(page: Page, chart: str) -> list[list[float]]:
    drawn: list[list[float]] = page.evaluate(
        "(id) => document.getElementById(id).data.map((trace) => [...trace.y])", chart
    )
    return drawn
