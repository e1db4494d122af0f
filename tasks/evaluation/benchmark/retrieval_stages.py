"""How well each way of retrieving finds the sources that the questions name, and how long it takes."""

from collections.abc import Mapping, Sequence

from tasks.config import Config
from tasks.evaluation.benchmark.ablations import FULL, STAGES_OFF, compare_ablations, looked_through
from tasks.evaluation.benchmark.paired_tests import compare_all
from tasks.evaluation.benchmark.retrieval_metrics import metric_names, score_rankings
from tasks.evaluation.benchmark.retrieved import QuestionContext
from tasks.evaluation.intervals import bootstrap_mean, latency_quantiles
from tasks.records import IndexRef, Passage, RetrievalReport, RetrievalStage
from tasks.settings.retrieval import RetrievalSettings

# By way of retrieving: the passages of each question.
Rankings = Mapping[str, Sequence[Sequence[Passage]]]


def stage_settings(settings: RetrievalSettings) -> dict[str, RetrievalSettings]:
    """The ways of retrieving that are compared: each search alone, both fused, and all stages of the config."""
    full = looked_through(settings)
    plain = full.model_copy(update=dict(STAGES_OFF))
    stages = {}
    if settings.bm25:
        stages["bm25"] = plain.model_copy(update={"dense": False})
    if settings.dense:
        stages["dense"] = plain.model_copy(update={"bm25": False})
    if settings.bm25 and settings.dense:
        stages["hybrid"] = plain
    return {**stages, FULL: full}


def report_retrieval(
    config: Config,
    index: IndexRef,
    contexts: Sequence[QuestionContext],
    stages: Rankings,
    latencies_s: Mapping[str, Sequence[float]],
    ablations: Rankings,
) -> RetrievalReport:
    """The metrics of every stage with intervals, the stages compared, and what of it all reached the prompts.

    Args:
        contexts: what each question's prompt gets.
        stages: by stage, what each question was given.
        latencies_s: by stage, the seconds of the questions that were timed.
        ablations: by change, what each question was given; `full` among them.
    """
    depth, resamples, seed = config.benchmark.retrieval_depth, config.evaluate.bootstrap_resamples, config.seed
    scored = [place for place, context in enumerate(contexts) if context.sources]
    scores = _score(stages, contexts, scored, depth)
    found = [context.source_found for context in contexts if context.source_found is not None]
    return RetrievalReport(
        index_sha256=index.sha256,
        documents=index.documents,
        chunks=index.chunks,
        depth=depth,
        questions_with_sources=len(scored),
        stages={
            name: RetrievalStage(
                metrics={
                    metric: bootstrap_mean(values, resamples, seed) for metric, values in scores.get(name, {}).items()
                },
                latency_s=latency_quantiles(latencies_s[name]),
            )
            for name in stages
        },
        comparisons=compare_all(scores, resamples, seed),
        ablations=compare_ablations(_score(ablations, contexts, scored, depth), resamples, seed) if scored else (),
        timed_questions=min((len(each) for each in latencies_s.values()), default=0),
        passages_found=sum(context.found for context in contexts),
        passages_used=sum(len(context.passages) for context in contexts),
        prompts_cut=sum(context.found > len(context.passages) for context in contexts),
        without_passages=sum(context.found == 0 for context in contexts),
        sources_in_prompts=sum(found) / len(found) if found else None,
    )


def _score(
    rankings: Rankings, contexts: Sequence[QuestionContext], scored: Sequence[int], depth: int
) -> dict[str, dict[str, list[float]]]:
    """By way of retrieving and metric, one score for each question at the places `scored`; empty without any."""
    if not scored:
        return {}
    sources = [contexts[place].sources for place in scored]
    return {
        name: _columns(
            score_rankings([[passage.document_id for passage in found[place]] for place in scored], sources, depth),
            metric_names(depth),
        )
        for name, found in rankings.items()
    }


def _columns(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in names}
