"""How well each stage of retrieval finds the sources that the questions name, and how long it takes."""

from collections.abc import Mapping, Sequence

from tasks.config import Config
from tasks.evaluation.benchmark.paired_tests import compare_all
from tasks.evaluation.benchmark.retrieval_metrics import metric_names, score_rankings
from tasks.evaluation.benchmark.retrieved import QuestionContext, Timed
from tasks.evaluation.intervals import bootstrap_mean
from tasks.records import IndexRef, Latency, RetrievalReport, RetrievalStage
from tasks.settings.retrieval import RetrievalSettings


def stage_settings(settings: RetrievalSettings) -> dict[str, RetrievalSettings]:
    """The ways of retrieving that are compared: each search alone, both fused, and all stages of the config.

    All of them return as many passages as there are candidates, so that they are looked at down to the same depth.
    """
    wide = {"passages": settings.candidates, "max_words": None, "order": "relevance"}
    plain = {"reranker": None, "near_duplicates": None, "relevance_weight": None, "min_similarity": None}
    stages = {}
    if settings.bm25:
        stages["bm25"] = settings.model_copy(update={**wide, **plain, "dense": False})
    if settings.dense:
        stages["dense"] = settings.model_copy(update={**wide, **plain, "bm25": False})
    if settings.bm25 and settings.dense:
        stages["hybrid"] = settings.model_copy(update={**wide, **plain})
    return {**stages, "full": settings.model_copy(update=wide)}


def report_retrieval(
    config: Config, index: IndexRef, contexts: Sequence[QuestionContext], rankings: Mapping[str, Sequence[Timed]]
) -> RetrievalReport:
    """The metrics of every stage with intervals, the stages compared, and what of it all reached the prompts.

    Args:
        contexts: what each question's prompt gets.
        rankings: by stage, what each question was given.
    """
    depth, resamples, seed = config.benchmark.retrieval_depth, config.evaluate.bootstrap_resamples, config.seed
    scored = [place for place, context in enumerate(contexts) if context.sources]
    sources = [contexts[place].sources for place in scored]
    scores = {
        name: _columns(
            score_rankings(
                [[passage.document_id for passage in timed[place].passages] for place in scored], sources, depth
            ),
            metric_names(depth),
        )
        for name, timed in rankings.items()
        if scored
    }
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
                latency_s=quantiles([each.latency_s for each in timed]),
            )
            for name, timed in rankings.items()
        },
        comparisons=compare_all(scores, resamples, seed),
        passages_found=sum(context.found for context in contexts),
        passages_used=sum(len(context.passages) for context in contexts),
        prompts_cut=sum(context.found > len(context.passages) for context in contexts),
        without_passages=sum(context.found == 0 for context in contexts),
        sources_in_prompts=sum(found) / len(found) if found else None,
    )


def quantiles(seconds: Sequence[float]) -> Latency:
    """The median and the 95th percentile of at least one duration, in seconds."""
    import numpy as np

    return Latency(p50=float(np.quantile(seconds, 0.5)), p95=float(np.quantile(seconds, 0.95)))


def _columns(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in names}
