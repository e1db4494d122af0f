"""What comes from outside is text on the page, whatever it looks like."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from example_decisions import gate_evidence, promotion_decision
from example_judges import NO_ROWS, POOR, calibrated_judges
from example_models import BASE
from example_skills import skill_test
from integration.evaluation.report_pages import EVIL, MakeRound, put_into_rows, render

from tasks.curation.summary import summarise_feedback
from tasks.evaluation.forgetting import LedgerRow, ledger
from tasks.evaluation.report_html import render_report
from tasks.evaluation.round_feedback import RoundFeedback
from tasks.records import ModelVersion

CHAMPION = ModelVersion(name="demo", version=1, base=BASE)


def judged_by(name: str) -> RoundFeedback:
    judges = [each.model_copy(update={"judge": name}) for each in calibrated_judges() if each.judge == POOR]
    return RoundFeedback(summary=summarise_feedback([], {}, [], NO_ROWS, 0, judges))


def forgotten(skill: str) -> Sequence[LedgerRow]:
    """A ledger with this skill's name in it."""
    evidence = gate_evidence(skills=(skill_test(skill=skill),))
    return ledger([promotion_decision(CHAMPION, CHAMPION, evidence=evidence)])


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
        lambda sample: {"ledger": forgotten(EVIL)},
    ],
    ids=["answer", "question", "reference", "contexts", "provenance", "domain", "curves", "judge", "skill"],
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
