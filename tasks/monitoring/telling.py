"""A look at production in words: for a terminal, for Prefect, for people, and for `ratchet status`. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.progress import listed
from tasks.records.monitoring import Finding, MonitorReport

TITLES = {
    "drift": "questions have drifted",
    "thumbs": "fewer thumbs up",
    "abstention": "more abstentions",
    "latency": "slower answers",
    "topic": "unanswered topic",
}


@dataclass(frozen=True)
class Message:
    """What people are sent."""

    subject: str
    body: str


def message(report: MonitorReport) -> Message | None:
    """What people are sent of a look; None when nothing was raised and nothing is over."""
    if not report.raised and not report.over:
        return None
    titles = list(dict.fromkeys(TITLES[finding.kind] for finding in report.raised))
    what = ", ".join(titles) or "over: " + ", ".join(dict.fromkeys(TITLES[finding.kind] for finding in report.over))
    return Message(f"Ratchet: {report.domain}: {what}", "\n".join(_finding_lines(report)))


def report_lines(report: MonitorReport) -> list[str]:
    """The look as lines of text."""
    return [
        f"Production of {report.domain}, {report.now.start:%Y-%m-%d} to {report.now.end:%Y-%m-%d %H:%M} UTC: "
        f"{report.answers} answers; {report.answers_before} in the days before, from {report.before.start:%Y-%m-%d}",
        *_remark_lines(report),
        *(f"  {verdict.sentence}" for verdict in report.verdicts),
        "",
        *(_finding_lines(report) or ["Nothing is raised."]),
        *_proposal_lines(report),
    ]


def status_line(report: MonitorReport | None) -> list[str]:
    """The last look in one line; no line before the first."""
    if report is None:
        return []
    there = [*report.raised, *report.lasting]
    found = "; ".join(f"{_title(finding)} since {finding.since:%Y-%m-%d}" for finding in there) or "nothing found"
    return [f"production at {report.at:%Y-%m-%d %H:%M} UTC, {report.answers} answers: {found}"]


def markdown(report: MonitorReport) -> str:
    """The look as a page."""
    findings = [(state, finding) for state, found in _states(report) for finding in found]
    return "\n".join(
        [
            f"# Production of {report.domain}",
            "",
            f"{report.answers} answers from {report.now.start:%Y-%m-%d %H:%M} to {report.now.end:%Y-%m-%d %H:%M} UTC, "
            f"and {report.answers_before} from {report.before.start:%Y-%m-%d %H:%M} on before them.",
            "",
            *(f"- **{state}: {_plain(_title(finding))}** {_plain(finding.sentence)}" for state, finding in findings),
            *([] if findings else ["Nothing is raised."]),
            "",
            "## Checks",
            "",
            *(f"- {_plain(verdict.sentence)}" for verdict in report.verdicts),
            *(["", "## Unanswered topics", ""] if report.topics else []),
            *(f"- {_plain(topic.sentence)}{_examples(topic.examples)}" for topic in report.topics),
            "",
            *(f"- {_plain(line.strip())}" for line in (*_remark_lines(report), *_proposal_lines(report))),
            "",
        ]
    )


def _states(report: MonitorReport) -> list[tuple[str, tuple[Finding, ...]]]:
    return [("New", report.raised), ("Still there", report.lasting), ("Over", report.over)]


def _finding_lines(report: MonitorReport) -> list[str]:
    return [f"{state}: {_title(each)}. {each.sentence}" for state, found in _states(report) for each in found]


def _title(finding: Finding) -> str:
    return f"{TITLES[finding.kind]} ({finding.name})" if finding.name else TITLES[finding.kind]


def _remark_lines(report: MonitorReport) -> list[str]:
    if not report.answers and not report.answers_before:
        nothing = ["There are no answers to look at: is `end_users.mlflow_experiment` where production writes to?"]
    else:
        nothing = []
    skipped = [f"  left out: {listed(report.skipped)}"] if any(report.skipped.values()) else []
    return [*nothing, *(f"  {remark}" for remark in report.remarks), *skipped]


def _proposal_lines(report: MonitorReport) -> list[str]:
    lines = [f"{report.proposed} questions are proposed for the next collect"] if report.proposed else []
    if any(report.not_proposed.values()):
        lines.append(f"not proposed: {listed(report.not_proposed)}")
    return lines


def _examples(questions: Sequence[str]) -> str:
    return f" For example: {_plain('; '.join(questions))}" if questions else ""


def _plain(text: str) -> str:
    """The text on one line, so that nothing in it is taken for markup."""
    escaped = "".join(f"\\{character}" if character in "\\`*_{}[]<>#|!" else character for character in text)
    return " ".join(escaped.split())
