"""What Prefect's UI shows of a round: the metrics, the decision, the report."""

from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from tasks.records import ArmReport, MetricSummary, PromotionDecision


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
    verdict = "Promoted" if decision.promoted else "Not promoted"
    lines = [
        f"# {verdict}: version {decision.challenger.version} of {decision.challenger.name}",
        "",
        f"The champion was version {decision.champion_before.version} and is version {decision.champion.version}.",
        "",
        *(
            f"- **{check.name}** {'passed' if check.passed else 'FAILED'}: {check.sentence}"
            for check in decision.certificate.checks
        ),
        "",
        f"[Report]({report_path.as_uri()})",
    ]
    create_markdown_artifact(
        key=artifact_key(decision.challenger.name, "decision"),
        markdown="\n".join(lines),
        description=f"Decision of round {decision.round}",
    )


def artifact_key(domain: str, kind: str) -> str:
    """The artifact's key; Prefect takes no underscores in it, a domain's name may have some."""
    return f"{domain.replace('_', '-')}-{kind}"


def _interval(summary: MetricSummary) -> str:
    return f"{summary.mean:.3f} ({summary.ci95[0]:.3f} to {summary.ci95[1]:.3f})"
