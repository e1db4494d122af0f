"""From what the arms said to a BenchmarkReport: scores, paired tests, costs, and what to try next."""

from collections.abc import Mapping, Sequence

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.arms import score_arms, summarise_arm, test_set_sha256
from tasks.evaluation.benchmark.context_overlap import CONTEXT_OVERLAP, context_overlap
from tasks.evaluation.benchmark.outcomes import QuestionOutcome
from tasks.evaluation.benchmark.paired_tests import compare_all
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.retrieved import QuestionContext, Retrieved
from tasks.evaluation.benchmark.suggestions import suggest
from tasks.evaluation.benchmark.usage import measure_usage
from tasks.evaluation.intervals import bootstrap_mean
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.models.hardware import Hardware
from tasks.records import RETRIEVAL_ARMS, AnswerRow, ArmResult, BenchmarkReport, Question
from tasks.roi.analyse import analyse


def compare_as_arms(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    questions: Sequence[Question],
    arms: Mapping[str, ArmAnswers],
    retrieved: Retrieved | None,
    hardware: Hardware,
) -> BenchmarkReport:
    """The arms' metrics with intervals, every pair tested, what each costs; the answers are kept in `home.objects`.

    Args:
        arms: what each arm said, with the latencies of the model alone.
        retrieved: None where no arm retrieves.

    Raises:
        ModelError: when the embedding model cannot be loaded.
    """
    contexts = retrieved.contexts if retrieved else None
    scored = score_with_contexts(questions, arms, contexts, config, home, hardware)
    resamples, seed, primary = config.evaluate.bootstrap_resamples, config.seed, config.promote.primary_metric
    correct = {arm: which_are_correct(rows, primary, config.benchmark.correct_from) for arm, rows in scored.items()}
    comparisons = compare_all({arm: columns(rows) for arm, rows in scored.items()}, resamples, seed)
    retrieval = retrieved.report if retrieved else None
    usages = tuple(measure_usage(home, benchmark, arm, arms[arm], correct[arm], retrieved) for arm in arms)
    waited = {arm: add_retrieval_time(arm, answers, contexts) for arm, answers in arms.items()}
    shared = benchmark.domain.shared_families
    return BenchmarkReport(
        domain=benchmark.domain.name,
        questions=len(questions),
        test_set_sha256=test_set_sha256(questions),
        shared_families=shared,
        primary_metric=primary,
        correct_from=config.benchmark.correct_from,
        base=benchmark.base,
        version=benchmark.version,
        is_champion=benchmark.is_champion,
        arms={arm: summarise(answers, scored[arm], resamples, seed) for arm, answers in waited.items()},
        correct_share={arm: bootstrap_mean(values, resamples, seed) for arm, values in correct.items()},
        comparisons=comparisons,
        retrieval=retrieval,
        usages=usages,
        roi=analyse(config.prices, usages, seed),
        suggestions=suggest(outcomes(questions, correct, contexts), comparisons, retrieval, primary, shared),
        answers=write_rows(home.objects, [row for rows in scored.values() for row in rows]),
    )


def score_with_contexts(
    questions: Sequence[Question],
    arms: Mapping[str, ArmAnswers],
    contexts: Sequence[QuestionContext] | None,
    config: Config,
    home: Home,
    hardware: Hardware,
) -> dict[str, list[AnswerRow]]:
    """Every arm's answers with their metrics; those of arms that retrieve also with the passages of their prompts."""
    embed = load_embedder(config.model.embeddings, home, hardware.device)
    return {
        arm: add_contexts(rows, contexts) if arm in RETRIEVAL_ARMS and contexts is not None else rows
        for arm, rows in score_arms(questions, arms, embed).items()
    }


def add_contexts(rows: Sequence[AnswerRow], contexts: Sequence[QuestionContext]) -> list[AnswerRow]:
    """The rows with the passages that stood in their prompts, and how much of each answer those hold."""
    return [
        row.model_copy(
            update={
                "contexts": context.texts,
                "metrics": {**row.metrics, CONTEXT_OVERLAP: context_overlap(row.answer, context.texts)},
            }
        )
        for row, context in zip(rows, contexts, strict=True)
    ]


def which_are_correct(rows: Sequence[AnswerRow], metric: str, correct_from: float) -> list[float]:
    """1 for each answer that scores at least `correct_from` in the metric, 0 for the others."""
    return [float(row.metrics[metric] >= correct_from) for row in rows]


def add_retrieval_time(arm: str, answers: ArmAnswers, contexts: Sequence[QuestionContext] | None) -> ArmAnswers:
    """The answers with latencies as a caller waits for them: where the arm retrieves, for that first."""
    if arm not in RETRIEVAL_ARMS or contexts is None:
        return answers
    generations = [
        generation.model_copy(update={"latency_s": generation.latency_s + context.latency_s})
        for generation, context in zip(answers.generations, contexts, strict=True)
    ]
    return answers.model_copy(update={"generations": tuple(generations)})


def summarise(answers: ArmAnswers, rows: Sequence[AnswerRow], resamples: int, seed: int) -> ArmResult:
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


def columns(rows: Sequence[AnswerRow]) -> dict[str, list[float]]:
    """The scores by metric, each in the order of the rows."""
    return {name: [row.metrics[name] for row in rows] for name in rows[0].metrics}
