"""From a question that is served to the feedback that rounds learn from; and traces that never stand in the way."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.serve.servers import Running, domain, register, wait_for

from tasks.config import Config
from tasks.feedback import log
from tasks.feedback.end_user_pulling import EndUserPull, pull_end_user_feedback
from tasks.feedback.production_store import read_production
from tasks.files import read_rows
from tasks.home import Home
from tasks.records import Candidate
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect, find_experiment

QUESTION = "What is a deque?"


def learning(config: Config) -> Config:
    """The config of a domain that learns from what is served."""
    return config.model_copy(
        update={"end_users": config.end_users.model_copy(update={"mlflow_experiment": "demo-serve"})}
    )


def traces(config: Config, home: Home) -> list[Any]:
    """What was traced, the latest first."""
    with connect(config, home) as client:
        experiment = find_experiment(client, config.model_copy(update={"name": "demo-serve"}), home)
        return list(client.search_traces(locations=[experiment], max_results=50))


def test_a_thumb_on_a_served_answer_is_pulled_into_the_feedback_log(
    start: Callable[..., Running], config: Config, home: Home
) -> None:
    version = register(config, home, 1)
    registry.promote(config, home, version)
    server = start(learning(config))

    answer = server.ask(QUESTION, user="ann@example.org", temperature=1.5, seed=7)
    text = answer["choices"][0]["message"]["content"]
    thumb = {"id": answer["id"], "thumb": "down", "comment": "Mail me at ann@example.org"}
    kept = server.post(thumb, "/feedback")

    assert kept.json() == {"id": answer["id"], "thumb": "down", "recorded": True}
    assert pull_end_user_feedback(learning(config), home) == EndUserPull(new=1, skipped={})
    [row] = log.read(home, "demo")
    assert (row.question_id, row.rating, row.source, row.reason) == ("deque", "down", "end_user", "Mail me at [email]")
    [candidates] = read_production(home, "demo")[1]
    [candidate] = read_rows(home.objects, candidates, Candidate)
    assert (candidate.text, candidate.weights_sha256) == (text.strip(), version.weights_sha256)
    # The user changes their mind: the same judgement, with another word.
    again = server.post({**thumb, "id": f"tr-{answer['id'].removeprefix('chatcmpl-')}", "thumb": "up"}, "/feedback")
    assert again.status_code == 200
    assert pull_end_user_feedback(learning(config), home).new == 1
    last = log.read(home, "demo")[-1]
    assert (last.id, last.rating) == (row.id, "up")
    [trace] = traces(config, home)
    assert trace.info.tags["ratchet.version"] == "2"
    assert trace.info.tags["ratchet.adapter_sha256"] == version.weights_sha256
    assert "ann" not in str(trace.to_dict())


def test_personal_data_and_keys_are_scrubbed_and_failures_are_traced(
    start: Callable[..., Running], tiny_model: Path, tmp_path: Path, home: Home, first_champion: None
) -> None:
    server = start(domain(tmp_path, tiny_model, request_timeout_s=0.3))
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    server.ask(f"Is jane@corp.example the owner of {key}?", max_tokens=1)
    assert server.post({"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 512}).status_code == 504
    wait_for(lambda: server.status()["counts"].get("traced") == 2, 120)  # the rules for keys are compiled first

    late, answered = traces(server.service.config, home)

    assert "jane" not in str(answered.to_dict()) and key not in str(answered.to_dict())
    assert answered.data.spans[0].inputs["messages"][0]["content"].startswith("Is [email] the owner of ")
    assert str(late.info.state) == "ERROR"


def test_without_texts_a_trace_has_its_version_and_times_only(
    start: Callable[..., Running], tiny_model: Path, tmp_path: Path, home: Home, first_champion: None
) -> None:
    config = domain(tmp_path, tiny_model, log_texts=False)
    server = start(learning(config))
    answer = server.ask("A confidential question?")
    thumb = {"id": answer["id"], "thumb": "up", "comment": "a confidential comment"}
    assert server.post(thumb, "/feedback").status_code == 200

    [trace] = traces(config, home)

    assert "confidential" not in str(trace.to_dict())
    assert answer["choices"][0]["message"]["content"] not in str(trace.data.to_dict())
    assert trace.info.tags["ratchet.version"] == "1"
    assert pull_end_user_feedback(learning(config), home) == EndUserPull(
        new=0, skipped={"traces_without_a_question": 1}
    )


def test_requests_go_on_when_traces_cannot_be_written_and_what_is_lost_is_counted(
    start: Callable[..., Running],
    tiny_model: Path,
    tmp_path: Path,
    home: Home,
    first_champion: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from mlflow.tracing.client import TracingClient

    server = start(domain(tmp_path, tiny_model, max_untraced=2))

    def refuse(*_: Any) -> Any:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(TracingClient, "start_trace", refuse)
        answers = [server.ask() for _ in range(2)]
        wait_for(lambda: server.status()["counts"].get("untraced_failed") == 2)
        assert server.post({"id": answers[0]["id"], "thumb": "up"}, "/feedback").status_code == 404
        server.ask()
        wait_for(lambda: server.status()["counts"].get("untraced_failed") == 3)
    assert capfd.readouterr().err.count("traces are not written (the disk is full)") == 1

    go_on = threading.Event()
    with monkeypatch.context() as patch:
        original = TracingClient.start_trace
        patch.setattr(TracingClient, "start_trace", lambda *given: (go_on.wait(20), original(*given))[1])
        try:
            last = [server.ask() for _ in range(6)][-1]
            wait_for(lambda: server.status()["counts"].get("untraced_queue_full", 0) >= 3)
        finally:
            go_on.set()
        assert server.post({"id": last["id"], "thumb": "up"}, "/feedback").status_code == 200  # the oldest gave way
        wait_for(lambda: server.status()["counts"].get("traced", 0) >= 2)
    server.service.traces.close(10.0)
    counts = server.status()["counts"]
    lost = counts["answered"] - counts["traced"]
    assert lost == counts["untraced_failed"] + counts["untraced_queue_full"]
    assert f"serve: {lost} requests were not traced in MLflow, {counts['traced']} were" in capfd.readouterr().err
