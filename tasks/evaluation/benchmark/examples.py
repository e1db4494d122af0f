"""Which questions the page shows: what retrieval and training gain, what they lose, and what no arm can answer.

All of them are in answers.jsonl. Here nothing is picked by hand or by chance: the same answers give the same examples.
"""

from collections.abc import Sequence

from tasks.evaluation.benchmark.groundedness import documents_behind
from tasks.evaluation.intervals import TIE
from tasks.evaluation.report_examples import SHOWN_PER_GROUP, QuestionAnswers, group_by_question
from tasks.evaluation.report_text import arm_label
from tasks.records import AnswerRow, BenchmarkAnswer


def example_groups(
    rows: Sequence[AnswerRow], arms: Sequence[str], metric: str, correct_from: float
) -> list[tuple[str, list[QuestionAnswers]]]:
    """Titles with their questions, without empty groups and without a question twice, or one without an answer.

    Gains and losses are those of the last arm against the first; with one arm its best answers are shown.
    """
    questions = group_by_question((row for row in rows if metric in row.metrics), metric)
    first, last = arms[0], arms[-1]

    def gain(question: QuestionAnswers) -> float:
        scores = [question.answers[arm].metrics[metric] for arm in (last, first)]
        return scores[0] - scores[1] if last != first else scores[0]

    ranked = sorted(questions, key=lambda question: (-gain(question), question.question_id))
    gains = [question for question in ranked if gain(question) > TIE][:SHOWN_PER_GROUP]
    losses = [question for question in reversed(ranked) if gain(question) < -TIE][:SHOWN_PER_GROUP]
    shown = {question.question_id for question in (*gains, *losses)}
    unsolved = [
        question
        for question in questions
        if question.question_id not in shown
        and all(row.metrics[metric] < correct_from for row in question.answers.values())
    ][:SHOWN_PER_GROUP]
    shown |= {question.question_id for question in unsolved}
    combined = [
        question
        for question in questions
        if question.question_id not in shown and any(map(_combines_documents, question.answers.values()))
    ][:SHOWN_PER_GROUP]
    title = f"{arm_label(last)} against {arm_label(first)}" if last != first else arm_label(last)
    groups = [
        (f"{title}: biggest gains" if last != first else f"{title}: best answers", gains),
        (f"{title}: biggest losses", losses),
        ("No arm answers correctly", unsolved),
        ("Answers from several documents", combined),
    ]
    return [(name, chosen) for name, chosen in groups if chosen]


def _combines_documents(row: AnswerRow) -> bool:
    return isinstance(row, BenchmarkAnswer) and len(documents_behind(row.claims)) > 1
