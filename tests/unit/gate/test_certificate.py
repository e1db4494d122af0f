"""The certificate names every check, and promotes only when all of them passed."""

from typing import Any

import pytest
from example_decisions import gate_evidence
from example_superiority import not_proven, superiority
from hypothesis import given
from hypothesis import strategies as st

from tasks.files import canonical_json
from tasks.gate.certificate import decide
from tasks.records import GateEvidence
from tasks.settings.evaluation import PromoteSettings


def test_a_challenger_that_is_proven_better_and_the_same_model_passes():
    certificate = decide(gate_evidence(), PromoteSettings())
    assert certificate.passed
    assert [check.sentence for check in certificate.checks] == [
        "40 test questions are enough for a verdict (at least 30 needed).",
        "The challenger is better than champion on rouge_l: +0.0500 (95 % interval +0.0200 to +0.0800; 20 wins, "
        "15 ties, 5 losses on 40 test questions), p 0.0004, where test 1 of this domain allows 0.019 (0.05 for all "
        "tests together).",
        "The registered model is the model that was evaluated: loaded back, its logits differ by at most 0 (0.001 "
        "allowed).",
        "The champion is still version 1, with which the challenger was compared.",
        "Nobody has rolled back or rejected version 2.",
    ]


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"questions": 29}, "enough_test_questions"),
        ({"superiority": not_proven()}, "better_than_champion"),
        ({"max_logit_difference": 0.1}, "same_model"),
        ({"max_logit_difference": None}, "same_model"),
        ({"champion_now": 7}, "same_champion"),
        ({"taken_back": "rejected (2026-11-23T07:00:00+00:00 rejected by ann)"}, "not_taken_back"),
    ],
)
def test_one_failed_check_blocks_and_is_named(changes: dict[str, Any], failed: str):
    certificate = decide(gate_evidence(**changes), PromoteSettings())
    assert not certificate.passed
    assert [check.name for check in certificate.checks if not check.passed] == [failed]


@given(questions=st.integers(0, 200), needed=st.integers(1, 200))
def test_too_few_questions_never_pass_however_good_the_proof(questions: int, needed: int):
    evidence = gate_evidence(questions=questions, superiority=superiority(p_value=1e-12))
    assert decide(evidence, PromoteSettings(min_test_questions=needed)).passed == (questions >= needed)


@given(p_value=st.floats(0.0, 1.0), level=st.floats(0.0, 1.0))
def test_the_decision_is_the_same_when_it_is_made_again_from_what_was_written_down(p_value: float, level: float):
    evidence = gate_evidence(superiority=superiority(p_value=p_value, level=level))
    again = GateEvidence.model_validate_json(canonical_json(evidence))
    assert decide(again, PromoteSettings()) == decide(evidence, PromoteSettings())
