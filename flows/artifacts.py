"""What Prefect's UI shows of a round: the metrics, the decision, the report."""

from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from tasks.gate.outcome import describe_approval, list_checks, title_outcome
from tasks.monitoring.telling import markdown
from tasks.records import ArmReport, MetricSummary, PromotionDecision
from tasks.records.monitoring import MonitorReport


def publish_metrics(report: ArmReport, report_path: Path) -> None:
    """A table of metrics by arm, and a link to the report."""
    create_table_artifact(
        key=artifact_key(report.domain, "metrics"),
        table=[
            {
                "arm": arm,
                **{name: _interval(summary) for name, summary in result.metrics.items()},
            }
            for arm, result in report.arms.items()
        ],
        description=f"Round {report.round}: {report.questions} test questions, 95 % intervals",
    )
    create_link_artifact(
        key=artifact_key(report.domain, "report"),
        link=report_path.as_uri(),
        link_text=f"Report of round {report.round}",
    )


def publish_decision(decision: PromotionDecision, report_path: Path) -> None:
    """The decision and its reasons, in markdown."""
    lines = [
        f"# {title_outcome(decision)}: version {decision.challenger.version} of {decision.challenger.name}",
        "",
        f"The champion was version {decision.champion_before.version} and is version {decision.champion.version}.",
        "",
        *list_checks(decision),
        "",
        *([describe_approval(decision.approval), ""] if decision.approval else []),
        f"[Report]({report_path.as_uri()})",
    ]
    create_markdown_artifact(
        key=artifact_key(decision.challenger.name, "decision"),
        markdown="\n".join(lines),
        description=f"Decision of round {decision.round}",
    )


def publish_monitor_report(report: MonitorReport) -> None:
    """What a look at production found, in markdown."""
    create_markdown_artifact(
        key=artifact_key(report.domain, "monitor"),
        markdown=markdown(report),
        description=f"Production at {report.at:%Y-%m-%d %H:%M} UTC: {len(report.raised)} new findings",
    )


def artifact_key(domain: str, kind: str) -> str:
    """The artifact's key; Prefect takes no underscores in it, a domain's name may have some."""
    return f"{domain.replace('_', '-')}-{kind}"


def _interval(summary: MetricSummary) -> str:
    return f"{summary.mean:.3f} ({summary.ci95[0]:.3f} to {summary.ci95[1]:.3f})"
