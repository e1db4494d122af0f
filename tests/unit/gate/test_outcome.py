"""What became of a challenger is said in the same words everywhere."""

from datetime import UTC, datetime
from typing import Any

import pytest
from example_decisions import gate_evidence, promotion_decision
from example_models import BASE, adapter
from example_superiority import not_proven

from tasks.gate.outcome import describe_approval, describe_outcome, describe_request, title_outcome
from tasks.records import Approval, ModelVersion, PromotionDecision
from tasks.settings.evaluation import PromoteSettings

CHAMPION = ModelVersion(name="demo", version=1, base=BASE)
CHALLENGER = ModelVersion(name="demo", version=2, base=BASE, adapter=adapter())
ASKING = PromoteSettings(approval="approve")
AT = datetime(2026, 11, 23, 7, 5, tzinfo=UTC)


def said(approved: bool, carried_out: bool = True) -> dict[str, Any]:
    approval = Approval(approved=approved, by="ann", at=AT, through="command", carried_out=carried_out)
    return {"settings": ASKING, "approval": approval}


def decided(**changes: Any) -> PromotionDecision:
    return promotion_decision(CHALLENGER, CHAMPION, **changes)


@pytest.mark.parametrize(
    ("changes", "title", "outcome"),
    [
        ({}, "Promoted", "promoted: version 2 is the champion, in place of version 1"),
        (
            {"evidence": gate_evidence(superiority=not_proven()), "settings": ASKING},
            "Not promoted",
            "not promoted: version 1 stays the champion; the challenger is version 2",
        ),
        (
            {"settings": ASKING},
            "Waiting for approval",
            "waiting for approval: version 2 passed every check; version 1 is the champion until then",
        ),
        (
            {**said(True), "promoted": True},
            "Promoted",
            "promoted: version 2 is the champion, in place of version 1, approved by ann",
        ),
        (
            said(False),
            "Not promoted",
            "not promoted: version 1 stays the champion; the challenger is version 2, rejected by ann",
        ),
        (
            said(True),
            "Not promoted",
            "not promoted: version 1 stays the champion; the challenger is version 2, approved by ann too late",
        ),
        (
            said(True, carried_out=False),
            "Not promoted",
            "not promoted: version 1 stays the champion; the challenger is version 2, approved by ann, which the next "
            "command carries out",
        ),
    ],
)
def test_each_outcome_has_its_words(changes: dict[str, Any], title: str, outcome: str):
    decision = decided(**changes)
    assert (title_outcome(decision), describe_outcome(decision)) == (title, outcome)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Approved by ann with `ratchet approve` on 2026-11-23 at 07:05 UTC, without a reason."),
        (
            {"approved": False, "through": "form", "reason": "too\n wordy"},
            "Rejected by ann in Prefect's form on 2026-11-23 at 07:05 UTC: too wordy.",
        ),
    ],
)
def test_who_said_what_when_how_and_why_is_one_sentence(changes: dict[str, Any], sentence: str):
    fields = {"approved": True, "by": "ann", "at": AT, "through": "command"} | changes
    assert describe_approval(Approval(**fields)) == sentence


def test_a_person_is_shown_effect_interval_and_every_check():
    decision = decided(settings=ASKING)
    request = describe_request(decision)
    assert request.startswith("# Shall version 2 of demo become the champion?\n")
    assert "rouge_l +0.0500 against version 1, the champion (95 % interval +0.0200 to +0.0800; 20 wins" in request
    assert all(f"- **{check.name}** passed: {check.sentence}" in request for check in decision.certificate.checks)


@pytest.mark.parametrize("approval", ["auto", "approve"])
def test_only_what_passed_where_people_are_asked_waits(approval: Any):
    settings = PromoteSettings(approval=approval)
    assert decided(settings=settings).waits is (approval == "approve")
    assert not decided(settings=settings, evidence=gate_evidence(champion_now=7)).waits
    assert not decided(settings=settings, promoted=True).waits
