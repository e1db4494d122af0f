"""What is raised, what lasts and what is over, from one look at production to the next. Pure.

A look tests again what the last one tested, and answers are partly the same; so the level at which something is raised
is its share of the false alarms that the config allows a year: a check that is `hours` after its last has
`false_alarms_per_year * hours / 8760 / 4` (four checks), 0.05 at most. A p-value is below its level by chance with that
probability, so that the expected number of false alarms adds up to what the config says, however often one looks and
however the looks hang together. Who looks twice in a minute can raise next to nothing by the second look.

What was raised lasts while the change is large enough and its p-value at most 0.05; when it is over it may be raised
again. Both are compared with the days before, which after some weeks hold the change themselves: over means that things
are as they were in the weeks before, not that they are good. Nothing is raised twice while it lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from tasks.records.monitoring import CheckKind, Finding, FindingKind, Topic, Verdict, Watched
from tasks.settings.monitoring import MonitorSettings

EVENTS: dict[FindingKind, str] = {
    "drift": "ratchet.drift.found",
    "thumbs": "ratchet.thumbs.falling",
    "abstention": "ratchet.abstention.rising",
    "latency": "ratchet.latency.rising",
    "topic": "ratchet.topic.unanswered",
}
CHECKS: tuple[CheckKind, ...] = get_args(CheckKind)
LASTING_LEVEL = 0.05
SAME_TOPIC = 0.85  # cosine of two topics' centres
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Change:
    """What a look changes.

    Attributes:
        raised: findings that were not there before.
        lasting: those that were, as they are now.
        over: those that are no more.
        watched: what to remember for the next look.
    """

    raised: tuple[Finding, ...]
    lasting: tuple[Finding, ...]
    over: tuple[Finding, ...]
    watched: Watched


def level_of(kind: CheckKind, watched: Watched, at: datetime, settings: MonitorSettings, days: int) -> float:
    """The p-value from which on this check raises a finding, above 0.

    Args:
        days: of the period now, which stand for the time since a look that never was.
    """
    since = watched.tested.get(kind)
    passed = timedelta(days=days) if since is None else max(at - since, timedelta(seconds=1))
    return min(settings.false_alarms_per_year * (passed / _YEAR) / len(CHECKS), LASTING_LEVEL)


def change(watched: Watched, verdicts: Sequence[Verdict], topics: Sequence[Topic] | None, at: datetime) -> Change:
    """What these verdicts and topics change.

    Args:
        topics: None: nothing was asked, so that nothing is known of topics.
    """
    before = {finding.kind: finding for finding in watched.findings if finding.kind != "topic"}
    raised: list[Finding] = []
    lasting: list[Finding] = []
    over: list[Finding] = []
    for verdict in verdicts:
        known = before.pop(verdict.kind, None)
        if known is None:
            if _is_raised(verdict):
                raised.append(Finding(kind=verdict.kind, sentence=verdict.sentence, since=at))
        elif verdict.p_value is None:  # too few to say that it is over
            lasting.append(known)
        elif verdict.notable and verdict.p_value <= LASTING_LEVEL:
            lasting.append(known.model_copy(update={"sentence": verdict.sentence}))
        else:
            over.append(known.model_copy(update={"sentence": verdict.sentence}))
    lasting += before.values()
    known_topics = [finding for finding in watched.findings if finding.kind == "topic"]
    if topics is None:
        lasting += known_topics
    else:
        _match_topics(known_topics, topics, at, (raised, lasting, over))
    tested = {verdict.kind: at for verdict in verdicts if verdict.p_value is not None}
    kept = Watched(tested={**watched.tested, **tested}, findings=(*raised, *lasting))
    return Change(tuple(raised), tuple(lasting), tuple(over), kept)


def _is_raised(verdict: Verdict) -> bool:
    return (
        verdict.notable
        and verdict.p_value is not None
        and verdict.level is not None
        and verdict.p_value <= verdict.level
    )


def _match_topics(
    known: Sequence[Finding],
    topics: Sequence[Topic],
    at: datetime,
    into: tuple[list[Finding], list[Finding], list[Finding]],
) -> None:
    raised, lasting, over = into
    left = list(known)
    for topic in topics:
        same = max(left, key=lambda finding: _cosine(finding.centre, topic.centre), default=None)
        if same is not None and _cosine(same.centre, topic.centre) >= SAME_TOPIC:
            left.remove(same)
            update = {"sentence": topic.sentence, "name": topic.name, "centre": topic.centre}
            lasting.append(same.model_copy(update=update))
        else:
            finding = Finding(kind="topic", sentence=topic.sentence, since=at, name=topic.name, centre=topic.centre)
            raised.append(finding)
    over += left


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Of two vectors of length 1; -1 where they are by different models."""
    return sum(x * y for x, y in zip(a, b, strict=True)) if len(a) == len(b) else -1.0
