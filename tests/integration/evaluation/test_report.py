"""The three files of a report: the contract's keys, the words of the verdict, and text that stays text."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from example_judges import NEW, NO_ROWS, POOR, RIGHT, audited_judgements, calibrated_judges

from tasks.curation.summary import summarise_feedback
from tasks.errors import HomeError
from tasks.evaluation.report import report_json, write_report
from tasks.evaluation.report_html import render_report
from tasks.evaluation.round_feedback import RoundFeedback
from tasks.evaluation.round_win_rates import JudgedWinRate, RoundWinRates
from tasks.judging.budget import Spend
from tasks.judging.llm_judge import JudgingCounts
from tasks.judging.work import JudgeWork
from tasks.records import AnswerRow, FileRef, HeadToHead

MakeRound = Callable[..., Any]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7 * 7 }} </script>"


def render(sample: Any, **changes: Any) -> str:
    """The page of a sample round without plotly.js, which is long and not ours."""
    page = render_report(**{**vars(sample), **changes}, primary_metric="rouge_l")
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", page, flags=re.DOTALL)


def write(sample: Any, folder: Path) -> Path:
    return write_report(folder, sample.report, sample.decision, sample.answers, sample.provenance, sample.curves)


# --- report.json and answers.jsonl -------------------------------------------------------------------


def test_report_json_has_exactly_the_keys_of_the_contract(make_round: MakeRound) -> None:
    sample = make_round()
    values = report_json(sample.report, sample.decision, sample.provenance)
    assert list(values) == [
        "schema",
        "domain",
        "round",
        "questions",
        "arms",
        "comparisons",
        "win_rates",
        "decision",
        "feedback",
        "judging",
        "provenance",
    ]
    assert (values["schema"], values["domain"], values["round"], values["questions"]) == (1, "python-stdlib", 4, 80)
    assert list(values["arms"]) == ["base", "champion", "challenger"]
    for arm in values["arms"].values():
        assert list(arm) == ["metrics", "tokens", "latency_s"]
        assert set(arm["metrics"]) == {"rouge_l", "rouge_l_recall", "token_overlap_recall", "semantic_similarity"}
        assert all(list(metric) == ["mean", "ci95"] and len(metric["ci95"]) == 2 for metric in arm["metrics"].values())
        assert list(arm["tokens"]) == ["prompt", "completion"]
        assert list(arm["latency_s"]) == ["p50", "p95"]
    assert values["decision"]["promoted"] is True
    assert [check["name"] for check in values["decision"]["certificate"]["checks"]][1] == "better_than_champion"
    assert values["provenance"] == sample.provenance


def test_without_a_decision_report_json_says_null(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    assert report_json(sample.report, None, {})["decision"] is None


def test_a_model_that_came_back_broken_is_reported_with_null_and_not_nan(make_round: MakeRound, tmp_path: Path) -> None:
    sample = make_round(questions=5)
    broken = sample.decision.model_copy(update={"max_logit_difference": math.nan})
    write_report(tmp_path, sample.report, broken, sample.answers, {}, {})
    assert json.loads((tmp_path / "report.json").read_text())["decision"]["max_logit_difference"] is None


def test_provenance_that_is_not_json_is_refused_before_anything_is_written(
    make_round: MakeRound, tmp_path: Path
) -> None:
    sample = make_round(questions=5)
    with pytest.raises(ValueError, match="Out of range float"):
        write_report(tmp_path / "out", sample.report, None, sample.answers, {"loss": math.nan}, {})
    assert not (tmp_path / "out").exists()


def test_the_folder_holds_three_files_and_every_answer(make_round: MakeRound, tmp_path: Path) -> None:
    sample = make_round(questions=12)
    page = write(sample, tmp_path / "new" / "folder")
    assert page == tmp_path / "new" / "folder" / "report.html"
    assert {path.name for path in page.parent.iterdir()} == {"report.json", "answers.jsonl", "report.html"}
    lines = (page.parent / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert tuple(AnswerRow.model_validate_json(line) for line in lines) == sample.answers
    assert {"question_id", "arm", "question", "reference", "answer", "contexts"} <= set(json.loads(lines[0]))
    written = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert written == report_json(sample.report, sample.decision, sample.provenance)


def test_the_same_round_gives_the_same_bytes(make_round: MakeRound, tmp_path: Path) -> None:
    pages = [write(make_round(questions=12), tmp_path / name) for name in ("a", "b")]
    for name in ("report.json", "answers.jsonl", "report.html"):
        first, second = ((page.parent / name).read_bytes() for page in pages)
        assert first == second


def test_a_folder_that_cannot_be_made_is_one_clear_error(make_round: MakeRound, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HomeError, match=r"report\.json failed"):
        write(make_round(questions=5), tmp_path / "file" / "report")


# --- the page ---------------------------------------------------------------------------------------


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


def judged_by(name: str) -> RoundFeedback:
    judges = [each.model_copy(update={"judge": name}) for each in calibrated_judges() if each.judge == POOR]
    return RoundFeedback(summary=summarise_feedback([], {}, [], NO_ROWS, 0, judges))


def put_into_rows(sample: Any, field: str, value: Any) -> Mapping[str, Any]:
    return {"answers": tuple(row.model_copy(update={field: value}) for row in sample.answers)}


@pytest.mark.parametrize(
    "change",
    [
        lambda sample: put_into_rows(sample, "answer", EVIL),
        lambda sample: put_into_rows(sample, "question", EVIL),
        lambda sample: put_into_rows(sample, "reference", EVIL),
        lambda sample: put_into_rows(sample, "contexts", (EVIL,)),
        lambda sample: {"provenance": {EVIL: {"deeper": EVIL}, "git_commit": EVIL}},
        lambda sample: {"report": sample.report.model_copy(update={"domain": EVIL})},
        lambda sample: {"curves": {EVIL: [(1, 0.5)]}},
        lambda sample: {"feedback": judged_by(EVIL)},
    ],
    ids=["answer", "question", "reference", "contexts", "provenance", "domain", "curves", "judge"],
)
def test_text_from_outside_is_shown_as_text(make_round: MakeRound, change: Callable[[Any], Mapping[str, Any]]) -> None:
    sample = make_round(questions=8)
    page = render(sample, **change(sample))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "{{ 7 * 7 }}" in page
    assert "&lt;script&gt;alert(1)" in page or "\\u003cscript\\u003ealert(1)" in page


def test_a_question_in_a_hover_label_is_text_for_plotly_too(make_round: MakeRound) -> None:
    sample = make_round(questions=8)
    page = render(sample, **put_into_rows(sample, "question", '<a href="javascript:alert(1)">x</a>'))
    figures = re.findall(r'id="chart-questions-figure">(.*?)</script>', page, flags=re.DOTALL)
    [labels] = [json.loads(figure)["data"][0]["customdata"] for figure in figures]
    assert all(label.startswith("&lt;a href=&quot;javascript:") for label in labels)


def test_the_policy_names_the_hashes_of_exactly_the_scripts_in_the_page(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    page = render_report(**vars(sample), primary_metric="rouge_l")
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    [policy] = re.findall(r'Content-Security-Policy" content="(.*?)"', page)
    assert re.findall(r"sha256-([^&']+)&#39;", policy) == digests
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert len(scripts) == 2


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


def learned_from(people: str = "human") -> RoundFeedback:
    feedback, _ = audited_judgements(people)
    return RoundFeedback(summary=summarise_feedback([], {}, feedback, NO_ROWS, 0, calibrated_judges(people)))


def test_judges_are_shown_with_their_figures_their_doubts_and_a_chart(make_round: MakeRound) -> None:
    page = render(make_round(questions=6), feedback=learned_from())
    for part in (
        "<h2>Judges</h2>",
        'id="chart-judges"',
        '0.80 <span class="range">0.54 to 0.92</span>',
        "judge:local@0123456789ab is left out of training and decides no promotion: its kappa with people is at most",
        "judge:other@ba9876543210 counts at weight 0.25 in training and decides no promotion: it has not been compared",
    ):
        assert part in page, part
    assert "scripted annotator" not in page
    assert "No person has judged these comparisons" in render(make_round(questions=6), feedback=learned_from("oracle"))


def test_a_round_without_judges_has_no_section_on_them(make_round: MakeRound) -> None:
    people_only = [row for row in audited_judgements()[0] if row.source == "human"]
    summary = summarise_feedback([], {}, people_only, NO_ROWS, 0)
    page = render(make_round(questions=6), feedback=RoundFeedback(summary=summary))
    assert "<h2>Feedback</h2>" in page
    assert "<h2>Judges</h2>" not in page


def test_report_json_holds_the_calibrations_and_weights(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    feedback = report_json(sample.report, None, {}, learned_from())["feedback"]
    assert [each["judge"] for each in feedback["judges"]] == [POOR, NEW, RIGHT]
    assert feedback["judges"][2]["kappa"]["comparisons"] == 40
    assert {judge: weight["trusted"] for judge, weight in feedback["weights"].items()} == {
        POOR: False,
        NEW: False,
        RIGHT: True,
    }
    json.dumps(feedback, allow_nan=False)


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


# --- win rates and what judges were asked -------------------------------------------------------------


def rate(**changes: Any) -> JudgedWinRate:
    fields = {"mean": 0.61, "ci95": (0.52, 0.7), "corrected": True, "labelled": 20, "judged": 70, "naive": 0.74}
    return JudgedWinRate.model_validate({**fields, "naive_ci95": (0.64, 0.83), "evidence": True, **changes})


def compared_with(best: str | None, **rates: JudgedWinRate) -> tuple[HeadToHead, RoundFeedback]:
    """What was compared, and what was found by these sources."""
    rows = FileRef(sha256="c" * 64, rows=70)
    found = RoundWinRates(rates=rates, best=best, labels={"human": 20}, labels_sha256="d" * 64, last_label_at=None)
    spent = Spend(calls=140, comparisons=70, prompt_tokens=9_000, completion_tokens=1_000, cost_usd=0.25)
    counts = JudgingCounts(judged=70, kept=3, skipped={"refusal": 2, "budget": 8}, damaged=0, spent=spent)
    work = (JudgeWork(judge=f"judge:{EVIL}", stage="evaluate", counts=counts),)
    return HeadToHead(comparisons=rows, equal=10, verdicts=rows), RoundFeedback(win_rates=found, work=work)


def test_win_rates_and_the_judges_work_are_in_both_reports(make_round: MakeRound, tmp_path: Path) -> None:
    sample = make_round(questions=6)
    compared, feedback = compared_with("judge:j@0123456789ab", **{"judge:j@0123456789ab": rate(), "people": rate()})
    report = sample.report.model_copy(update={"head_to_head": compared})
    write_report(tmp_path, report, sample.decision, sample.answers, {}, {}, feedback=feedback)
    values = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    judged = values["win_rates"]["judge:j@0123456789ab"]
    assert (judged["mean"], judged["naive"], judged["labelled"], judged["corrected"]) == (0.61, 0.74, 20, True)
    assert values["arms"]["challenger"]["metrics"]["win_rate"] == {"mean": 0.61, "ci95": [0.52, 0.7]}
    assert "win_rate" not in values["arms"]["champion"]["metrics"]
    counts = values["judging"]["evaluate"][f"judge:{EVIL}"]
    assert (counts["judged"], counts["skipped"]["budget"], counts["spent"]["cost_usd"]) == (70, 8, 0.25)
    assert values["judging"]["collect"] == {}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for part in (
        "<h2>Win rates</h2>",
        '0.61 <span class="range">0.52 to 0.70</span>',
        '0.74 <span class="range">0.64 to 0.83</span>',
        "70 test questions with different answers; 10 questions with equal answers: ties.",
        "<h2>What judges were asked</h2>",
        "2 refusal, 8 budget",
        '<th scope="row">Win rate</th>',
    ):
        assert part in page, part
    assert EVIL not in page


def test_a_judges_own_word_alone_is_shown_as_no_evidence_and_is_no_metric(make_round: MakeRound) -> None:
    sample = make_round(questions=6)
    alone = rate(corrected=False, evidence=False, labelled=0, mean=0.74, ci95=(0.64, 0.83))
    compared, feedback = compared_with(None, **{"judge:j": alone})
    report = sample.report.model_copy(update={"head_to_head": compared})
    page = render(sample, report=report, feedback=feedback)
    assert "j: uncorrected, for people labelled none of it. That is the judge&#39;s word alone" in page
    assert '<th scope="row">Win rate</th>' not in page
    assert "win_rate" not in report_json(report, None, {}, feedback)["arms"]["challenger"]["metrics"]


def test_a_round_in_which_nothing_was_compared_has_no_section_on_it(make_round: MakeRound) -> None:
    page = render(make_round(questions=6))
    assert "<h2>Win rates</h2>" not in page and "<h2>What judges were asked</h2>" not in page
    values = report_json(make_round(questions=6).report, None, {})
    assert (values["win_rates"], values["judging"]) == (None, {"collect": {}, "evaluate": {}})
