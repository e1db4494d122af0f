"""The events that findings in production raise at Prefect."""

from flows.deployments import emit
from tasks.errors import UnreachableError
from tasks.monitoring.alerts import EVENTS
from tasks.progress import say
from tasks.records.monitoring import Watched


def raise_events(domain: str, watched: Watched) -> Watched:
    """Raises an event for each finding that Prefect does not have yet; returns what to remember.

    When Prefect does not answer, the others wait for the next look, too, which is said.
    """
    findings = list(watched.findings)
    for place, finding in enumerate(findings):
        if finding.told:
            continue
        about = {"sentence": finding.sentence, "since": finding.since.isoformat()}
        topic = {"topic": finding.name} if finding.kind == "topic" else {}
        try:
            emit(EVENTS[finding.kind], domain, {**about, **topic})
        except UnreachableError as error:
            waiting = sum(not each.told for each in findings)
            say(f"monitor: {waiting} events wait for the next look: {error}")
            break
        findings[place] = finding.model_copy(update={"told": True})
    return watched.model_copy(update={"findings": tuple(findings)})
