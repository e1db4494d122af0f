"""The collect stage's second half: which candidates are compared, the judge's word on them, and what is kept."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tasks.config import Config
from tasks.evaluation.metrics import score_answers
from tasks.feedback import log
from tasks.feedback.pairing import propose_comparisons
from tasks.feedback.sources import judge_feedback
from tasks.files import canonical_json, read_rows, write_atomically, write_rows
from tasks.home import Home
from tasks.judging.reference_judge import ReferenceJudge
from tasks.models.hardware import Hardware
from tasks.models.sharded_embeddings import embedder
from tasks.progress import listed, say
from tasks.records import Candidate, Comparison, Feedback, FeedbackBatch, FileRef, LabelDataset, Question
from tasks.rounds import Round


def sampled_once(home: Home, work_folder: Path, sample: Callable[[], list[Candidate]]) -> list[Candidate]:
    """The candidates sampled before a restart, or else those that `sample` draws now, kept for the next restart.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when the candidates kept were altered.
    """
    note = work_folder / "candidates.json"
    if note.exists():
        say("collect: the candidates were sampled before")
        return read_rows(home.objects, FileRef.model_validate(json.loads(note.read_text(encoding="utf-8"))), Candidate)
    candidates = sample()
    write_atomically(note, canonical_json(write_rows(home.objects, candidates)).encode())
    return candidates


def compare_candidates(questions: Sequence[Question], candidates: Sequence[Candidate]) -> list[Comparison]:
    """The candidates of each question, two by two."""
    comparisons, skipped = propose_comparisons(questions, candidates)
    left_out = f" (left out: {listed(skipped)})" if any(skipped.values()) else ""
    say(f"collect: {len(comparisons)} comparisons{left_out}")
    return comparisons


def judge_by_reference(
    config: Config, home: Home, comparisons: Sequence[Comparison], hardware: Hardware, round_number: int
) -> list[Feedback]:
    """The reference judge's feedback on the comparisons whose question has a reference answer."""
    judged = [comparison for comparison in comparisons if (comparison.question.answer or "").strip()]
    if len(judged) < len(comparisons):
        say(f"judge reference: {len(comparisons) - len(judged)} comparisons have no reference answer to be judged by")
    if not judged:
        return []
    embed = embedder(config, home, hardware)
    judge = ReferenceJudge(partial(score_answers, embed=embed), config.reference_judge)
    return judge_feedback(judge, judged, round_number)


def keep_batch(
    home: Home,
    opened: Round,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    feedback: Sequence[Feedback],
    label_datasets: tuple[LabelDataset, ...],
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
        label_datasets=label_datasets,
    )
