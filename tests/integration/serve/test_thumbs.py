"""What people say first of served answers is read back from MLflow, with who said it, when, and of which question."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from integration.serve.servers import Running

from tasks.config import Config
from tasks.errors import ConfigError, RatchetError
from tasks.home import Home
from tasks.registry.connection import connect
from tasks.serve.thumbs import read_thumbs

EVER = datetime(2000, 1, 1, tzinfo=UTC)


def test_the_first_thumb_of_each_person_on_each_answer_is_read(
    start: Callable[[Config], Running], config: Config, home: Home, first_champion: None
) -> None:
    assert read_thumbs(config, home, EVER) == []
    server, began = start(config), datetime.now(UTC).replace(microsecond=0)
    ids = [server.ask("What is a deque?", user=user, max_tokens=1)["id"] for user in ("ann", "ann", None)]

    def say(place: int, thumb: str, **more: Any) -> None:
        assert server.post({"id": ids[place], "thumb": thumb, **more}, "/feedback").status_code == 200

    say(0, "up", user="ann")
    say(0, "down", user="ann")  # a changed mind
    say(0, "down", user="bob")
    say(1, "down")  # by whom the answer was for
    say(2, "up")
    say(2, "down")  # by the same nobody, as far as one can tell
    _say_in_mlflow(config, home, ids[2])
    thumbs = sorted(read_thumbs(config, home, EVER), key=lambda each: each.given_at)

    assert [(ids.index(f"chatcmpl-{each.answer[3:]}"), each.up) for each in thumbs] == [
        (0, True),
        (0, False),
        (1, False),
        (2, True),
    ]
    ann, bob, again, nobody = (each.user for each in thumbs)
    assert ann == again and bob not in (None, ann) and nobody is None
    assert ann is not None and "ann" not in ann
    assert {(each.version, each.question) for each in thumbs} == {(1, thumbs[0].question)}
    assert all(began <= each.given_at <= datetime.now(UTC) for each in thumbs)
    assert read_thumbs(config, home, datetime.now(UTC) + timedelta(minutes=1)) == []


def _say_in_mlflow(config: Config, home: Home, answer: str) -> None:
    """What is no thumb of a person on an answer of a version: a judge's word, and a trace of another application."""
    from mlflow.entities import AssessmentSource, Feedback, TraceInfo, TraceLocation, TraceState
    from mlflow.tracing.client import TracingClient

    with connect(config, home) as client:
        experiment = client.get_experiment_by_name("demo-serve")
        assert experiment is not None
        tracing = TracingClient(client.tracking_uri)
        other = TraceInfo(
            trace_id="tr-" + "a" * 32,
            trace_location=TraceLocation.from_experiment_id(experiment.experiment_id),
            request_time=int(datetime.now(UTC).timestamp() * 1000),
            state=TraceState.OK,
            tags={"ratchet.version": "1"},
        )
        tracing.start_trace(other)
        for trace, kind in ((f"tr-{answer.removeprefix('chatcmpl-')}", "LLM_JUDGE"), (other.trace_id, "HUMAN")):
            source = AssessmentSource(source_type=kind, source_id="someone")
            tracing.log_assessment(trace, Feedback(name="thumbs", value=True, source=source, trace_id=trace))


def test_an_experiment_that_is_gone_or_the_domains_own_is_named(config: Config, home: Home) -> None:
    with connect(config, home) as client:
        client.delete_experiment(client.create_experiment("demo-serve"))
    with pytest.raises(RatchetError, match="The MLflow experiment 'demo-serve' was deleted: restore it with"):
        read_thumbs(config, home, EVER)
    own = config.model_copy(update={"end_users": config.end_users.model_copy(update={"mlflow_experiment": "demo"})})
    with pytest.raises(
        ConfigError, match=r"end_users.mlflow_experiment: 'demo' is where Ratchet keeps the domain's own"
    ):
        read_thumbs(own, home, EVER)
