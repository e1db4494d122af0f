"""The page in a real browser without a network: charts are drawn, nothing complains, and no answer runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from example_judges import NO_ROWS, audited_judgements, calibrated_judges

from tasks.curation.summary import summarise_feedback
from tasks.evaluation.report import write_report
from tasks.evaluation.round_feedback import RoundFeedback

EVIL = "<script>alert(1)</script>"


def test_the_report_draws_every_chart_and_shows_a_script_as_text(
    make_round: Callable[..., Any], visit: Callable[[Path], Any], tmp_path: Path
) -> None:
    sample = make_round(questions=40, extra=[(f"What is {EVIL}?", "A script element.", f"It is {EVIL}, of course.")])
    learned_from = summarise_feedback([], {}, audited_judgements()[0], NO_ROWS, 0, calibrated_judges())
    page = write_report(
        tmp_path,
        sample.report,
        sample.decision,
        sample.answers,
        sample.provenance,
        sample.curves,
        feedback=RoundFeedback(summary=learned_from),
    )
    seen = visit(page)
    assert seen.console == ()
    drawn = seen.dom.count('class="chart js-plotly-plot"')
    assert drawn == page.read_text(encoding="utf-8").count('class="chart"') == 6
    assert 'class="main-svg"' in seen.dom
    assert seen.dom.count('class="point"') >= 40  # one bar a question
    assert EVIL not in seen.dom


def test_an_answer_that_looks_like_a_script_is_among_the_examples(
    make_round: Callable[..., Any], visit: Callable[[Path], Any], tmp_path: Path
) -> None:
    sample = make_round(questions=3, extra=[("What is it?", "A script element.", EVIL)])
    page = write_report(tmp_path, sample.report, sample.decision, sample.answers, {}, {})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</span>" in visit(page).dom


def test_a_script_that_got_into_the_page_does_not_run(
    make_round: Callable[..., Any], visit: Callable[[Path], Any], tmp_path: Path
) -> None:
    sample = make_round(questions=3)
    page = write_report(tmp_path, sample.report, sample.decision, sample.answers, {}, {})
    injected = "<script>document.title = 'taken over'</script></main>"
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", injected, 1), encoding="utf-8")
    seen = visit(page)
    assert "<title>taken over</title>" not in seen.dom
    assert "Content Security Policy" in "".join(seen.console)


def test_the_console_of_a_page_with_an_error_is_seen(visit: Callable[[Path], Any], tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text("<!doctype html><script>throw new Error('boom')</script>")
    assert "boom" in "".join(visit(page).console)
