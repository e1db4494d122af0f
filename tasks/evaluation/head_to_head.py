"""Challenger against champion on the test questions: which answers are compared, and what is kept of it.

Equal answers are a tie that nobody need be asked about. The others stand in a random order: a judge whose budget ends
has judged a random part of them, and people, who are asked about the first, a random part of that. Corrected win rates
rest on it (tasks/evaluation/win_rate.py).
"""

from collections.abc import Mapping, Sequence

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.feedback.candidates import make_candidate
from tasks.feedback.drawing import in_order_of_draw
from tasks.feedback.pairing import comparable_text
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.generation import GREEDY
from tasks.progress import say
from tasks.records import ArmReport, ArmResult, Candidate, Comparison, Feedback, HeadToHead, LabelDataset, Question
from tasks.rounds import Round

_SIDES = ("champion", "challenger")


def oppose(
    config: Config, opened: Round, questions: Sequence[Question], arms: Mapping[str, ArmAnswers]
) -> list[Comparison]:
    """The champion's answer (a) and the challenger's (b) to each test question on which they differ, in random order.

    None when the two are the same weights.
    """
    if same_weights(arms):
        say("evaluate: the challenger is the champion, so their answers are not compared")
        return []
    found = compare_answers(questions, arms)
    say(f"evaluate: the challenger answers {len(found)} of {len(questions)} test questions otherwise than the champion")
    return in_order_of_draw(found, domain=opened.domain.name, round_number=opened.number, seed=config.seed)


def same_weights(arms: Mapping[str, ArmAnswers] | Mapping[str, ArmResult]) -> bool:
    """Whether champion and challenger are one and the same model."""
    return arms["champion"].weights_sha256 == arms["challenger"].weights_sha256


def compare_answers(questions: Sequence[Question], arms: Mapping[str, ArmAnswers]) -> list[Comparison]:
    """The champion's answer (a) and the challenger's (b) to each question on which they differ, in its order."""
    base_sha256 = arms["base"].weights_sha256
    kinds = ["base" if arms[arm].weights_sha256 == base_sha256 else "ft" for arm in _SIDES]
    champion, challenger = ((arms[arm], kind) for arm, kind in zip(_SIDES, kinds, strict=True))
    return compare_sides(questions, champion, challenger)


def compare_sides(
    questions: Sequence[Question], a: tuple[ArmAnswers, str], b: tuple[ArmAnswers, str]
) -> list[Comparison]:
    """Two arms' answers to each question on which they differ, in its order; each with the way it answered.

    Answers that differ in whitespace alone are equal, as in pairing; a blank one is an answer like any other.
    """
    ours, theirs = (_candidates(questions, arm, kind) for arm, kind in (a, b))
    return [
        Comparison(question=question, a=one, b=other)
        for question, one, other in zip(questions, ours, theirs, strict=True)
        if comparable_text(one.text) != comparable_text(other.text)
    ]


def keep_head_to_head(
    home: Home,
    report: ArmReport,
    comparisons: Sequence[Comparison],
    verdicts: Sequence[Feedback],
    label_datasets: tuple[LabelDataset, ...],
) -> ArmReport:
    """The report with what was compared and said of it, kept in `home.objects`; unchanged where weights are the same.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    if same_weights(report.arms):
        return report
    compared = HeadToHead(
        comparisons=write_rows(home.objects, comparisons),
        equal=report.questions - len(comparisons),
        verdicts=write_rows(home.objects, verdicts),
        label_datasets=label_datasets,
    )
    return report.model_copy(update={"head_to_head": compared})


def _candidates(questions: Sequence[Question], arm: ArmAnswers, kind: str) -> list[Candidate]:
    return [
        make_candidate(question, generation, arm.weights_sha256, kind, GREEDY)
        for question, generation in zip(questions, arm.generations, strict=True)
    ]
