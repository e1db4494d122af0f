"""What a benchmark asks: the frozen test set, and the questions that the documents do not answer."""

from dataclasses import dataclass

from tasks.config import Config
from tasks.domain.loading import frozen_test_set, unanswerable_test_set
from tasks.home import Home
from tasks.records import Domain, Question


@dataclass(frozen=True)
class Asked:
    """The questions of a benchmark.

    Attributes:
        questions: the frozen test set, on which answers are scored.
        unanswerable: those that the documents do not answer, on which abstention is.
    """

    questions: list[Question]
    unanswerable: list[Question]


def choose_questions(config: Config, home: Home, domain: Domain) -> Asked:
    """The domain's questions of either kind, at most `evaluate.max_questions` of each.

    Raises:
        IntegrityError: when the stored questions are missing or altered.
    """
    most = config.evaluate.max_questions
    return Asked(frozen_test_set(home, domain, most), unanswerable_test_set(home, domain, most))
