"""Every skill must be kept, each with a check of its own that says on what it rests."""

from typing import Any

import pytest
from example_decisions import gate_evidence
from example_skills import skill_test

from tasks.files import canonical_json
from tasks.gate.certificate import decide
from tasks.gate.retention import not_worse_on
from tasks.settings.evaluation import PromoteSettings


@pytest.mark.parametrize(
    ("changes", "passed", "sentence"),
    [
        (
            {},
            True,
            "On unit=metres the challenger is proven to lose less than 0.1: +0.0200 rouge_l against version 1, the "
            "champion, on 60 questions, p 0.01 (0.05 allowed).",
        ),
        (
            {"p_value": 0.0501, "challenger": 0.45, "reference": 0.6, "reference_version": 3},
            False,
            "On unit=metres a loss of 0.1 is not ruled out: -0.1500 rouge_l against version 3, the best champion so "
            "far, on 60 questions, p 0.05 (0.05 allowed).",
        ),
        (
            {"p_value": 0.4, "questions": 12, "challenger": 0.5},
            False,
            "On unit=metres a loss of 0.1 is not ruled out (+0.0000 rouge_l against version 1, the champion, on 12 "
            "questions, p 0.4 (0.05 allowed)), and with equal answers it would take 43 questions: add some, raise the "
            "margin, or leave the skill out.",
        ),
    ],
)
def test_the_check_is_the_tests_and_says_what_it_rests_on(changes: dict[str, Any], passed: bool, sentence: str):
    check = not_worse_on(skill_test(**changes))
    assert (check.name, check.passed) == ("not_worse_on:unit=metres", passed)
    assert check.sentence == sentence
    assert canonical_json(check)


def test_one_skill_that_is_not_kept_blocks_a_challenger_that_is_proven_better():
    kept, lost = skill_test(skill="kept"), skill_test(skill="lost", p_value=0.3)
    certificate = decide(gate_evidence(skills=(kept, lost)), PromoteSettings())
    assert [check.name for check in certificate.checks if not check.passed] == ["not_worse_on:lost"]
