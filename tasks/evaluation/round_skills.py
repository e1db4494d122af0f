"""The skills of a round: its challenger beside the champion and all champions before it, from what they answered."""

from collections.abc import Iterable, Iterator, Mapping

from tasks.config import Config
from tasks.domain.loading import frozen_test_set
from tasks.domain.skills import slice_members
from tasks.evaluation.forgetting import Asked, Known, LedgerRow, Skill, ledger, measure_loss
from tasks.evaluation.superiority import LARGEST_DIFFERENCE
from tasks.files import read_rows
from tasks.home import Home
from tasks.records import KEEPS, REFUSES, AnswerRow, ArmReport, PromotionDecision, SkillAnswers, SkillTest
from tasks.registry import tracking
from tasks.rounds import Round, read_decisions, read_reports


def measure_skills(config: Config, home: Home, opened: Round, report: ArmReport) -> tuple[SkillTest, ...]:
    """The test of each skill: slices of the test set, then sets of their own; empty where there are no skills.

    Raises:
        IntegrityError: when answers or a round's records are damaged.
    """
    settings = config.promote
    if not settings.slices and not report.skills:
        return ()
    earlier = [other for other in read_reports(home, report.domain) if other.round < report.round]
    metric, level = settings.primary_metric, settings.regression_rate
    questions = frozen_test_set(home, opened.domain, config.evaluate.max_questions)
    tests = []
    if settings.slices:
        rows = _by_arm(home, report)
        champions = [
            Known(other.champion.version, _scores(_by_arm(home, other)["champion"], metric)) for other in earlier
        ]
        for name, members in slice_members(settings.slices, questions).items():
            skill = Skill(name, metric, settings.margin, LARGEST_DIFFERENCE.get(metric, 1.0))
            challenger, champion = (_of(_scores(rows[arm], metric), members) for arm in ("challenger", "champion"))
            known = Known(report.champion.version, champion)
            tests.append(measure_loss(skill, challenger, known, champions, level))
    margins = {skill.name: skill.margin or settings.margin for skill in config.skills}
    for answers in report.skills:
        measured = {"answer": metric, "instruction": KEEPS, "refusal": REFUSES}[answers.kind]
        margin = margins.get(answers.skill, settings.margin)
        skill = Skill(answers.skill, measured, margin, LARGEST_DIFFERENCE.get(measured, 1.0))
        rows = _split(read_rows(home.objects, answers.answers, AnswerRow))
        known = Known(report.champion.version, _scores(rows["champion"], measured))
        champions = list(_champions(home, earlier, answers, measured))
        tests.append(measure_loss(skill, _scores(rows["challenger"], measured), known, champions, level))
    return tuple(tests)


def read_ledger(home: Home, report: ArmReport, decision: PromotionDecision | None) -> tuple[LedgerRow, ...]:
    """Every round and skill so far, that of the decision last.

    Raises:
        IntegrityError: when a round's records are damaged.
    """
    before = read_decisions(home, report.domain, report.round)
    return ledger([*before, *([decision] if decision else [])])


def log_skills(config: Config, home: Home, report: ArmReport, tests: Iterable[SkillTest]) -> None:
    """Writes each skill's figures into the MLflow run that trained the challenger, where there are any.

    Raises:
        UnreachableError: when MLflow cannot be reached.
    """
    figures = {
        f"skills/{_metric_name(test.skill)}/{name}": value
        for test in tests
        for name, value in (
            (test.metric, test.challenger),
            ("from_champion", test.challenger - test.champion),
            ("from_best", test.challenger - test.reference),
        )
    }
    if figures:
        tracking.open_curve(config, home, report.challenger.mlflow_run_id)(0, figures)


def _champions(home: Home, earlier: Iterable[ArmReport], answers: SkillAnswers, metric: str) -> Iterator[Known]:
    """Those that were asked for the same skill in the same way."""
    for other in earlier:
        for asked in other.skills:
            if (asked.skill, asked.kind, asked.with_retrieval) == (answers.skill, answers.kind, answers.with_retrieval):
                rows = _split(read_rows(home.objects, asked.answers, AnswerRow))
                yield Known(other.champion.version, _scores(rows["champion"], metric))


def _by_arm(home: Home, report: ArmReport) -> Mapping[str, list[AnswerRow]]:
    return _split(read_rows(home.objects, report.answers, AnswerRow))


def _split(rows: Iterable[AnswerRow]) -> dict[str, list[AnswerRow]]:
    found: dict[str, list[AnswerRow]] = {"champion": [], "challenger": []}
    for row in rows:
        if row.arm in found:
            found[row.arm].append(row)
    return found


def _scores(rows: Iterable[AnswerRow], metric: str) -> dict[Asked, float]:
    return {(row.question_id, row.question, row.reference): row.metrics[metric] for row in rows}


def _of(scores: Mapping[Asked, float], members: set[str]) -> dict[Asked, float]:
    return {asked: score for asked, score in scores.items() if asked[0] in members}


def _metric_name(skill: str) -> str:
    """The skill's name in the letters that MLflow takes."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-.: ") else "_" for letter in skill)
