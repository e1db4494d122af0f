"""The test of a round: is its challenger better than the champion, and how often has that been asked before?"""

from collections.abc import Iterable

from tasks.config import Config
from tasks.evaluation.superiority import LARGEST_DIFFERENCE, next_level, proven_gain, superiority_p_value
from tasks.files import read_rows
from tasks.home import Home
from tasks.records import AnswerRow, ArmReport, SuperiorityTest
from tasks.rounds import read_decisions, read_reports


def prove_superiority(config: Config, home: Home, report: ArmReport) -> SuperiorityTest:
    """The test on the round's answers, at the level that the rounds decided before it leave.

    Every decided round counts as a test, whatever it compared: what was seen of the test set can't be unseen.

    Raises:
        IntegrityError: when the answers or a round's records are damaged.
    """
    settings = config.promote
    differences = paired_scores(read_rows(home.objects, report.answers, AnswerRow), settings.primary_metric)
    largest = LARGEST_DIFFERENCE.get(settings.primary_metric, 1.0)
    earlier = tuple(
        decision.evidence.superiority.held for decision in read_decisions(home, report.domain, report.round)
    )
    level = next_level(settings.error_rate, earlier)
    used = [other for other in read_reports(home, report.domain) if other.round < report.round]
    return SuperiorityTest(
        metric=settings.primary_metric,
        questions=len(differences),
        minimum_effect=settings.minimum_effect,
        p_value=superiority_p_value(differences, settings.minimum_effect, largest),
        level=level,
        error_rate=settings.error_rate,
        earlier=earlier,
        exposures=sum(other.test_set_sha256 == report.test_set_sha256 for other in used),
        proven_gain=proven_gain(differences, level, largest),
    )


def paired_scores(rows: Iterable[AnswerRow], metric: str) -> list[float]:
    """Challenger minus champion on the metric, for each question that both answered."""
    scores: dict[str, dict[str, float]] = {"challenger": {}, "champion": {}}
    for row in rows:
        if row.arm in scores:
            scores[row.arm][row.question_id] = row.metrics[metric]
    champion = scores["champion"]
    return [score - champion[question] for question, score in scores["challenger"].items() if question in champion]
