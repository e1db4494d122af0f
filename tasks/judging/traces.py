"""Judgements as MLflow traces: what the judge was asked and said, tokens, latency, and the verdict as an assessment.

A trace's id is a hash of judge, comparison and replies, so that a judgement written twice is one trace. Traces are
written by a thread of their own, which takes all that has gathered since it last looked: judging does not wait for
it. When MLflow fails, judging goes on without traces, and says how many are missing.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import first_line
from tasks.files import sha256_of
from tasks.home import Home
from tasks.judging.asking import Reply
from tasks.judging.budget import MILLION
from tasks.judging.llm_judge import Judged, LlmJudge
from tasks.progress import say
from tasks.registry.connection import connect, find_experiment
from tasks.registry.traces import ROOT_SPAN, make_span

if TYPE_CHECKING:
    from mlflow.entities import Assessment, Span, TraceInfo

_PREVIEW_CHARACTERS = 200
_NANOSECONDS = 1_000_000_000


@contextmanager
def trace_judgements(config: Config, home: Home, judge: LlmJudge) -> Iterator[Callable[[Judged], None]]:
    """Yields a function that writes a judgement to the domain's experiment; at the end all of them are written.

    It never raises for MLflow's sake: what could not be written is counted, and said.
    """
    writer = _Writer(config, home, judge)
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="traces")

    def write(judged: Judged) -> None:
        writer.given += 1
        if writer.error is None:
            writer.waiting.put((judged, time.time_ns()))
            pool.submit(writer.write_waiting).add_done_callback(writer.note)

    try:
        yield write
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        pool.shutdown()
        if writer.error is not None:
            say(
                f"judge {judge.name}: {writer.given - writer.written} judgements are not traced in MLflow "
                f"({first_line(writer.error)}); the judgements themselves are kept"
            )


@dataclass
class _Writer:
    config: Config
    home: Home
    judge: LlmJudge
    waiting: SimpleQueue[tuple[Judged, int]] = field(default_factory=SimpleQueue)
    given: int = 0
    written: int = 0
    error: BaseException | None = None
    experiment: str | None = None

    def write_waiting(self) -> None:
        """Writes what has gathered; a job that comes after one that took it all has nothing to do."""
        if self.error is not None or self.waiting.empty():
            return
        with connect(self.config, self.home) as client:
            from mlflow.tracing.client import TracingClient

            if self.experiment is None:
                self.experiment = find_experiment(client, self.config, self.home)
            # MlflowClient's own calls would send the trace to wherever MLflow's global URI points.
            tracing = TracingClient(client.tracking_uri)
            batch = self._take()
            spans: list[Span] = []
            for judged, ended_ns in batch:
                info, its_spans = describe(self.judge, self.experiment, judged, ended_ns)
                tracing.start_trace(info)
                spans += its_spans
            tracing.log_spans(self.experiment, spans)
            self.written += len(batch)

    def note(self, job: "Future[None]") -> None:
        """Keeps the first error, whatever it is: none of a tracing library's may end a round."""
        if not job.cancelled() and self.error is None:
            self.error = job.exception()

    def _take(self) -> list[tuple[Judged, int]]:
        taken = []
        while True:
            try:
                taken.append(self.waiting.get_nowait())
            except Empty:
                return taken


def describe(judge: LlmJudge, experiment: str, judged: Judged, ended_ns: int) -> tuple["TraceInfo", list["Span"]]:
    """The trace of a judgement and its three spans: the judgement, and the two calls it took.

    Args:
        ended_ns: when the verdict was there, in nanoseconds since 1970.
    """
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    comparison, verdict = judged.comparison, judged.verdict
    identity = [judge.name, comparison.question.id, comparison.a.id, comparison.b.id]
    number = sha256_of([*identity, *(reply.kept.key for reply in judged.replies)])[:32]
    trace_id = f"tr-{number}"
    # One call came after the other; when they were kept from before, they took no time now.
    lengths_ns = [round(reply.kept.latency_s * _NANOSECONDS) if reply.paid else 0 for reply in judged.replies]
    began_ns = ended_ns - sum(lengths_ns)
    ids = {"question_id": comparison.question.id, "candidate_a": comparison.a.id, "candidate_b": comparison.b.id}
    question = {**ids, "question": comparison.question.question, "a": comparison.a.text, "b": comparison.b.text}
    info = TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id(experiment),
        request_time=began_ns // 1_000_000,
        execution_duration=(ended_ns - began_ns) // 1_000_000,
        state=TraceState.OK,
        request_preview=comparison.question.question[:_PREVIEW_CHARACTERS],
        response_preview=f"{verdict.preference}: {verdict.reason}"[:_PREVIEW_CHARACTERS],
        tags={"mlflow.traceName": f"judge {judge.settings.name}", "ratchet.judge": judge.name},
        trace_metadata={f"ratchet.{name}": value for name, value in ids.items()},
        assessments=[_assessment(judge, trace_id, judged)],
    )
    middle_ns = began_ns + lengths_ns[0]
    said, evaluator = verdict.model_dump(mode="json"), {"spanType": "EVALUATOR"}
    whole = (began_ns, ended_ns)
    return info, [
        make_span(trace_id, ROOT_SPAN, "judge", whole, inputs=question, outputs=said, attributes=evaluator),
        _call_span(judge, trace_id, ROOT_SPAN + 1, judged.replies[0], (began_ns, middle_ns)),
        _call_span(judge, trace_id, ROOT_SPAN + 2, judged.replies[1], (middle_ns, ended_ns)),
    ]


def _assessment(judge: LlmJudge, trace_id: str, judged: Judged) -> "Assessment":
    from mlflow.entities import AssessmentSource, Feedback

    verdict = judged.verdict
    used = [reply.kept.used for reply in judged.replies if reply.paid]
    metadata = {
        "confidence": str(verdict.confidence),
        "swap_inconsistent": str(verdict.swap_inconsistent).lower(),
        "both_orders": json.dumps(verdict.both_orders),
        "tokens": str(sum(tokens.total for tokens in used)),
    }
    feedback = Feedback(
        name="preference",
        value=verdict.preference,
        rationale=verdict.reason,
        source=AssessmentSource(source_type="LLM_JUDGE", source_id=judge.name),
        trace_id=trace_id,
        metadata=metadata,
    )
    # Of its own accord it would have another id each time, and the trace another assessment.
    feedback.assessment_id = f"a-{trace_id.removeprefix('tr-')}"
    return feedback


def _call_span(judge: LlmJudge, trace_id: str, number: int, reply: Reply, times_ns: tuple[int, int]) -> "Span":
    used, settings = reply.kept.used, judge.settings
    usage = {"input_tokens": used.prompt, "output_tokens": used.completion, "total_tokens": used.total}
    cost = {
        "input_cost": used.prompt * settings.price.prompt / MILLION,
        "output_cost": used.completion * settings.price.completion / MILLION,
    }
    # What was kept from before was paid for, and counted, in the trace of that time.
    paid = {"chat.tokenUsage": usage, "llm.cost": {**cost, "total_cost": sum(cost.values())}} if reply.paid else {}
    attributes = {
        "spanType": "CHAT_MODEL",
        "llm.model": settings.model,
        **paid,
        "ratchet.latency_s": reply.kept.latency_s,
        "ratchet.kept": not reply.paid,
    }
    request = {"messages": [dict(message) for message in reply.call.messages]}
    return make_span(
        trace_id, number, "ask", times_ns, inputs=request, outputs=reply.kept.content, attributes=attributes
    )
