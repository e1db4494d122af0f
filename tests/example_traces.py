"""Traces of a served domain, written straight into MLflow's store, in any number and of any day."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.config import Config
from tasks.home import Home
from tasks.registry.connection import connect
from tasks.registry.traces import ROOT_SPAN, make_span


@dataclass(frozen=True)
class Served:
    """One answer of production; `thumb` up, down or none."""

    question: str | None
    answer: str | None = "It is a list."
    days_ago: float = 1.0
    latency_s: float = 1.0
    version: str = "1"
    thumb: str | None = None
    abstained: bool = False
    state: str = "OK"
    domain: str | None = None


def write_traces(config: Config, home: Home, served: Iterable[Served], experiment: str = "d-serve") -> list[str]:
    """Writes a trace for each, in the form of `ratchet serve`; returns their ids."""
    with connect(config, home) as client:
        from mlflow.tracing.client import TracingClient

        found = client.get_experiment_by_name(experiment)
        name = found.experiment_id if found else client.create_experiment(experiment, str(home.mlflow_artifacts))
        tracing, spans, ids = TracingClient(client.tracking_uri), [], []
        for each in served:
            info, span = _trace(str(name), each)
            tracing.start_trace(info)
            spans.append(span)
            ids.append(info.trace_id)
        for start in range(0, len(spans), 500):
            tracing.log_spans(str(name), spans[start : start + 500])
    return ids


def _trace(experiment: str, served: Served) -> tuple[Any, Any]:
    from mlflow.entities import AssessmentSource, Feedback, TraceInfo, TraceLocation, TraceState

    trace_id = f"tr-{uuid.uuid4().hex}"
    began = datetime.now(UTC) - timedelta(days=served.days_ago)
    milliseconds = int(began.timestamp() * 1000)
    source = AssessmentSource(source_type="HUMAN", source_id="ann")
    thumb = Feedback(name="thumbs", value=served.thumb == "up", source=source, trace_id=trace_id)
    info = TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id(experiment),
        request_time=milliseconds,
        execution_duration=int(served.latency_s * 1000),
        state=TraceState(served.state),
        tags={
            "ratchet.version": served.version,
            "ratchet.abstained": str(served.abstained).lower(),
            **({"ratchet.domain": served.domain} if served.domain else {}),
        },
        trace_metadata={},
        assessments=[thumb] if served.thumb else [],
    )
    messages = {"messages": [{"role": "user", "content": served.question}]}
    choice = {"index": 0, "message": {"role": "assistant", "content": served.answer}, "finish_reason": "stop"}
    span = make_span(
        trace_id,
        ROOT_SPAN,
        "chat",
        (milliseconds * 1_000_000, int((milliseconds + served.latency_s * 1000) * 1_000_000)),
        inputs=None if served.question is None else messages,
        outputs=None if served.answer is None else {"choices": [choice]},
        attributes={"spanType": "CHAT_MODEL"},
    )
    return info, span
