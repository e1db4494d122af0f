"""A judge is heard when it is trusted and people's labels correct it; its own word never decides a promotion."""

from typing import Any

import pytest
from example_decisions import gate_evidence

from tasks.files import canonical_json
from tasks.gate.certificate import decide
from tasks.gate.preference import preferred_by_judges
from tasks.records import JudgedPreference, JudgedWinRate, JudgeStanding
from tasks.settings.evaluation import PromoteSettings

TRUSTED = JudgeStanding(trusted=True, kappa=0.62, why="judge:a counts in full.")
LOST = JudgeStanding(
    trusted=False, kappa=0.11, why="judge:a is left out of training and decides no promotion: its kappa is 0.11."
)


def rate(low: float = 0.55, high: float = 0.75, **changes: Any) -> JudgedWinRate:
    fields: dict[str, Any] = {
        "mean": (low + high) / 2,
        "ci95": (low, high),
        "corrected": True,
        "labelled": 20,
        "judged": 50,
        "naive": 0.9,
        "naive_ci95": (0.8, 0.95),
        "evidence": True,
    }
    return JudgedWinRate(**fields | changes)


def judged(standing: JudgeStanding | None = TRUSTED, **rates: JudgedWinRate) -> JudgedPreference:
    found = {f"judge:{name}": each for name, each in (rates or {"a": rate()}).items()}
    standings = dict.fromkeys(found, standing) if standing else {}
    return JudgedPreference(rates=found, standings=standings, fewest_labels=5)


def test_a_trusted_judges_corrected_interval_above_one_half_passes():
    check = preferred_by_judges(judged(), 0.0)
    assert check.passed
    assert check.sentence == (
        "judge:a prefers the challenger: win rate 0.650 (95 % interval 0.550 to 0.750, over 0.5 needed), corrected by "
        "people on 20 of 50 questions."
    )
    assert check.evidence["best"] == "judge:a"
    assert canonical_json(check)


@pytest.mark.parametrize(("low", "margin", "passed"), [(0.5, 0.0, False), (0.51, 0.0, True), (0.45, 0.1, True)])
def test_the_whole_interval_must_lie_above_one_half_less_the_margin(low: float, margin: float, passed: bool):
    assert preferred_by_judges(judged(a=rate(low)), margin).passed == passed


def test_a_judge_that_lost_its_kappa_blocks_and_is_named_with_it():
    check = preferred_by_judges(judged(LOST), 0.0)
    assert not check.passed
    assert check.sentence == (
        "No judge's win rate is evidence: judge:a is left out of training and decides no promotion: its kappa is 0.11; "
        "ask people for labels (human_feedback), or set promote.judged to false."
    )


@pytest.mark.parametrize(
    "changes", [{"corrected": False, "labelled": 0}, {"labelled": 4}, {"corrected": False, "labelled": 20}]
)
def test_what_people_have_not_corrected_is_no_evidence_however_trusted_the_judge(changes: dict[str, Any]):
    check = preferred_by_judges(judged(a=rate(0.9, 0.99, **changes)), 0.0)
    assert not check.passed
    assert f"people labelled {changes['labelled']} of the comparisons of judge:a, and 5 are needed" in check.sentence


def test_of_several_judges_the_narrowest_interval_speaks():
    check = preferred_by_judges(judged(a=rate(0.2, 0.9), b=rate(0.6, 0.7)), 0.0)
    assert (check.passed, check.evidence["best"]) == (True, "judge:b")


@pytest.mark.parametrize(
    ("found", "why"),
    [(None, "name one in judges"), (judged(None), "judge:a has not been compared with people yet")],
)
def test_nobody_to_be_heard_blocks(found: JudgedPreference | None, why: str):
    check = preferred_by_judges(found, 1.0)
    assert not check.passed
    assert why in check.sentence


@pytest.mark.parametrize(("wanted", "failed"), [(False, []), (True, ["preferred_by_judges"])])
def test_judges_count_only_where_the_config_asks_for_them(wanted: bool, failed: list[str]):
    certificate = decide(gate_evidence(judged=judged(LOST)), PromoteSettings(judged=wanted))
    assert [check.name for check in certificate.checks if not check.passed] == failed
