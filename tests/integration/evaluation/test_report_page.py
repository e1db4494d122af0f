"""The page of a report: its parts, what is left out where there is nothing to show, and what is cut."""

import math
import re
from pathlib import Path

from integration.evaluation.report_pages import MakeRound, put_into_rows, render

from tasks.evaluation.report import write_report


def test_the_page_has_its_parts_and_fetches_nothing(make_round: MakeRound) -> None:
    page = render(make_round())
    for part in (
        "Promoted",
        "How each arm scores",
        'id="chart-scores"',
        'id="chart-differences"',
        'id="chart-questions"',
        'id="chart-training-sft"',
        'id="chart-training-dpo"',
        "Certificate",
        "Biggest wins",
        "Biggest losses",
        "Typical",
        "How to read this",
        "Speed and tokens",
        "c2da93e5b1f0d7a4e9a2c6d3",
        "versions.torch",
        "320 demonstrations (SFT) and 148 preference pairs (DPO): 48,213 tokens in 4 min 24 s",
    ):
        assert part in page, part
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(""", page)


def test_the_page_says_how_many_test_questions_a_program_wrote(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    told = "of the test questions synthetic"
    assert f"3 {told}" in render(sample, provenance={**sample.provenance, "synthetic_test_questions": 3})
    assert told not in render(sample, provenance={**sample.provenance, "synthetic_test_questions": 0})


def test_every_check_is_listed_as_passed_or_failed(make_round: MakeRound) -> None:
    page = render(make_round(skill={"base": 0.15, "champion": 0.4, "challenger": 0.2}, needed=200))
    assert (page.count("✗ Failed"), page.count("✓ Passed")) == (2, 1)


def test_without_comparisons_their_chart_and_table_are_left_out(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    page = render(sample, report=sample.report.model_copy(update={"comparisons": ()}))
    assert 'id="chart-differences"' not in page
    assert "Paired comparisons" not in page


def test_every_table_and_chart_can_be_read_without_seeing_it(make_round: MakeRound) -> None:
    page = render(make_round())
    assert all("scope=" in header for header in re.findall(r"<th\b[^>]*>", page))
    charts = re.findall(r'<div class="chart"[^>]*>', page)
    assert len(charts) == 5
    assert all('role="img"' in chart and re.search(r'aria-label="[^"]{20,}"', chart) for chart in charts)


def test_the_best_mean_of_a_row_is_bold_and_only_that(make_round: MakeRound) -> None:
    page = render(make_round(skill={"base": 0.0, "champion": 0.3, "challenger": 0.9}))
    row = page[page.index('<th scope="row">ROUGE-L</th>') :]
    cells = re.findall(r"<td.*?</td>", row, flags=re.DOTALL)[:3]
    assert ["<strong>" in cell for cell in cells] == [False, False, True]


def test_without_scores_curves_or_decision_the_page_leaves_their_parts_out(make_round: MakeRound) -> None:
    sample = make_round(questions=6)
    bare = put_into_rows(sample, "metrics", {})
    adapter = sample.report.challenger.model_copy(update={"preference_pairs": 0})
    report = sample.report.model_copy(update={"challenger": adapter})
    page = render(sample, **bare, curves={"sft": []}, decision=None, report=report)
    assert "Not decided" in page
    assert "The first questions" in page
    assert "no preference pairs, so without DPO" in page
    for part in ('id="chart-questions"', 'id="chart-training-sft"', "<h2>Certificate"):
        assert part not in page


def test_a_training_with_kto_is_told_as_such(make_round: MakeRound) -> None:
    sample = make_round(questions=6)
    adapter = sample.report.challenger.model_copy(update={"preference_pairs": 0, "rated_answers": 90})
    report = sample.report.model_copy(update={"challenger": adapter})
    page = render(sample, curves={"kto": [(1, 0.5), (2, 0.4)]}, report=report)
    assert "and 90 single answers, good or bad (KTO)" in page
    assert "KTO loss" in page and "DPO" not in page


def test_a_first_round_says_that_the_champion_is_the_base_and_compares_once(make_round: MakeRound) -> None:
    sample = make_round(questions=40)
    arms = dict(sample.report.arms)
    arms["champion"] = arms["base"]
    page = render(sample, report=sample.report.model_copy(update={"arms": arms}))
    assert "still the base model itself" in page
    assert "Challenger against champion" in page
    assert "against base" not in page


def test_losses_that_are_not_finite_are_counted_and_not_drawn(make_round: MakeRound) -> None:
    page = render(make_round(questions=5), curves={"sft": [(1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0)]})
    assert "Not drawn: 2 points that had no finite loss." in page
    assert "NaN" not in page
    only_nan = render(make_round(questions=5), curves={"sft": [(1, math.nan)]})
    assert 'id="chart-training-sft"' not in only_nan


def test_no_answers_at_all_still_give_a_page(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    page = render(sample, answers=(), curves={}, provenance={})
    assert "What they said" not in page


def test_very_long_answers_are_cut_in_the_page_only(make_round: MakeRound, tmp_path: Path) -> None:
    sample = make_round(questions=5)
    long = put_into_rows(sample, "answer", "word " * 5000)["answers"]
    assert "[…]" in render(sample, answers=long)
    write_report(tmp_path, sample.report, sample.decision, long, {}, {})
    assert "word " * 5000 in (tmp_path / "answers.jsonl").read_text()
