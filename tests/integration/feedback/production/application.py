"""A production application that is traced in MLflow, and the people who use it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.config import Config
from tasks.home import Home
from tasks.registry.connection import connect

EXPERIMENT = "shop assistant"


class Production:
    """An application that is traced, and the people who use it."""

    def __init__(self, config: Config, home: Home) -> None:
        with connect(config, home) as client:
            import mlflow

            self.mlflow, self.client = mlflow, client
        mlflow.set_tracking_uri(client.tracking_uri)
        # MLflow's own choice for artifacts is the current folder.
        self.experiment = client.create_experiment(EXPERIMENT, artifact_location=str(home.mlflow_artifacts))
        mlflow.set_experiment(EXPERIMENT)

    def chat(self, *messages: str, answer: Any = "It is a list.", **options: Any) -> str:
        """An OpenAI-style chat, user and assistant taking turns; returns the trace's id."""
        roles = ("user", "assistant")
        said = [{"role": roles[turn % 2], "content": text} for turn, text in enumerate(messages)]
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        inputs = {"model": "shop", "messages": [{"role": "system", "content": "Be brief."}, *said]}
        return self.trace(inputs, {"object": "chat.completion", "choices": [choice]}, **options)

    def trace(
        self, inputs: Any, outputs: Any, *, days_ago: float = 0, tags: dict[str, str] | None = None, user: str = ""
    ) -> str:
        with self.mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_inputs(inputs)
            span.set_outputs(outputs)
            self.mlflow.update_current_trace(tags=tags or {}, metadata={"mlflow.trace.user": user} if user else {})
        self.mlflow.flush_trace_async_logging()
        if days_ago:
            self.age(span.trace_id, days_ago)
        return str(span.trace_id)

    def age(self, trace_id: str, days: float) -> None:
        """Makes the trace older, as no application can."""
        import sqlite3

        database = self.client.tracking_uri.removeprefix("sqlite:///")
        when = int((datetime.now(UTC) - timedelta(days=days)).timestamp() * 1000)
        with sqlite3.connect(database) as connection:
            connection.execute("update trace_info set timestamp_ms = ? where request_id = ?", (when, trace_id))
        connection.close()

    def source(self, user: str | None, kind: str = "HUMAN") -> Any:
        from mlflow.entities import AssessmentSource

        return AssessmentSource(kind, user) if user is not None else AssessmentSource(kind)

    def rate(self, trace_id: str, value: Any = True, user: str | None = "ann", **more: Any) -> Any:
        kind = more.pop("kind", "HUMAN")
        return self.mlflow.log_feedback(
            trace_id=trace_id, value=value, source=self.source(user, kind), **{"name": "thumbs", **more}
        )

    def edit(self, trace_id: str, text: Any, user: str | None = "ann", name: str = "expected_response") -> Any:
        return self.mlflow.log_expectation(trace_id=trace_id, name=name, value=text, source=self.source(user))
