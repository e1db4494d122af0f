"""From what the arms said to a BenchmarkReport: scores, paired tests, costs, and what to try next."""

from collections.abc import Mapping, Sequence

from tasks.config import Config
from tasks.domain.questions import is_synthetic
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.arms import summarise_arm, test_set_sha256
from tasks.evaluation.benchmark.abstention import measure_abstention
from tasks.evaluation.benchmark.answer_suggestions import suggest_from_answers
from tasks.evaluation.benchmark.answers import Said
from tasks.evaluation.benchmark.asked import Asked
from tasks.evaluation.benchmark.groundedness import GROUNDEDNESS, compare_groundedness, measure_groundedness
from tasks.evaluation.benchmark.outcomes import QuestionOutcome
from tasks.evaluation.benchmark.paired_tests import compare_all
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.retrieved import QuestionContext, Retrieved
from tasks.evaluation.benchmark.rows import columns, describe_answers, describe_unanswerable, which_are_correct
from tasks.evaluation.benchmark.suggestions import suggest
from tasks.evaluation.benchmark.usage import measure_usage
from tasks.evaluation.benchmark.win_rates import WIN_RATE, win_rate_metric
from tasks.evaluation.intervals import bootstrap_mean
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import (
    RETRIEVAL_ARMS,
    ArmGroundedness,
    ArmResult,
    ArmWinRates,
    BenchmarkAnswer,
    BenchmarkReport,
    MetricSummary,
    Question,
)
from tasks.roi.analyse import analyse


def compare_as_arms(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    asked: Asked,
    said: Said,
    retrieved: Retrieved | None,
    win_rates: Mapping[str, ArmWinRates],
    hardware: Hardware,
) -> BenchmarkReport:
    """The arms' metrics with intervals, every pair tested, what each costs; the answers are kept in `home.objects`.

    Args:
        retrieved: None where no arm retrieves.

    Raises:
        ModelError: when the embedding model cannot be loaded.
    """
    questions, contexts = asked.questions, retrieved.contexts if retrieved else None
    scored = describe_answers(config, home, questions, said, retrieved, hardware)
    refrained = describe_unanswerable(config, asked.unanswerable, said, retrieved)
    resamples, seed, primary = config.evaluate.bootstrap_resamples, config.seed, config.promote.primary_metric
    correct = {arm: which_are_correct(rows, primary, config.benchmark.correct_from) for arm, rows in scored.items()}
    comparisons = compare_all({arm: columns(rows) for arm, rows in scored.items()}, resamples, seed)
    groundedness = {
        arm: measure_groundedness(rows, contexts, resamples, seed)
        for arm, rows in scored.items()
        if contexts is not None and arm in RETRIEVAL_ARMS
    }
    abstention = {
        arm: measure_abstention([row.abstained for row in refrained[arm]], [row.abstained for row in rows])
        for arm, rows in scored.items()
    }
    usages = tuple(measure_usage(home, benchmark, arm, said, correct[arm], retrieved) for arm in said.answers)
    waited = {arm: add_retrieval_time(arm, answers, contexts) for arm, answers in said.answers.items()}
    report_on_retrieval, domain = retrieved.report if retrieved else None, benchmark.domain
    return BenchmarkReport(
        domain=domain.name,
        questions=len(questions),
        test_set_sha256=test_set_sha256(questions),
        synthetic_questions=sum(map(is_synthetic, questions)),
        shared_families=domain.shared_families,
        primary_metric=primary,
        correct_from=config.benchmark.correct_from,
        base=benchmark.base,
        version=benchmark.version,
        is_champion=benchmark.is_champion,
        arms={
            arm: _with_judged(
                summarise(answers, scored[arm], resamples, seed), groundedness.get(arm), win_rates.get(arm)
            )
            for arm, answers in waited.items()
        },
        correct_share={arm: bootstrap_mean(values, resamples, seed) for arm, values in correct.items()},
        comparisons=(*comparisons, *compare_groundedness(scored, resamples, seed)),
        retrieval=report_on_retrieval,
        win_rates=dict(win_rates),
        groundedness=groundedness,
        abstention=abstention,
        usages=usages,
        roi=analyse(config.prices, usages, seed),
        suggestions=(
            *suggest(
                outcomes(questions, correct, contexts),
                comparisons,
                report_on_retrieval,
                primary,
                domain.shared_families,
            ),
            *suggest_from_answers(groundedness, abstention, report_on_retrieval),
        ),
        answers=write_rows(
            home.objects, [row for each in (scored, refrained) for rows in each.values() for row in rows]
        ),
    )


def add_retrieval_time(arm: str, answers: ArmAnswers, contexts: Sequence[QuestionContext] | None) -> ArmAnswers:
    """The answers with latencies as a caller waits for them: where the arm retrieves, for that first."""
    if arm not in RETRIEVAL_ARMS or contexts is None:
        return answers
    generations = [
        generation.model_copy(update={"latency_s": generation.latency_s + context.latency_s})
        for generation, context in zip(answers.generations, contexts, strict=True)
    ]
    return answers.model_copy(update={"generations": tuple(generations)})


def summarise(answers: ArmAnswers, rows: Sequence[BenchmarkAnswer], resamples: int, seed: int) -> ArmResult:
    """The arm's metrics with intervals, those of its contexts among them, its tokens and latencies."""
    result = summarise_arm(answers, rows, resamples, seed)
    more = {name: values for name, values in columns(rows).items() if name not in result.metrics}
    summaries = {name: bootstrap_mean(values, resamples, seed) for name, values in more.items()}
    return result.model_copy(update={"metrics": {**result.metrics, **summaries}})


def outcomes(
    questions: Sequence[Question],
    correct: Mapping[str, Sequence[float]],
    contexts: Sequence[QuestionContext] | None,
) -> list[QuestionOutcome]:
    """What became of each question."""
    return [
        QuestionOutcome(
            question_id=question.id,
            family=question.family,
            correct={arm: values[place] == 1 for arm, values in correct.items()},
            source_found=contexts[place].source_found if contexts is not None else None,
        )
        for place, question in enumerate(questions)
    ]


def _with_judged(result: ArmResult, grounded: ArmGroundedness | None, won: ArmWinRates | None) -> ArmResult:
    """The result with `groundedness` and `win_rate` among its metrics, where they are known."""
    more: dict[str, MetricSummary | None] = {
        GROUNDEDNESS: grounded.share if grounded else None,
        WIN_RATE: win_rate_metric(won) if won else None,
    }
    known = {name: summary for name, summary in more.items() if summary is not None}
    return result.model_copy(update={"metrics": {**result.metrics, **known}})
