"""Production answers of a period, with what is known of each: from MLflow's traces and from files of end users.

Any trace counts that `ratchet serve` or another application writes to the experiment of `end_users.mlflow_experiment`
(where none is named, `<domain>-serve`). Tags say more where they are there: `ratchet.version`, `ratchet.abstained`
(true or false) and `ratchet.domain`. A trace whose texts are not kept still has a latency and a thumb.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import DomainError
from tasks.feedback.production_files import match_files, read_drop
from tasks.feedback.production_texts import Unusable
from tasks.home import Home
from tasks.records import Rating
from tasks.records.monitoring import Period
from tasks.registry.connection import connect
from tasks.registry.traces import trace_pages
from tasks.registry.version_tags import ADAPTER_SHA256
from tasks.words import split_words

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Trace, TraceInfo

VERSION = "ratchet.version"
ABSTAINED = "ratchet.abstained"
DOMAIN = "ratchet.domain"
QUESTION_CHARACTERS = 2000  # of a longer question, its beginning counts


@dataclass(frozen=True, slots=True)
class ProductionAnswer:
    """One answer that production gave.

    Attributes:
        question: its first 2,000 characters; None: not kept, or without a word.
        answer: None when it is not kept.
        version: of the model, as the trace says; the beginning of its weights' hash where it says no more.
        abstained: None when the trace does not say; `tasks.monitoring.abstention` looks at the answer then.
    """

    id: str
    asked_at: datetime
    question: str | None = None
    answer: str | None = None
    version: str | None = None
    rating: Rating | None = None
    abstained: bool | None = None
    latency_s: float | None = None


@dataclass(frozen=True)
class Answers:
    """The answers of a period, the newest first, and what was left out."""

    rows: tuple[ProductionAnswer, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_answers(config: Config, home: Home, periods: Sequence[Period]) -> list[Answers]:
    """The answers of each period, of MLflow's traces the newest `monitor.max_answers`.

    A file that cannot be used is left out, and its problems are among the remarks of the first period.

    Raises:
        ConfigError: when MLflow has no experiment of the name that the config gives, or it is the domain's own.
        UnreachableError: when the MLflow server does not answer.
        RatchetError: when MLflow refuses.
    """
    dropped, skipped, remarks = _read_files(config)
    read = []
    with connect(config, home) as client:
        experiment = _find_experiment(client, config)
        for period in periods:
            traced = Answers() if experiment is None else _read_traces(client, experiment, config, period)
            given = [each for each in dropped if period.start <= each.asked_at < period.end]
            rows = sorted([*traced.rows, *given], key=lambda each: each.asked_at, reverse=True)
            read.append(Answers(tuple(rows), traced.skipped, traced.remarks))
    if read:
        first = read[0]
        read[0] = Answers(first.rows, dict(Counter(first.skipped) + skipped), (*remarks, *first.remarks))
    return read


def usable_question(text: str) -> str | None:
    """The question's beginning; None when it has no word, as one of invisible characters has not.

    Half a character, which UTF-8 cannot hold, becomes a question mark.
    """
    kept = text[:QUESTION_CHARACTERS].encode("utf-8", "replace").decode("utf-8").strip()
    return kept if split_words(kept) else None


def answer_of(trace: "Trace", domain: str) -> ProductionAnswer | Unusable:
    """What a trace says of the answer it is of."""
    from tasks.feedback.production_traces import texts_in, thumb_in

    info = trace.info
    tags = {**info.trace_metadata, **info.tags}
    if tags.get(DOMAIN, domain) != domain:
        return Unusable("traces_of_other_domains")
    texts = texts_in(trace)
    if isinstance(texts, Unusable) and (VERSION not in tags or str(info.state) != "OK"):
        return texts
    question, answer = (None, None) if isinstance(texts, Unusable) else texts
    milliseconds = info.execution_duration
    return ProductionAnswer(
        id=str(info.trace_id),
        asked_at=datetime.fromtimestamp(info.request_time / 1000, UTC),
        question=usable_question(question) if question else None,
        answer=answer,
        version=tags.get(VERSION) or tags.get(ADAPTER_SHA256, "")[:12] or None,
        rating=thumb_in(trace),
        abstained={"true": True, "false": False}.get(tags.get(ABSTAINED, "")),
        latency_s=milliseconds / 1000 if milliseconds is not None and milliseconds >= 0 else None,
    )


def _find_experiment(client: "MlflowClient", config: Config) -> str | None:
    from tasks.feedback.production_traces import find_production_experiment

    if config.end_users.mlflow_experiment is not None:
        return find_production_experiment(client, config)
    found = client.get_experiment_by_name(f"{config.name}-serve")
    return str(found.experiment_id) if found is not None and found.lifecycle_stage == "active" else None


def _read_traces(client: "MlflowClient", experiment: str, config: Config, period: Period) -> Answers:
    rows: list[ProductionAnswer] = []
    skipped: Counter[str] = Counter()
    limit, listed = config.monitor.max_answers, 0
    window = f"timestamp_ms >= {_milliseconds(period.start)} AND timestamp_ms < {_milliseconds(period.end)}"
    for page in trace_pages(client, experiment, window, newest_first=True):
        infos = page[: limit - listed]
        listed += len(infos)
        for found in _contents(client, experiment, infos, skipped):
            taken = answer_of(found, config.name)
            if isinstance(taken, Unusable):
                skipped[taken.reason] += 1
            else:
                rows.append(taken)
        if listed >= limit:
            remark = f"Of {period.start:%Y-%m-%d} to {period.end:%Y-%m-%d} the newest {limit} traces were read."
            return Answers(tuple(rows), dict(skipped), (remark,))
    return Answers(tuple(rows), dict(skipped))


def _contents(
    client: "MlflowClient", experiment: str, infos: "Sequence[TraceInfo]", skipped: Counter[str]
) -> "list[Trace]":
    """The traces with their contents; those whose contents cannot be loaded are counted."""
    from mlflow.exceptions import MlflowException

    if not infos:
        return []
    listed = ", ".join(f"'{info.trace_id}'" for info in infos)
    try:
        found = list(
            client.search_traces(
                locations=[experiment], filter_string=f"request_id IN ({listed})", max_results=len(infos)
            )
        )
    except (MlflowException, ValueError, TypeError, KeyError):
        if len(infos) == 1:  # this one is damaged
            skipped["traces_unreadable"] += 1
            return []
        half = len(infos) // 2
        return [
            *_contents(client, experiment, infos[:half], skipped),
            *_contents(client, experiment, infos[half:], skipped),
        ]
    skipped["traces_unreadable"] += len(infos) - len(found)
    return found


def _read_files(config: Config) -> tuple[list[ProductionAnswer], Counter[str], list[str]]:
    rows: list[ProductionAnswer] = []
    skipped: Counter[str] = Counter()
    remarks: list[str] = []
    files, unmatched = match_files(config.root, config.end_users.files)
    remarks += [f"No file matches {pattern!r} in {config.root}." for pattern in unmatched]
    for name, path in files.items():
        try:
            drop = read_drop(path, None)
        except DomainError as error:
            skipped["files_unusable"] += 1
            remarks += error.problems
            continue
        for reaction in drop.reactions if drop else ():
            if reaction.given_at is None:
                skipped["lines_without_a_time"] += 1
                continue
            rows.append(
                ProductionAnswer(
                    id=f"{name}/{reaction.item}",
                    asked_at=reaction.given_at.astimezone(UTC),
                    question=usable_question(reaction.question),
                    answer=reaction.answer,
                    version=reaction.weights_sha256[:12] if reaction.weights_sha256 else None,
                    rating=reaction.rating,
                )
            )
    return rows, skipped, remarks


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
