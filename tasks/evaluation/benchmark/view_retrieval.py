"""What the benchmark's page shows of retrieval: its stages, each of them switched, and what reached the prompts."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.evaluation import report_text as text
from tasks.evaluation.benchmark.ablations import change_label
from tasks.evaluation.benchmark.suggestions import stage_label
from tasks.evaluation.benchmark.view_figures import format_share, show_cell, show_comparison
from tasks.records import Ablation, MetricSummary, RetrievalReport


def show_retrieval(retrieval: RetrievalReport) -> dict[str, Any]:
    """The table of stages, and sentences on what reached the prompts."""
    best = _best_means([stage.metrics for stage in retrieval.stages.values()])
    rows = [
        {
            "label": stage_label(name),
            "cells": _show_metrics(stage.metrics, best),
            "p50": f"{1000 * stage.latency_s.p50:.1f} ms",
            "p95": f"{1000 * stage.latency_s.p95:.1f} ms",
        }
        for name, stage in retrieval.stages.items()
    ]
    return {
        "columns": [metric_title(name) for name in best],
        "rows": rows,
        "sentences": describe_retrieval(retrieval),
        "comparisons": _show_stage_comparisons(retrieval),
        "ablations": _show_ablations(retrieval),
    }


def describe_retrieval(retrieval: RetrievalReport) -> list[str]:
    """What was searched, what of it the questions' sources allow to say, and what reached the prompts."""
    sentences = [
        f"{retrieval.chunks:,} chunks of {text.count_of(retrieval.documents, 'document')} were searched; "
        f"{retrieval.passages_used:,} of {retrieval.passages_found:,} retrieved passages stood in the prompts."
    ]
    if retrieval.prompts_cut:
        sentences.append(
            f"{text.count_of(retrieval.prompts_cut, 'prompt')} had no room for all passages: the last ranked are "
            "not in them."
        )
    if retrieval.without_passages:
        sentences.append(f"Nothing was retrieved for {text.count_of(retrieval.without_passages, 'question')}.")
    if retrieval.sources_in_prompts is None:
        sentences.append("No question names a source among the documents, so retrieval itself cannot be scored.")
    else:
        sentences.append(
            f"{text.count_of(retrieval.questions_with_sources, 'question')} name their sources; for "
            f"{format_share(retrieval.sources_in_prompts)} of them one stood in the prompt."
        )
    return sentences


def metric_title(name: str) -> str:
    """`hit_at_3` as `Hit at 3`, `mrr_at_10` as `MRR at 10`."""
    kind, _, depth = name.partition("_at_")
    return f"{ {'hit': 'Hit', 'mrr': 'MRR', 'ndcg': 'nDCG'}[kind] } at {depth}"


def _show_stage_comparisons(retrieval: RetrievalReport) -> list[dict[str, Any]]:
    """The stages compared on mean reciprocal rank."""
    metric = f"mrr_at_{retrieval.depth}"
    return [
        show_comparison(f"{stage_label(c.arm)} against {stage_label(c.against)}", c)
        for c in retrieval.comparisons
        if c.metric == metric
    ]


def _show_ablations(retrieval: RetrievalReport) -> list[dict[str, Any]]:
    """A row for the full pipeline, and for each change of it: its metrics, and how far it is from it."""
    best = _best_means([ablation.metrics for ablation in retrieval.ablations])
    return [_show_ablation(ablation, f"mrr_at_{retrieval.depth}", best) for ablation in retrieval.ablations]


def _show_ablation(ablation: Ablation, metric: str, best: Mapping[str, float]) -> dict[str, Any]:
    test = ablation.against_full.get(metric)
    return {
        "label": change_label(ablation.change),
        "cells": _show_metrics(ablation.metrics, best),
        "difference": show_comparison("", test) if test else None,
    }


def _show_metrics(metrics: Mapping[str, MetricSummary], best: Mapping[str, float]) -> list[dict[str, Any]]:
    return [
        {**show_cell(metric_title(name), summary), "best": round(summary.mean, 3) == best[name]}
        for name, summary in metrics.items()
    ]


def _best_means(rows: Sequence[Mapping[str, MetricSummary]]) -> dict[str, float]:
    """The highest mean of each metric, as it is printed."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: max(round(row[name].mean, 3) for row in rows if name in row) for name in names}
