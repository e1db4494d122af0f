"""Users' thumbs on what was served, read back from MLflow's traces."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.evaluation.canary import Thumb, compare_thumbs
from tasks.feedback.production_traces import rating_of, user_of
from tasks.home import Home
from tasks.records import CanaryComparison
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect, find_experiment
from tasks.registry.traces import trace_pages
from tasks.serve.traces import QUESTION_TAG, THUMBS, VERSION_TAG, experiment_name

if TYPE_CHECKING:
    from mlflow.entities import Assessment, TraceInfo


def compare_served(
    config: Config, home: Home, champion: int, challenger: int, *, resamples: int, seed: int
) -> CanaryComparison:
    """Both versions by the thumbs on what was asked since the challenger was registered.

    Args:
        champion, challenger: version numbers.
        resamples: of the bootstrap over pairs.

    Raises:
        RatchetError: when MLflow cannot be read, or has no such challenger.
    """
    since = registry.read_entry(config, home, challenger).registered_at
    return compare_thumbs(read_thumbs(config, home, since), champion, challenger, resamples=resamples, seed=seed)


def read_thumbs(config: Config, home: Home, since: datetime) -> list[Thumb]:
    """Each user's first word on each answer to what was asked at `since` or later; none where nothing was served yet.

    A changed mind is a judgement that rounds learn from, and no thumb of its own.

    Raises:
        ConfigError: when the experiment is the domain's own.
        RatchetError: when MLflow cannot be read, or somebody deleted the experiment.
    """
    name = experiment_name(config)
    with connect(config, home) as client:
        if client.get_experiment_by_name(name) is None:
            return []
        experiment = find_experiment(client, config.model_copy(update={"name": name}), home)
        wanted = f"feedback.`{THUMBS}` IS NOT NULL AND timestamp_ms >= {int(since.timestamp() * 1000)}"
        infos = chain.from_iterable(trace_pages(client, experiment, wanted))
        return [thumb for info in infos for thumb in _first_words(info)]


def _first_words(info: "TraceInfo") -> Iterator[Thumb]:
    """What each user said first of the answer; nothing where it is not told which version gave it to which question."""
    version, question = info.tags.get(VERSION_TAG, ""), info.tags.get(QUESTION_TAG)
    if not version.isdigit() or not question:
        return
    heard: set[str | None] = set()
    for each in sorted(info.assessments, key=lambda each: each.create_time_ms or 0):
        up, user = _is_up(each), user_of(each, info.trace_metadata)
        if up is not None and user not in heard:
            heard.add(user)
            yield Thumb(
                answer=str(info.trace_id),
                version=int(version),
                question=question,
                user=user,
                up=up,
                given_at=datetime.fromtimestamp((each.create_time_ms or info.request_time) / 1000, UTC),
            )


def _is_up(assessment: "Assessment") -> bool | None:
    """Whether it is a person's thumb up, or down; None when it is no thumb that counts."""
    if assessment.name != THUMBS or assessment.feedback is None or assessment.valid is False:
        return None
    rating = rating_of(assessment.feedback.value, THUMBS) if assessment.source.source_type == "HUMAN" else None
    return None if rating is None else rating == "up"
