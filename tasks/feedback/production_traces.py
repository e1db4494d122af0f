"""Production traces in MLflow, and what users said of them in assessments.

    thumb  mlflow.log_feedback(trace_id=..., name="thumbs", value=True, source=AssessmentSource("HUMAN", "<user>"))
    edit   mlflow.log_expectation(trace_id=..., name="expected_response", value="...", source=...)

MLflow cannot be asked which assessments are new: its search knows the time of a trace, and whether a trace has an
assessment of some name that counts. So the rated traces of a window of time are listed without their contents, and
of those whose assessments are not as they were, the contents are read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.feedback.end_users import Reaction
from tasks.feedback.production_texts import Unusable, answer_in, question_in
from tasks.files import sha256_of
from tasks.records import Rating
from tasks.registry.traces import trace_pages
from tasks.registry.version_tags import ADAPTER_SHA256

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Assessment, Span, Trace, TraceInfo

# Assessments of other names are about something else, such as `is_safe`, and a yes to that is no thumbs up.
RATING_NAMES = ("thumbs", "user_feedback", "User feedback", "feedback", "user_satisfaction")
EDIT_NAMES = ("expected_response", "expected_answer", "expected_output")
# Names that no scale from 1 to 5 goes by, where a 1 would be the worst.
_NUMBER_NAMES = ("thumbs", "user_feedback", "User feedback")
_UP = frozenset(("up", "thumbs_up", "thumbs up", "thumbsup", "+1", "👍", "yes", "true", "good", "positive", "like"))
_DOWN = frozenset(
    ("down", "thumbs_down", "thumbs down", "thumbsdown", "-1", "👎", "no", "false", "bad", "negative", "dislike")
)
WEIGHTS_TAGS = (ADAPTER_SHA256, "ratchet.base_sha256")  # as on a version; an application may copy them to its traces
USER = "mlflow.trace.user"
NO_NAME = "default"  # what MLflow itself notes for a person without a name
_SESSION = "mlflow.trace.session"
_SCORER = "mlflow.trace.sourceScorer"
_NOBODY = (None, "", NO_NAME)


@dataclass(frozen=True)
class RatedTrace:
    """A trace with assessments that may be thumbs or edits; its contents are not read."""

    id: str
    requested_at: datetime
    fingerprint: str  # of its state and those assessments: as long as it is the same, there is nothing new


@dataclass(frozen=True)
class TraceReactions:
    """What users said of one trace by now."""

    trace: RatedTrace
    reactions: tuple[Reaction, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)


def find_production_experiment(client: "MlflowClient", config: Config) -> str:
    """The id of the experiment that `end_users.mlflow_experiment` names.

    Raises:
        ConfigError: when there is none of this name, it was deleted, or it is the domain's own, which holds Ratchet's
            runs and the traces of its judges.
    """
    name = config.end_users.mlflow_experiment or ""
    if name == config.name:
        raise ConfigError(
            f"end_users.mlflow_experiment: {name!r} is where Ratchet keeps the domain's own runs and judges' traces; "
            "name the experiment that the production application writes to."
        )
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise ConfigError(
            f"end_users.mlflow_experiment: MLflow has no experiment {name!r}; correct the name, or have the production "
            "application write its traces there first."
        )
    if experiment.lifecycle_stage != "active":
        raise ConfigError(
            f"end_users.mlflow_experiment: the MLflow experiment {name!r} was deleted; restore it with `mlflow "
            f"experiments restore --experiment-id {experiment.experiment_id}`, or name another."
        )
    return str(experiment.experiment_id)


def find_rated(client: "MlflowClient", experiment_id: str, since: datetime | None) -> Iterator[RatedTrace]:
    """The traces that began at `since` or later (None: all) and have a thumb or an edit that counts, each once."""
    window = "" if since is None else f" AND timestamp_ms >= {_milliseconds(since)}"
    given: set[str] = set()
    for kind, names in (("feedback", RATING_NAMES), ("expectation", EDIT_NAMES)):
        for name in names:
            pages = trace_pages(client, experiment_id, f"{kind}.`{name}` IS NOT NULL{window}")
            for info in chain.from_iterable(pages):
                # A rating of a whole session is listed with every trace of the session.
                if info.trace_id not in given and _relevant(info):
                    given.add(info.trace_id)
                    yield _describe(info)


def read_rated(client: "MlflowClient", experiment_id: str, trace_ids: Sequence[str]) -> list[TraceReactions]:
    """What users said of these traces, as it is now; those that MLflow does not have any more are missing.

    A trace whose contents cannot be loaded now is missing, too.
    """
    listed = ", ".join(f"'{trace_id}'" for trace_id in trace_ids)
    only = f"request_id IN ({listed})"
    infos = {info.trace_id: info for info in chain.from_iterable(trace_pages(client, experiment_id, only))}
    unrated = [info for info in infos.values() if not any(each.valid is not False for each in _relevant(info))]
    result = [TraceReactions(_describe(info)) for info in unrated]
    if len(unrated) < len(infos):
        traces = client.search_traces(locations=[experiment_id], filter_string=only, max_results=len(trace_ids))
        left = infos.keys() - {info.trace_id for info in unrated}
        # Described as listed before: an assessment that comes in between makes the next pull look again.
        result += [
            _react(trace, _describe(infos[trace.info.trace_id])) for trace in traces if trace.info.trace_id in left
        ]
    return result


def rating_of(value: Any, name: str) -> Rating | None:
    """The thumb that an assessment's value means under this name; None when it means none."""
    if isinstance(value, str):
        word = value.strip().casefold()
        return "up" if word in _UP else "down" if word in _DOWN else None
    if isinstance(value, bool):
        return "up" if value else "down"
    if isinstance(value, (int, float)) and name in _NUMBER_NAMES:
        return "up" if value == 1 else "down" if value in (0, -1) else None
    return None


def _relevant(info: "TraceInfo") -> list["Assessment"]:
    return [
        each
        for each in info.assessments
        if (each.feedback is not None and each.name in RATING_NAMES)
        or (each.expectation is not None and each.name in EDIT_NAMES)
    ]


def _describe(info: "TraceInfo") -> RatedTrace:
    assessments = sorted(
        f"{each.assessment_id} {each.valid is not False} {each.last_update_time_ms} {each.name}"
        for each in _relevant(info)
    )
    return RatedTrace(
        id=str(info.trace_id),
        requested_at=_moment(info.request_time),
        fingerprint=sha256_of([str(info.state), assessments])[:16],
    )


def texts_in(trace: "Trace") -> tuple[str, str] | Unusable:
    """The question and the answer of a trace, or why nothing can be learned from it."""
    roots = _roots(trace)
    if _SCORER in trace.info.tags:
        return Unusable("traces_of_scorers")
    if str(trace.info.state) != "OK":
        return Unusable("traces_unfinished_or_failed")
    if len(roots) != 1:
        return Unusable("traces_without_a_single_root")
    question, answer = question_in(roots[0].inputs), answer_in(roots[0].outputs)
    if isinstance(question, Unusable):
        return question
    return answer if isinstance(answer, Unusable) else (question, answer)


def thumb_in(trace: "Trace") -> Rating | None:
    """The last thumb that a person gave to the answer as a whole; None when nobody did."""
    roots = _roots(trace)
    last: tuple[int, Rating] | None = None
    for assessment in _relevant(trace.info) if len(roots) == 1 else ():
        said = Unusable("overridden") if assessment.valid is False else _read_assessment(assessment, roots[0].span_id)
        given_ms = assessment.last_update_time_ms or 0
        if not isinstance(said, Unusable) and "rating" in said and (last is None or given_ms >= last[0]):
            last = (given_ms, said["rating"])
    return last[1] if last else None


def _roots(trace: "Trace") -> "list[Span]":
    return [span for span in trace.data.spans if span.parent_id is None]


def _react(trace: "Trace", described: RatedTrace) -> TraceReactions:
    info, texts = trace.info, texts_in(trace)
    if isinstance(texts, Unusable):
        return TraceReactions(described, skipped={texts.reason: 1})
    question, answer = texts
    (root,) = _roots(trace)
    skipped: Counter[str] = Counter()
    reactions = []
    for assessment in _relevant(info):
        if assessment.valid is False:  # overridden by another one
            continue
        said = _read_assessment(assessment, str(root.span_id))
        if isinstance(said, Unusable):
            skipped[said.reason] += 1
            continue
        reactions.append(
            Reaction(
                question=question,
                answer=answer,
                **said,
                reason=assessment.rationale,
                user=user_of(assessment, info.trace_metadata),
                item=str(info.trace_id),
                given_at=_moment(assessment.last_update_time_ms or info.request_time),
                weights_sha256=_weights_of({**info.trace_metadata, **info.tags}),
            )
        )
    return TraceReactions(described, tuple(reactions), dict(skipped))


def _read_assessment(assessment: "Assessment", root_span_id: str) -> dict[str, Any] | Unusable:
    """`rating` or `edit`, as a Reaction has them."""
    if assessment.source.source_type != "HUMAN":
        return Unusable("assessments_not_by_people")
    if assessment.span_id not in (None, "", root_span_id):
        return Unusable("assessments_of_single_steps")
    if _SESSION in (assessment.metadata or {}):
        return Unusable("assessments_of_whole_conversations")
    if assessment.expectation is not None:
        text = assessment.expectation.value
        return {"edit": text} if isinstance(text, str) else Unusable("edits_unreadable")
    value = None if assessment.feedback is None or assessment.feedback.error else assessment.feedback.value
    rating = rating_of(value, assessment.name)
    return {"rating": rating} if rating else Unusable("ratings_unreadable")


def user_of(assessment: "Assessment", metadata: Mapping[str, str]) -> str | None:
    """Who gave the assessment; where it does not say, the user whom the trace was made for."""
    source = assessment.source.source_id
    return (metadata.get(USER) or None) if source in _NOBODY else str(source)


def _weights_of(tags: Mapping[str, str]) -> str | None:
    for name in WEIGHTS_TAGS:
        value = tags.get(name, "")
        if len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return value
    return None


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
