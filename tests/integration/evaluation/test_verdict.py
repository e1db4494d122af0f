"""The banner: what was decided and why, in one sentence that a manager can repeat."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from example_models import paired_difference

from tasks.evaluation.report_text import state_verdict
from tasks.records import Approval

MakeRound = Callable[..., Any]


def test_a_promotion_is_announced_with_its_interval(make_round: MakeRound) -> None:
    sample = make_round()
    verdict = state_verdict(sample.report, sample.decision, "rouge_l")
    assert (verdict.tone, verdict.title, verdict.reasons) == ("promoted", "Promoted", ())
    assert re.fullmatch(
        r"The challenger beats the champion by \+0\.\d\d ROUGE-L \(95 % interval \+0\.\d\d to \+0\.\d\d\) "
        r"on 80 unseen questions\.",
        verdict.sentence,
    )


def test_a_refusal_gives_the_failed_checks_as_reasons(make_round: MakeRound) -> None:
    sample = make_round(skill={"base": 0.15, "champion": 0.4, "challenger": 0.2}, needed=200)
    verdict = state_verdict(sample.report, sample.decision, "rouge_l")
    assert (verdict.tone, verdict.title) == ("held", "Not promoted")
    assert verdict.sentence == "The champion stays, because 2 of 3 checks failed."
    assert [reason.split()[1] for reason in verdict.reasons] == ["test", "challenger"]


def test_a_challenger_the_registry_kept_back_is_not_called_promoted(make_round: MakeRound) -> None:
    sample = make_round()
    kept = sample.decision.model_copy(update={"promoted": False})
    verdict = state_verdict(sample.report, kept, "rouge_l")
    assert verdict.sentence == "The champion stays, because the registry kept it back."


@pytest.mark.parametrize(
    ("difference", "ci95", "words"),
    [
        (0.2, (0.1, 0.3), "beats the champion by +0.20"),
        (-0.2, (-0.3, -0.1), "falls behind the champion by −0.20"),
        (0.05, (-0.1, 0.2), "which chance alone could explain"),
        (0.0, (0.0, 0.0), "scores as the champion does"),
    ],
)
def test_without_a_decision_the_banner_says_what_was_measured(
    make_round: MakeRound, difference: float, ci95: tuple[float, float], words: str
) -> None:
    comparison = paired_difference(difference=difference, ci95=ci95)
    report = make_round(questions=5).report.model_copy(update={"comparisons": (comparison,)})
    verdict = state_verdict(report, None, "rouge_l")
    assert (verdict.tone, verdict.title) == ("open", "Not decided")
    assert words in verdict.sentence


def test_a_report_without_the_comparison_still_has_a_verdict(make_round: MakeRound) -> None:
    sample = make_round()
    bare = sample.report.model_copy(update={"comparisons": ()})
    assert state_verdict(bare, None, "rouge_l").sentence == "No promotion has been decided on these figures."
    assert state_verdict(bare, sample.decision, "rouge_l").sentence == "All 3 checks passed."


def test_what_waits_for_a_person_or_was_rejected_by_one_is_said_to(make_round: MakeRound) -> None:
    sample = make_round()
    asking = sample.decision.settings.model_copy(update={"approval": "approve"})
    waits = sample.decision.model_copy(update={"settings": asking, "promoted": False})
    verdict = state_verdict(sample.report, waits, "rouge_l")
    assert (verdict.tone, verdict.title) == ("open", "Waiting for approval")
    assert verdict.reasons == ("All 3 checks passed; the champion stays until a person approves.",)
    approval = Approval(approved=False, by="ann", at=datetime(2026, 11, 23, 7, tzinfo=UTC), through="command")
    verdict = state_verdict(sample.report, waits.model_copy(update={"approval": approval}), "rouge_l")
    assert (verdict.tone, verdict.title) == ("held", "Rejected")
    assert verdict.sentence.startswith("Rejected by ann with `ratchet approve` on 2026-11-23")
