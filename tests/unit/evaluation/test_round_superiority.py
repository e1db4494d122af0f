"""A round is tested on its own answers, at the level that the rounds decided before it have left."""

from pathlib import Path

import pytest
from example_decisions import gate_evidence, promotion_decision
from example_models import BASE, adapter
from example_superiority import not_proven, superiority

from tasks.config import Config
from tasks.evaluation.round_superiority import paired_scores, prove_superiority
from tasks.evaluation.superiority import next_level
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import AnswerRow, ArmReport, ModelVersion, SuperiorityTest
from tasks.rounds import write_stage

CHAMPION = ModelVersion(name="demo", version=1, base=BASE)
CONFIG = Config(root=Path(), name="demo", questions="questions.jsonl")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def row(arm: str, question: str, score: float) -> AnswerRow:
    return AnswerRow(question_id=question, arm=arm, question="?", reference="r", answer="a", metrics={"rouge_l": score})


def report(home: Home, number: int, gains: list[float], test_set: str = "d") -> ArmReport:
    rows = [row("base", str(place), 0.1) for place in range(len(gains))]
    rows += [row("champion", str(place), 0.2) for place in range(len(gains))]
    rows += [row("challenger", str(place), 0.2 + gain) for place, gain in enumerate(gains)]
    return ArmReport(
        domain="demo",
        round=number,
        questions=len(gains),
        test_set_sha256=test_set * 64,
        arms={},
        comparisons=(),
        challenger=adapter(round=number),
        champion=CHAMPION,
        answers=write_rows(home.objects, rows),
    )


def decide_round(home: Home, number: int, test: SuperiorityTest, test_set: str = "d") -> None:
    """A round that was evaluated and decided."""
    folder = home.round("demo", number)
    write_stage(folder, "evaluate", "key", report(home, number, [0.0], test_set))
    decision = promotion_decision(CHAMPION, CHAMPION, round=number, evidence=gate_evidence(superiority=test))
    write_stage(folder, "promote", "key", decision)


def test_the_first_round_of_a_domain_has_the_first_level_and_an_unseen_test_set(home: Home):
    test = prove_superiority(CONFIG, home, report(home, 1, [0.3] * 40))
    assert (test.metric, test.questions, test.earlier, test.exposures) == ("rouge_l", 40, (), 0)
    assert test.level == next_level(0.05, [])
    assert test.held
    assert test.proven_gain is not None
    assert 0.1 < test.proven_gain < 0.3


def test_rounds_decided_before_count_by_what_was_found_whether_or_not_they_promoted(home: Home):
    decide_round(home, 1, not_proven())
    decide_round(home, 2, superiority(), "e")
    test = prove_superiority(CONFIG, home, report(home, 3, [0.0] * 40))
    assert test.earlier == (False, True)
    assert test.level == next_level(0.05, [False, True])
    assert test.exposures == 1
    assert not test.held


def test_a_round_decided_again_after_a_kill_is_tested_as_it_was(home: Home):
    decide_round(home, 1, not_proven())
    opened = report(home, 2, [0.3] * 40)
    before = prove_superiority(CONFIG, home, opened)
    decide_round(home, 2, before)
    assert prove_superiority(CONFIG, home, opened) == before


def test_a_gain_that_is_not_worth_a_promotion_is_not_held(home: Home):
    careful = CONFIG.model_copy(update={"promote": CONFIG.promote.model_copy(update={"minimum_effect": 0.29})})
    found = report(home, 1, [0.3] * 40)
    assert prove_superiority(CONFIG, home, found).held
    assert not prove_superiority(careful, home, found).held


def test_without_questions_nothing_is_proven(home: Home):
    test = prove_superiority(CONFIG, home, report(home, 1, []))
    assert (test.p_value, test.held, test.proven_gain) == (1.0, False, None)


def test_only_questions_that_challenger_and_champion_answered_are_paired():
    rows = [row("champion", "1", 0.2), row("challenger", "1", 0.5), row("challenger", "2", 0.9), row("base", "2", 0.0)]
    assert paired_scores(rows, "rouge_l") == pytest.approx([0.3])
