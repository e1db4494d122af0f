"""What a judge did, read back from a real MLflow."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from example_judging import judge_all
from example_records import comparison, question
from scripted_endpoint import KEY, ScriptedEndpoint, always_first, serve

from tasks.config import Config
from tasks.home import Home
from tasks.judging.llm_judge import Judged, LlmJudge
from tasks.judging.traces import trace_judgements
from tasks.records import Comparison
from tasks.registry.connection import connect, find_experiment

MakeJudge = Callable[..., LlmJudge]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(name="demo", questions="questions.jsonl", root=tmp_path)


def read_traces(config: Config, home: Home) -> list[Any]:
    with connect(config, home) as client:
        return list(client.search_traces(locations=[find_experiment(client, config, home)]))


def test_each_judgement_is_a_trace_with_its_calls_and_the_verdict_as_an_assessment(
    config: Config, home: Home, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(delay_s=0.02)) as endpoint:
        judge = make_judge(endpoint, price={"prompt": 1.0, "completion": 10.0})
        with trace_judgements(config, home, judge) as trace:
            judged = judge_all(judge, comparisons, note, trace)
    traces = {trace.data.spans[0].inputs["question_id"]: trace for trace in read_traces(config, home)}
    assert sorted(traces) == [each.question.id for each in comparisons]
    for each, verdict in zip(comparisons, judged.verdicts, strict=True):
        assert verdict is not None
        trace_ = traces[each.question.id]
        [assessment] = trace_.info.assessments
        assert (assessment.name, assessment.feedback.value) == ("preference", verdict.preference)
        assert assessment.rationale == verdict.reason
        assert (assessment.source.source_type, assessment.source.source_id) == ("LLM_JUDGE", judge.name)
        assert assessment.metadata["swap_inconsistent"] == "false" and assessment.metadata["confidence"] == "1.0"
        root, first, second = trace_.data.spans
        assert (root.inputs["a"], root.inputs["b"]) == (each.a.text, each.b.text)
        assert root.outputs["preference"] == verdict.preference
        assert [message["role"] for message in first.inputs["messages"]] == ["system", "user"]
        assert first.outputs["reason"] == "as the rubric says" and first.parent_id == second.parent_id == root.span_id
        assert first.get_attribute("ratchet.latency_s") >= 0.02
        assert trace_.info.token_usage == {"input_tokens": 200, "output_tokens": 40, "total_tokens": 240}
        assert second.llm_cost == pytest.approx({"input_cost": 1e-4, "output_cost": 2e-4, "total_cost": 3e-4})
        assert 40 <= trace_.info.execution_duration < 5_000
    assert KEY.encode() not in home.mlflow_database.read_bytes()


def test_an_inconsistent_verdict_is_seen_in_its_trace(
    config: Config, home: Home, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(always_first)) as endpoint:
        judge = make_judge(endpoint)
        with trace_judgements(config, home, judge) as trace:
            judge_all(judge, comparisons[:1], note, trace)
    [found] = read_traces(config, home)
    metadata = found.info.assessments[0].metadata
    assert (metadata["swap_inconsistent"], metadata["both_orders"]) == ("true", '["a", "b"]')


def test_what_is_kept_from_before_makes_no_second_trace_and_the_same_trace_twice_is_one(
    config: Config, home: Home, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    seen: list[Judged] = []
    with serve(ScriptedEndpoint()) as endpoint:
        judge = make_judge(endpoint)
        judge_all(judge, comparisons, note, seen.append)
        for _ in range(2):
            with trace_judgements(config, home, judge) as trace:
                for each in seen:
                    trace(each)
                judge_all(judge, comparisons, note, trace)
    traces = read_traces(config, home)
    assert len(traces) == 6 and all(len(trace.info.assessments) == 1 for trace in traces)


def test_judging_goes_on_when_mlflow_fails_and_says_what_is_missing(
    config: Config,
    home: Home,
    make_judge: MakeJudge,
    comparisons: list[Comparison],
    note: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home.mlflow_database.write_bytes(b"no database at all" * 100)
    with serve(ScriptedEndpoint()) as endpoint:
        judge = make_judge(endpoint)
        with trace_judgements(config, home, judge) as trace:
            judged = judge_all(judge, comparisons, note, trace)
    assert judged.counts.judged == 6
    [line] = [line for line in capsys.readouterr().err.splitlines() if "not traced" in line]
    assert line.startswith(f"judge {judge.name}: 6 judgements are not traced in MLflow (MLflow at sqlite")
    assert line.endswith("; the judgements themselves are kept")


def test_an_error_of_the_judge_leaves_as_it_is_and_what_was_judged_is_traced(
    config: Config, home: Home, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge = make_judge(endpoint)

        def judge_and_fail() -> None:
            with trace_judgements(config, home, judge) as trace:
                judge_all(judge, comparisons[:2], note, trace)
                raise RuntimeError("the judge's own")

        with pytest.raises(RuntimeError, match="the judge's own"):
            judge_and_fail()
    assert len(read_traces(config, home)) == 2


def test_judging_does_not_wait_for_traces(
    config: Config, home: Home, make_judge: MakeJudge, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracing.client import TracingClient

    start_trace = TracingClient.start_trace

    def slow(client: TracingClient, info: Any) -> Any:
        time.sleep(0.2)
        return start_trace(client, info)

    monkeypatch.setattr(TracingClient, "start_trace", slow)
    many = [comparison("RIGHT", "no", question(f"{number:02}")) for number in range(15)]
    with serve(ScriptedEndpoint()) as endpoint:
        judge = make_judge(endpoint)
        with trace_judgements(config, home, judge) as trace:
            judge_all(judge, many, note, trace)
            seconds_apart = endpoint.asked[-1].at_s - endpoint.asked[0].at_s
    assert seconds_apart < 15 * 0.2 / 2
    assert len(read_traces(config, home)) == 15
