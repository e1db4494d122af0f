"""What judges and people said, in both reports: figures, doubts, win rates, and what it cost."""

import json
from pathlib import Path
from typing import Any

from example_judges import NEW, NO_ROWS, POOR, RIGHT, audited_judgements, calibrated_judges
from integration.evaluation.report_pages import EVIL, MakeRound, render

from tasks.curation.summary import summarise_feedback
from tasks.evaluation.report import report_json, write_report
from tasks.evaluation.round_feedback import RoundFeedback
from tasks.evaluation.round_win_rates import JudgedWinRate, RoundWinRates
from tasks.judging.budget import Spend
from tasks.judging.llm_judge import JudgingCounts
from tasks.judging.work import JudgeWork
from tasks.records import FileRef, HeadToHead


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


def test_a_judges_own_word_alone_is_shown_as_no_evidence_and_is_no_metric(
    make_round: MakeRound, tmp_path: Path
) -> None:
    sample = make_round(questions=6)
    alone = rate(corrected=False, evidence=False, labelled=0, mean=0.74, ci95=(0.64, 0.83))
    compared, feedback = compared_with(None, **{"judge:j": alone})
    report = sample.report.model_copy(update={"head_to_head": compared})
    write_report(tmp_path, report, sample.decision, sample.answers, {}, {}, feedback=feedback)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "j: uncorrected, for people labelled none of it. That is the judge&#39;s word alone" in page
    assert '<th scope="row">Win rate</th>' not in page
    values = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "win_rate" not in values["arms"]["challenger"]["metrics"]


def test_a_round_in_which_nothing_was_compared_has_no_section_on_it(make_round: MakeRound) -> None:
    page = render(make_round(questions=6))
    assert "<h2>Win rates</h2>" not in page and "<h2>What judges were asked</h2>" not in page
    values = report_json(make_round(questions=6).report, None, {})
    assert (values["win_rates"], values["judging"]) == (None, {"collect": {}, "evaluate": {}})
