"""The MLflow run of a benchmark: its settings and figures, and the report as an artifact."""

from pathlib import Path

from tasks.config import Config
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.home import Home
from tasks.records import BenchmarkReport
from tasks.registry import tracking

_SETTINGS = {
    "model",
    "generation",
    "retrieval",
    "reference_judge",
    "evaluate",
    "benchmark",
    "prices",
    "seed",
    "system_prompt",
}


def log_benchmark(config: Config, home: Home, benchmark: Benchmark, report: BenchmarkReport, page: Path) -> str:
    """The id of the benchmark's run; done again after a kill it goes on with the run that was begun.

    Raises:
        RatchetError: when MLflow cannot be reached.
    """
    run_id = tracking.open_run(
        config,
        home,
        key=benchmark.key,
        name=f"{config.name} benchmark",
        tags={"ratchet.benchmark": benchmark.key, "ratchet.domain": config.name},
    )
    origin = {
        "arms": list(benchmark.arms),
        "base_sha256": benchmark.base.sha256,
        "version": benchmark.version.version if benchmark.version else None,
        "index_sha256": report.retrieval.index_sha256 if report.retrieval else None,
    }
    tracking.log_parameters(config, home, run_id, {**config.model_dump(mode="json", include=_SETTINGS), **origin})
    tracking.open_curve(config, home, run_id)(0, run_metrics(report))
    tracking.log_environment(config, home, run_id)
    tracking.log_folder(config, home, run_id, page.parent, "report")
    tracking.close_run(config, home, run_id)
    return run_id


def run_metrics(report: BenchmarkReport) -> dict[str, float]:
    """The report's figures by names such as `rag/rouge_l` and `retrieval_full/mrr_at_10`."""
    metrics = {
        f"{arm}/{name}": summary.mean for arm, result in report.arms.items() for name, summary in result.metrics.items()
    }
    metrics |= {f"{arm}/correct": summary.mean for arm, summary in report.correct_share.items()}
    metrics |= {f"{arm}/latency_p50_s": result.latency_s.p50 for arm, result in report.arms.items()}
    stages = report.retrieval.stages if report.retrieval else {}
    metrics |= {
        f"retrieval_{stage}/{name}": summary.mean
        for stage, found in stages.items()
        for name, summary in found.metrics.items()
    }
    ablations = report.retrieval.ablations if report.retrieval else ()
    metrics |= {
        f"ablation_{ablation.change}/{name}": summary.mean
        for ablation in ablations
        for name, summary in ablation.metrics.items()
    }
    for arm, found in report.abstention.items():
        shares = {"unanswerable": found.unanswerable.share, "answerable": found.answerable.share}
        metrics |= {f"{arm}/abstained_{kind}": share.mean for kind, share in shares.items() if share}
    return metrics
