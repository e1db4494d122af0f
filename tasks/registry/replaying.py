"""Replaying a decision: the evidence is worked out again from the stored answers, and the gate decides again.

It comes to the same for any round, however many have followed: a round's level depends on earlier decisions alone.
What was measured on the machine of that time (logits of the reloaded model, speed and memory, who was champion), and
what judges and people had said by then, cannot be worked out again and is taken as it was written down.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from tasks.config import Config
from tasks.errors import IntegrityError
from tasks.evaluation.intervals import paired_difference
from tasks.evaluation.round_skills import measure_skills
from tasks.evaluation.round_superiority import prove_superiority
from tasks.files import read_rows, read_verified, sha256_of, sha256_of_directory
from tasks.gate.certificate import decide
from tasks.home import Home
from tasks.records import (
    WITH_RETRIEVAL,
    AnswerRow,
    ArmReport,
    Certificate,
    FileRef,
    GateEvidence,
    PairedDifference,
    PromotionDecision,
    Record,
)
from tasks.rounds import read_last, read_rounds
from tasks.settings.skills import SkillSettings
from tasks.training.adapters import ADAPTER_FILES

REPLAYED = ("questions", "comparison", "superiority", "compared_with", "skills")


_FROM_EARLIER_ROUNDS = ("superiority.earlier", "superiority.level", "superiority.exposures")


class ReplayedDecision(Record):
    """A decision that was made again, beside the one that is written down."""

    certificate: Certificate | None = Field(description="what the gate says now; None: it cannot be asked")
    replayed: tuple[str, ...] = Field(description="fields of the evidence worked out again from the stored answers")
    kept: tuple[str, ...] = Field(description="fields taken as they were written down")
    problems: tuple[str, ...] = Field(
        description="a sentence for each file that was altered, and for each figure that comes out differently"
    )

    @property
    def same(self) -> bool:
        """Whether it came to the same, from files that are what they were."""
        return not self.problems


def replay_decision(config: Config, home: Home, decision: PromotionDecision) -> ReplayedDecision:
    """The decision made again with the settings that it was made with.

    A file that is missing or altered is a problem of the replay, not an error.
    """
    problems: list[str] = []
    try:
        report = _read_report(home, decision, config.name)
        problems += _altered_files(home, decision, report, config.name)
        evidence = _replay_evidence(config, home, decision, report)
    except IntegrityError as error:
        return _replayed(None, [*problems, *(each for each in error.problems if each not in problems)])
    certificate = decide(evidence, decision.settings)
    problems += _differences(home, config.name, decision, evidence)
    if certificate != decision.certificate:
        then, now = _verdict(decision.certificate), _verdict(certificate)
        problems.append(
            f"{_path(home, config.name, decision)} says that the certificate {then}, and the replay that it {now}: the "
            "record of the decision, or what it rests on, was altered."
        )
    return _replayed(certificate, problems)


def describe_replay(replay: ReplayedDecision) -> list[str]:
    """The replay in lines of text."""
    if replay.same:
        return [
            "Replayed from the stored answers: the same certificate "
            f"({', '.join(replay.replayed)} worked out again; {', '.join(replay.kept)} as written down)."
        ]
    return ["NOT the same when replayed from the stored answers:", *(f"  {problem}" for problem in replay.problems)]


def _replayed(certificate: Certificate | None, problems: list[str]) -> ReplayedDecision:
    kept = tuple(name for name in GateEvidence.model_fields if name not in REPLAYED)
    return ReplayedDecision(certificate=certificate, replayed=REPLAYED, kept=kept, problems=tuple(problems))


def _read_report(home: Home, decision: PromotionDecision, domain: str) -> ArmReport:
    folder = home.round(domain, decision.round)
    report = read_last(folder, "evaluate", ArmReport)
    if report is None:
        raise IntegrityError(f"{folder / 'evaluate.json'} is missing: restore it from a backup.")
    return report


def _altered_files(home: Home, decision: PromotionDecision, report: ArmReport, domain: str) -> Iterator[str]:
    """A sentence for each file behind the report that is not what it was."""
    if sha256_of(report) != decision.report_sha256:
        path = home.round(domain, decision.round) / "evaluate.json"
        yield f"{path} was altered: it is not the report that was decided on ({decision.report_sha256[:12]})."
    for sha256 in sorted({reference.sha256 for reference in _file_references(report)}):
        try:
            read_verified(home.objects / f"{sha256}.jsonl", sha256)
        except IntegrityError as error:
            yield from error.problems
    adapter = home.adapters / report.challenger.sha256
    try:
        found = sha256_of_directory(adapter, ADAPTER_FILES)
    except OSError:
        yield f"{adapter} is missing or cannot be read: restore it from a backup."
    else:
        if found != report.challenger.sha256:
            yield f"{adapter} was altered: its weights are not those that were evaluated."


def _file_references(value: Any) -> Iterator[FileRef]:
    if isinstance(value, FileRef):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _file_references(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from (found for each in value.values() for found in _file_references(each))
    elif isinstance(value, tuple):
        yield from (found for each in value for found in _file_references(each))


def _replay_evidence(config: Config, home: Home, decision: PromotionDecision, report: ArmReport) -> GateEvidence:
    evidence, then = decision.evidence, _config_then(config, decision, report)
    rounds = (opened for opened, _ in read_rounds(home, config.name))
    opened = next((opened for opened in rounds if opened.number == decision.round), None)
    if opened is None:
        raise IntegrityError(f"{home.round(config.name, decision.round) / 'round.json'} is missing: restore it.")
    return evidence.model_copy(
        update={
            "questions": report.questions,
            "comparison": _compare(home, evidence, report, decision.settings.primary_metric),
            "superiority": prove_superiority(then, home, report),
            "compared_with": opened.champion.version,
            "skills": measure_skills(then, home, opened, report),
        }
    )


def _config_then(config: Config, decision: PromotionDecision, report: ArmReport) -> Config:
    """The config as far as the evidence depends on it; the file may say something else by now."""
    margins = {test.skill: test.margin for test in decision.evidence.skills}
    skills = tuple(
        SkillSettings(name=answers.skill, questions="-", margin=margins.get(answers.skill))
        for answers in report.skills
        if answers.skill != WITH_RETRIEVAL
    )
    evaluate = config.evaluate.model_copy(update={"max_questions": report.questions})
    return config.model_copy(update={"promote": decision.settings, "skills": skills, "evaluate": evaluate})


def _compare(home: Home, evidence: GateEvidence, report: ArmReport, metric: str) -> PairedDifference:
    scores: dict[str, list[float]] = {"challenger": [], "champion": []}
    for row in read_rows(home.objects, report.answers, AnswerRow):
        if row.arm in scores:
            scores[row.arm].append(row.metrics[metric])
    return paired_difference(
        scores["challenger"],
        scores["champion"],
        arm="challenger",
        against="champion",
        metric=metric,
        resamples=evidence.resamples,
        seed=evidence.seed,
    )


def _differences(home: Home, domain: str, decision: PromotionDecision, evidence: GateEvidence) -> Iterator[str]:
    """A sentence for each figure of the evidence that comes out differently."""
    then, now = decision.evidence.model_dump(mode="json"), evidence.model_dump(mode="json")
    for name, before, after in _unequal(then, now):
        path = _path(home, domain, decision)
        altered = f"{path} was altered"
        if name in _FROM_EARLIER_ROUNDS:
            altered = f"{path}, or a record of a round before it in {path.parents[1]}, was altered"
        yield f"{name} was {before} and comes to {after}: {altered}."


def _unequal(then: Any, now: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in then:
            yield from _unequal(then[key], now.get(key), f"{name}.{key}".lstrip("."))
    elif then != now:
        yield name, then, now


def _verdict(certificate: Certificate) -> str:
    failed = ", ".join(check.name for check in certificate.checks if not check.passed)
    return f"fails ({failed})" if failed else "passes"


def _path(home: Home, domain: str, decision: PromotionDecision) -> Path:
    return home.round(domain, decision.round) / "promote.json"
