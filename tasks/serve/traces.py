"""Requests as MLflow traces, in the form that end users' feedback is pulled from, and thumbs as their assessments.

A trace is named after its response: `chatcmpl-<id>` has the trace `tr-<id>`. Traces are written by a thread of their
own from a bounded queue: no request waits for MLflow or fails by it, and what was not written is counted. Thumbs go
through the same queue, so that a thumb never comes before its trace. Texts are scrubbed before they leave the process.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.config import Config
from tasks.curation.filters.personal_data import scrub_text
from tasks.domain.splits import normalised
from tasks.errors import ConfigError
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.production_traces import NO_NAME, USER
from tasks.feedback.pulling import annotator_salt
from tasks.files import sha256_of
from tasks.home import Home
from tasks.records import Message, Rating
from tasks.registry.traces import ROOT_SPAN, make_span
from tasks.registry.version_tags import ADAPTER_SHA256
from tasks.serve.jobs import Reply

if TYPE_CHECKING:
    from mlflow.entities import Assessment, Span, TraceInfo

THUMBS = "thumbs"
VERSION_TAG = "ratchet.version"
QUESTION_TAG = "ratchet.question"
_BASE_SHA256 = "ratchet.base_sha256"
_PREVIEW_CHARACTERS = 200
_MILLISECOND = 1_000_000  # nanoseconds


@dataclass(frozen=True)
class Served:
    """A request that was answered, or failed.

    Attributes:
        id: 32 hex digits.
        began_ns, ended_ns: nanoseconds since 1970.
        user: as the client names them; None: it does not.
        reply: None when it failed.
        problem: why it failed.
    """

    id: str
    conversation: tuple[Message, ...]
    began_ns: int
    ended_ns: int
    user: str | None = None
    reply: Reply | None = None
    problem: str | None = None


@dataclass(frozen=True)
class GivenThumb:
    """A thumb on a served answer; `id` is that of the request."""

    id: str
    thumb: Rating
    comment: str | None
    user: str | None


@dataclass(frozen=True)
class TraceForm:
    """How requests become traces.

    Attributes:
        experiment_name: where the traces go.
        texts: whether questions and answers are in them.
        salt: the home's secret, from which users and questions get opaque ids.
    """

    experiment_name: str
    texts: bool
    salt: str = field(repr=False)
    home: Home
    phone_regions: tuple[str, ...]

    def scrub(self, text: str) -> str:
        """The text without personal data and keys."""
        rules = self.home.root / "serve" / "key_rules"
        return scrub_text(text, phone_regions=self.phone_regions, rule_cache=rules)[0]

    def opaque(self, user: str | None) -> str | None:
        """A user's id in traces: the same for the same user, and nobody's name."""
        return annotator_id(self.salt, user) if user else None


def experiment_name(config: Config) -> str:
    """The MLflow experiment that what is served is traced in.

    Raises:
        ConfigError: when end users' traces are to be looked for in the domain's own experiment.
    """
    name = config.end_users.mlflow_experiment or f"{config.name}-serve"
    if name == config.name:
        raise ConfigError(
            f"end_users.mlflow_experiment: {name!r} is where Ratchet keeps the domain's own runs and judges' traces; "
            f"name another for what is served, such as {config.name}-serve."
        )
    return name


def trace_form(config: Config, home: Home) -> TraceForm:
    """How this domain's requests become traces.

    Raises:
        ConfigError: when end users' traces are to be looked for in the domain's own experiment.
        HomeError: when the home cannot be written.
    """
    name = experiment_name(config)
    return TraceForm(name, config.serve.log_texts, annotator_salt(home), home, config.curate.phone_regions)


def describe(form: TraceForm, experiment: str, served: Served) -> "tuple[TraceInfo, list[Span]]":
    """The trace of a request with its one span, or two when passages were searched.

    Args:
        experiment: MLflow's id.
    """
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    trace_id, reply = f"tr-{served.id}", served.reply
    inputs, outputs, question, answer = _texts(form, served)
    user = form.opaque(served.user)
    usage = _usage(reply)
    metadata = {USER: user} if user else {}
    metadata |= {"mlflow.trace.tokenUsage": json.dumps(usage)} if usage else {}
    info = TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id(experiment),
        request_time=served.began_ns // _MILLISECOND,
        execution_duration=(served.ended_ns - served.began_ns) // _MILLISECOND,
        state=TraceState.OK if reply else TraceState.ERROR,
        request_preview=question[:_PREVIEW_CHARACTERS],
        response_preview=answer[:_PREVIEW_CHARACTERS],
        tags={"mlflow.traceName": "ratchet serve", QUESTION_TAG: _question_id(form, served), **_tags(reply)},
        trace_metadata=metadata,
    )
    times = (served.began_ns, served.ended_ns)
    problem = None if reply else served.problem or ""
    attributes = {"spanType": "CHAT_MODEL", **({"chat.tokenUsage": usage} if usage else {})}
    chat = make_span(
        trace_id, ROOT_SPAN, "chat", times, inputs=inputs, outputs=outputs, attributes=attributes, problem=problem
    )
    if reply is None or not reply.sources:
        return info, [chat]
    searched, found = {"query": question}, [_document(each.as_json()) for each in reply.sources]
    retriever = {"spanType": "RETRIEVER"}
    return info, [
        chat,
        make_span(trace_id, ROOT_SPAN + 1, "retrieve", times, inputs=searched, outputs=found, attributes=retriever),
    ]


def assessment(form: TraceForm, given: GivenThumb) -> "Assessment":
    """The thumb as MLflow keeps it."""
    from mlflow.entities import AssessmentSource, Feedback

    comment = given.comment if form.texts else None
    return Feedback(
        name=THUMBS,
        value=given.thumb == "up",
        rationale=form.scrub(comment) if comment else None,
        source=AssessmentSource(source_type="HUMAN", source_id=form.opaque(given.user) or NO_NAME),
        trace_id=f"tr-{given.id}",
    )


def _texts(form: TraceForm, served: Served) -> tuple[Any, Any, str, str]:
    """Inputs and outputs of the span, the question and the answer; all empty when texts are not kept."""
    if not form.texts:
        return None, None, "", ""
    messages = [{"role": each.role, "content": form.scrub(each.content)} for each in served.conversation]
    question = str(messages[-1]["content"])
    if served.reply is None:
        return {"messages": messages}, None, question, served.problem or ""
    answer = form.scrub(served.reply.text)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer},
        "finish_reason": served.reply.finish_reason,
    }
    return {"messages": messages}, {"object": "chat.completion", "choices": [choice]}, question, answer


def _tags(reply: Reply | None) -> dict[str, str]:
    if reply is None:
        return {}
    by = reply.answered_by
    return {
        VERSION_TAG: str(by.version),
        "ratchet.role": by.role,
        "ratchet.arm": by.arm,
        "ratchet.abstained": str(reply.abstained).lower(),
        "ratchet.waited_s": f"{reply.waited_s:.3f}",
        _BASE_SHA256 if by.is_base else ADAPTER_SHA256: by.weights_sha256,
    }


def _question_id(form: TraceForm, served: Served) -> str:
    """The same for the same conversation, and no way back to its texts."""
    said = [normalised(message.content) for message in served.conversation if message.role != "system"]
    return sha256_of([form.salt, said])[:32]


def _usage(reply: Reply | None) -> dict[str, int]:
    if reply is None:
        return {}
    total = reply.prompt_tokens + reply.completion_tokens
    return {"input_tokens": reply.prompt_tokens, "output_tokens": reply.completion_tokens, "total_tokens": total}


def _document(source: Mapping[str, Any]) -> dict[str, Any]:
    """A passage as MLflow shows it; its text is the document's own, and not kept again."""
    place = {name: source[name] for name in ("start", "end", "score", "cited")}
    return {"page_content": "", "metadata": {"doc_uri": source["document"], **place}, "id": source["document"]}
