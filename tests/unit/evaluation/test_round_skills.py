"""A round's skills are tested on its own answers, against the champions of all rounds, and a planted loss blocks."""

from pathlib import Path
from typing import Any

import pytest
from example_decisions import gate_evidence
from example_models import BASE, adapter

from tasks.config import Config
from tasks.evaluation.round_skills import measure_skills, read_ledger
from tasks.evaluation.round_superiority import prove_superiority
from tasks.files import write_rows
from tasks.gate.certificate import decide
from tasks.home import Home
from tasks.records import (
    REFUSES,
    AnswerRow,
    ArmReport,
    Certificate,
    Domain,
    FileRef,
    ModelVersion,
    Question,
    SkillAnswers,
)
from tasks.rounds import Round, write_stage

QUESTIONS = [
    Question(
        id=f"q{number}",
        question=f"Question {number}?",
        answer="r",
        family=f"f{number}",
        split="test",
        metadata={"unit": "metres" if number < 60 else "seconds"},
    )
    for number in range(160)
]


def config(**promote: Any) -> Config:
    fields = {"root": Path(), "name": "demo", "questions": "q.jsonl", "promote": {"slices": ["unit"], **promote}}
    return Config.model_validate({**fields, "skills": [{"name": "harm", "questions": "h.jsonl", "margin": 0.2}]})


def champion(version: int) -> ModelVersion:
    return ModelVersion(name="demo", version=version, base=BASE)


def opened(home: Home, number: int = 1) -> Round:
    domain = Domain(
        name="demo",
        questions=write_rows(home.objects, QUESTIONS),
        documents=FileRef(sha256="e" * 64, rows=0),
        train_questions=0,
        test_questions=len(QUESTIONS),
        shared_families=0,
    )
    return Round(number=number, domain=domain, champion=champion(number))


def row(arm: str, question: Question, score: float, metric: str = "rouge_l") -> AnswerRow:
    return AnswerRow(
        question_id=question.id,
        arm=arm,
        question=question.question,
        reference=question.answer or "",
        answer="a",
        metrics={metric: score},
    )


def answers(home: Home, *, metres: tuple[float, float], seconds: tuple[float, float]) -> FileRef:
    """Scores of champion and challenger on both slices."""
    rows = [
        row(arm, question, (metres if question.metadata["unit"] == "metres" else seconds)[place])
        for place, arm in enumerate(("champion", "challenger"))
        for question in QUESTIONS
    ]
    return write_rows(home.objects, [row("base", QUESTIONS[0], 0.0), *rows])


def refusals(home: Home, champion: int, challenger: int, **changes: Any) -> SkillAnswers:
    """How many of 30 questions each refuses."""
    rows = [
        row(arm, question, float(number < refused), REFUSES)
        for arm, refused in (("champion", champion), ("challenger", challenger))
        for number, question in enumerate(QUESTIONS[:30])
    ]
    fields = {"skill": "harm", "kind": "refusal", "with_retrieval": False, "questions": 30}
    return SkillAnswers.model_validate({**fields, "answers": write_rows(home.objects, rows), **changes})


def report(file: FileRef, *skills: SkillAnswers, number: int = 1) -> ArmReport:
    return ArmReport(
        domain="demo",
        round=number,
        questions=len(QUESTIONS),
        test_set_sha256="d" * 64,
        arms={},
        comparisons=(),
        challenger=adapter(round=number),
        champion=champion(number),
        answers=file,
        skills=skills,
    )


def certify(home: Home, found: ArmReport, wanted: Config) -> Certificate:
    skills = measure_skills(wanted, home, opened(home), found)
    evidence = gate_evidence(
        questions=found.questions, superiority=prove_superiority(wanted, home, found), skills=skills
    )
    return decide(evidence, wanted.promote)


def failed(certificate: Certificate) -> list[str]:
    return [check.name for check in certificate.checks if not check.passed]


def test_a_regression_in_one_slice_blocks_a_challenger_that_wins_on_average(home: Home):
    found = report(answers(home, metres=(0.6, 0.4), seconds=(0.2, 0.7)))
    certificate = certify(home, found, config())
    assert failed(certificate) == ["not_worse_on:unit=metres"]
    names = [check.name for check in certificate.checks]
    assert names[1:4] == ["better_than_champion", "not_worse_on:unit=metres", "not_worse_on:unit=seconds"]
    # Where nobody asks for slices, nobody sees it.
    assert failed(certify(home, found, config(slices=[]))) == []


def test_a_challenger_that_refuses_less_is_blocked_by_that_skills_name(home: Home):
    better = answers(home, metres=(0.4, 0.6), seconds=(0.4, 0.6))
    assert failed(certify(home, report(better, refusals(home, 25, 25)), config())) == []
    certificate = certify(home, report(better, refusals(home, 25, 10)), config())
    assert failed(certificate) == ["not_worse_on:harm"]
    [check] = [check for check in certificate.checks if not check.passed]
    assert (check.evidence["metric"], check.evidence["margin"], check.evidence["questions"]) == (REFUSES, 0.2, 30)


def test_the_best_champion_of_all_rounds_is_what_a_challenger_is_held_to(home: Home):
    first = report(answers(home, metres=(0.9, 0.86), seconds=(0.5, 0.5)), refusals(home, 30, 29))
    write_stage(home.round("demo", 1), "evaluate", "key", first)
    second = report(answers(home, metres=(0.86, 0.82), seconds=(0.5, 0.5)), refusals(home, 29, 29), number=2)
    tests = {test.skill: test for test in measure_skills(config(margin=0.12), home, opened(home, 2), second)}
    metres = tests["unit=metres"]
    assert (metres.champion, metres.reference, metres.reference_version) == (pytest.approx(0.86), pytest.approx(0.9), 1)
    assert (tests["unit=seconds"].reference_version, tests["harm"].reference_version) == (2, 1)
    # Against the second champion alone it would have passed.
    assert not metres.held
    (home.round("demo", 1) / "evaluate.json").unlink()
    assert all(test.held for test in measure_skills(config(margin=0.12), home, opened(home, 2), second))


def test_a_skill_asked_in_another_way_has_other_champions(home: Home):
    better = answers(home, metres=(0.4, 0.6), seconds=(0.4, 0.6))
    write_stage(home.round("demo", 1), "evaluate", "key", report(better, refusals(home, 30, 30, with_retrieval=True)))
    now = report(better, refusals(home, 20, 20), number=2)
    [harm] = [test for test in measure_skills(config(), home, opened(home, 2), now) if test.skill == "harm"]
    assert harm.reference_version == 2


def test_without_skills_nothing_is_read_and_the_ledger_is_empty(home: Home):
    missing = report(FileRef(sha256="f" * 64, rows=9))
    assert measure_skills(config(slices=[]), home, opened(home), missing) == ()
    assert read_ledger(home, missing, None) == ()
