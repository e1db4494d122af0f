"""The collect stage's second half: judging the candidates and keeping what was said."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from tasks.config import Config
from tasks.evaluation.embeddings import load_embedder
from tasks.evaluation.metrics import score_answers
from tasks.feedback import log
from tasks.feedback.pairing import propose_comparisons
from tasks.feedback.sources import FeedbackSource, JudgeFeedback
from tasks.files import write_rows
from tasks.home import Home
from tasks.judging.reference_judge import ReferenceJudge
from tasks.models.hardware import Hardware
from tasks.progress import say
from tasks.records import Candidate, Feedback, FeedbackBatch, Question
from tasks.rounds import Round


def judge_candidates(
    config: Config,
    home: Home,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    hardware: Hardware,
    round_number: int,
) -> list[Feedback]:
    """Every source's feedback on the candidates, compared two by two."""
    comparisons, skipped = propose_comparisons(questions, candidates)
    left_out = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in skipped.items() if count)
    say(f"collect: {len(comparisons)} comparisons" + (f" (left out: {left_out})" if left_out else ""))
    embed = load_embedder(config.model.embeddings, home, hardware.device)
    judge = ReferenceJudge(partial(score_answers, embed=embed), config.reference_judge)
    sources: list[FeedbackSource] = [JudgeFeedback(judge)]
    for source in sources:
        source.ask(comparisons, round_number)
    return [answer for source in sources for answer in source.answers()]


def keep_batch(
    home: Home,
    opened: Round,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    feedback: Sequence[Feedback],
) -> FeedbackBatch:
    """Writes candidates and feedback, and returns the record that names them.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    outcomes = Counter(judgement.preference for judgement in feedback)
    return FeedbackBatch(
        round=opened.number,
        model_version=opened.champion,
        candidates=write_rows(home.objects, candidates),
        feedback=log.append(home, opened.domain.name, feedback),
        questions=len(questions),
        preferences={outcome: outcomes[outcome] for outcome in ("a", "b", "tie", "both_bad")},
    )
