"""Which questions a report shows: biggest wins, biggest losses, and some in the middle.

All of them are in answers.jsonl. Here nothing is picked by hand or by chance: the same answers give the same examples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.evaluation.intervals import TIE
from tasks.records import AnswerRow

SHOWN_PER_GROUP = 3


@dataclass(frozen=True)
class QuestionAnswers:
    """One question with what every arm said.

    Attributes:
        answers: rows by arm, in the order the arms came.
        difference: challenger minus champion on the primary metric; None where either has no score.
    """

    question_id: str
    question: str
    reference: str
    answers: dict[str, AnswerRow]
    difference: float | None


@dataclass(frozen=True)
class ExampleGroup:
    """Examples under one heading."""

    title: str
    examples: tuple[QuestionAnswers, ...]


def group_by_question(rows: Iterable[AnswerRow], metric: str) -> list[QuestionAnswers]:
    """The rows gathered by question, in the order the questions first came."""
    by_question: dict[str, dict[str, AnswerRow]] = {}
    for row in rows:
        by_question.setdefault(row.question_id, {})[row.arm] = row
    return [_gather(question_id, answers, metric) for question_id, answers in by_question.items()]


def _gather(question_id: str, answers: dict[str, AnswerRow], metric: str) -> QuestionAnswers:
    first = next(iter(answers.values()))
    scores = [answers[arm].metrics.get(metric) if arm in answers else None for arm in ("challenger", "champion")]
    difference = scores[0] - scores[1] if scores[0] is not None and scores[1] is not None else None
    return QuestionAnswers(question_id, first.question, first.reference, answers, difference)


def sort_by_difference(questions: Iterable[QuestionAnswers]) -> list[tuple[float, QuestionAnswers]]:
    """The questions that have a difference, with it, from biggest win to biggest loss."""
    scored = [(question.difference, question) for question in questions if question.difference is not None]
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].question_id))


def choose_examples(questions: Sequence[QuestionAnswers]) -> list[ExampleGroup]:
    """Groups for the report, without empty ones and without a question twice.

    Typical are those nearest to the median difference. Without scores the first questions stand in.
    """
    ranked = sort_by_difference(questions)
    if not ranked:
        return [ExampleGroup("The first questions", tuple(questions[:SHOWN_PER_GROUP]))] if questions else []
    wins = [question for difference, question in ranked if difference > TIE][:SHOWN_PER_GROUP]
    losses = [question for difference, question in reversed(ranked) if difference < -TIE][:SHOWN_PER_GROUP]
    shown = {question.question_id for question in (*wins, *losses)}
    median = ranked[len(ranked) // 2][0]
    nearest = sorted(ranked, key=lambda pair: (abs(pair[0] - median), pair[1].question_id))
    typical = [question for _, question in nearest if question.question_id not in shown][:SHOWN_PER_GROUP]
    groups = [("Biggest wins", wins), ("Biggest losses", losses), ("Typical", typical)]
    return [ExampleGroup(title, tuple(examples)) for title, examples in groups if examples]
