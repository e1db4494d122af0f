"""The gate hears of judges what the round's own records say: corrected win rates, and each judge's standing."""

from pathlib import Path

from example_decisions import gate_evidence
from example_judges import NO_ROWS, POOR, RIGHT, calibrated_judges
from example_models import BASE, adapter
from example_records import comparison, judgement, question

from tasks.config import Config
from tasks.curation.summary import summarise_feedback
from tasks.evaluation.judged_preference import read_preference
from tasks.feedback import log
from tasks.files import canonical_json, write_atomically, write_rows
from tasks.gate.certificate import decide
from tasks.home import Home
from tasks.records import ArmReport, Certificate, FileRef, HeadToHead, ModelVersion

QUESTIONS = 40


def config(judged: bool = True) -> Config:
    return Config.model_validate(
        {"root": Path(), "name": "demo", "questions": "q.jsonl", "promote": {"judged": judged}}
    )


def evaluate(home: Home, judges: tuple[str, ...], labels: int) -> ArmReport:
    """A round in which the judges, and people on some of the questions, prefer the challenger throughout."""
    names = [f"q{number}" for number in range(QUESTIONS)]
    comparisons = [comparison("old", "new", question(name, split="test")) for name in names]
    verdicts = [judgement("old", "new", "b", by=judge, name=name) for judge in judges for name in names]
    said = [judgement("old", "new", "b", annotator="ann", name=name) for name in names[:labels]]
    log.append(home, log.for_tests("demo"), said)
    summary = summarise_feedback([], {}, [], NO_ROWS, 0, calibrated_judges())
    write_atomically(home.round("demo", 1) / "feedback.json", canonical_json(summary).encode())
    return ArmReport(
        domain="demo",
        round=1,
        questions=QUESTIONS,
        test_set_sha256="d" * 64,
        arms={},
        comparisons=(),
        challenger=adapter(),
        champion=ModelVersion(name="demo", version=1, base=BASE),
        answers=FileRef(sha256="e" * 64, rows=0),
        head_to_head=HeadToHead(
            comparisons=write_rows(home.objects, comparisons), equal=0, verdicts=write_rows(home.objects, verdicts)
        ),
    )


def certify(home: Home, judges: tuple[str, ...], labels: int) -> Certificate:
    found = read_preference(config(), home, evaluate(home, judges, labels))
    return decide(gate_evidence(judged=found), config().promote)


def failed(certificate: Certificate) -> list[str]:
    return [check.name for check in certificate.checks if not check.passed]


def test_a_trusted_judge_that_people_correct_lets_the_challenger_pass(home: Home):
    certificate = certify(home, (RIGHT, POOR), labels=20)
    assert failed(certificate) == []
    [check] = [check for check in certificate.checks if check.name == "preferred_by_judges"]
    assert check.evidence["best"] == RIGHT
    assert "people" not in check.evidence["rates"]


def test_a_judge_that_lost_its_kappa_blocks_by_name_whatever_it_and_people_say(home: Home):
    certificate = certify(home, (POOR,), labels=20)
    assert failed(certificate) == ["preferred_by_judges"]
    [check] = [check for check in certificate.checks if not check.passed]
    reason = "is left out of training and decides no promotion: its kappa with people is at most -0.04"
    assert f"{POOR} {reason}" in check.sentence
    assert check.evidence["standings"][POOR]["kappa"] < 0.4


def test_a_trusted_judges_own_word_is_no_evidence(home: Home):
    assert failed(certify(home, (RIGHT,), labels=0)) == ["preferred_by_judges"]


def test_nobody_is_asked_where_the_config_does_not_want_it(home: Home):
    assert read_preference(config(judged=False), home, evaluate(home, (RIGHT,), 20)) is None
