"""From what every arm said to the test questions to an ArmReport: scores, intervals, paired comparisons."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.intervals import bootstrap_mean, latency_quantiles, paired_difference
from tasks.evaluation.metrics import METRICS, score_answers
from tasks.files import sha256_of, write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.models.sharded_embeddings import embedder
from tasks.records import (
    Adapter,
    AnswerRow,
    ArmReport,
    ArmResult,
    PairedDifference,
    Question,
    SkillAnswers,
    TokenCounts,
)
from tasks.rounds import Round

if TYPE_CHECKING:
    from tasks.evaluation.metrics import Embed


def report_arms(
    config: Config,
    home: Home,
    opened: Round,
    adapter: Adapter,
    questions: Sequence[Question],
    arms: Mapping[str, ArmAnswers],
    hardware: Hardware,
    skills: tuple[SkillAnswers, ...] = (),
) -> ArmReport:
    """The arms' metrics and paired comparisons; what they said is kept in `home.objects`.

    Raises:
        ModelError: when the embedding model cannot be loaded.
    """
    embed = embedder(config, home, hardware)
    scored = score_arms(questions, arms, embed)
    resamples, seed = config.evaluate.bootstrap_resamples, config.seed
    return ArmReport(
        domain=opened.domain.name,
        round=opened.number,
        questions=len(questions),
        test_set_sha256=test_set_sha256(questions),
        arms={name: summarise_arm(arm, scored[name], resamples, seed) for name, arm in arms.items()},
        comparisons=compare_arms(scored, resamples, seed),
        challenger=adapter,
        champion=opened.champion,
        answers=write_rows(home.objects, [row for rows in scored.values() for row in rows]),
        skills=skills,
    )


def test_set_sha256(questions: Sequence[Question]) -> str:
    """The hash of the frozen test set: ids, texts and reference answers, in order."""
    return sha256_of([[question.id, question.question, question.answer] for question in questions])


def score_arms(
    questions: Sequence[Question], arms: Mapping[str, ArmAnswers], embed: "Embed"
) -> dict[str, list[AnswerRow]]:
    """Every arm's answers with their metrics, in the order of the questions."""
    references = [question.answer or "" for question in questions]
    scored: dict[str, list[AnswerRow]] = {}
    for name, arm in arms.items():
        answers = [generation.text for generation in arm.generations]
        rows = zip(questions, answers, score_answers(answers, references, embed), strict=True)
        scored[name] = [
            AnswerRow(
                question_id=question.id,
                arm=name,
                question=question.question,
                reference=question.answer or "",
                answer=answer,
                metrics=metrics,
            )
            for question, answer, metrics in rows
        ]
    return scored


def summarise_arm(arm: ArmAnswers, rows: Sequence[AnswerRow], resamples: int, seed: int) -> ArmResult:
    """The arm's metrics with intervals, its token totals, and its latency quantiles in seconds."""
    return ArmResult(
        weights_sha256=arm.weights_sha256,
        version=arm.version,
        metrics={name: bootstrap_mean([row.metrics[name] for row in rows], resamples, seed) for name in METRICS},
        tokens=TokenCounts(
            prompt=sum(generation.prompt_tokens for generation in arm.generations),
            completion=sum(generation.completion_tokens for generation in arm.generations),
        ),
        latency_s=latency_quantiles([generation.latency_s for generation in arm.generations]),
    )


def compare_arms(scored: Mapping[str, Sequence[AnswerRow]], resamples: int, seed: int) -> tuple[PairedDifference, ...]:
    """Each arm against each arm before it, on every metric; the arms must be in the order base to newest."""
    return tuple(
        paired_difference(
            [row.metrics[metric] for row in scored[arm]],
            [row.metrics[metric] for row in scored[against]],
            arm=arm,
            against=against,
            metric=metric,
            resamples=resamples,
            seed=seed,
        )
        for against, arm in combinations(scored, 2)
        for metric in METRICS
    )
