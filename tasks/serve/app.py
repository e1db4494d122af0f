"""The HTTP interface: OpenAI's chat completions and models, health, feedback and the canary's figures."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.serve import replies
from tasks.serve.alias_watch import AliasWatch
from tasks.serve.canary import turn_of
from tasks.serve.engine import Engine
from tasks.serve.errors import RequestError
from tasks.serve.guarding import check_client, read_body
from tasks.serve.jobs import Job, Reply
from tasks.serve.keys import Keys
from tasks.serve.requests import ChatRequest, read_chat, read_feedback
from tasks.serve.thumbs import compare_served
from tasks.serve.trace_writer import TraceWriter
from tasks.serve.traces import GivenThumb, Served
from tasks.serve.waiting import Waiting

Handler = Callable[[Request], Awaitable[Response]]

_OUTCOMES = {499: "client_gone", 500: "failed", 504: "timed_out"}
_FEEDBACK_S = 10.0  # that MLflow may take to keep a thumb


@dataclass(frozen=True)
class Service:
    """What the handlers work with."""

    config: Config
    keys: Keys
    engine: Engine
    watch: AliasWatch
    traces: TraceWriter

    @property
    def model(self) -> str:
        """What clients call the model."""
        return self.config.name


def make_app(service: Service) -> Starlette:
    """The ASGI application."""

    def guarded(handler: Callable[[Service, Request], Awaitable[Response]]) -> Handler:
        async def handle(request: Request) -> Response:
            check_client(request, service.keys)
            return await handler(service, request)

        return handle

    async def ready(request: Request) -> Response:
        # Problems name files: those who may not ask are told only that there are some.
        told = status(service, with_problems=service.keys.admit(request.headers.get("authorization")))
        return JSONResponse(told, 200 if told["ready"] else 503)

    routes = [
        Route("/v1/chat/completions", guarded(chat), methods=["POST"]),
        Route("/v1/feedback", guarded(feedback), methods=["POST"]),
        Route("/v1/models", guarded(models), methods=["GET"]),
        Route("/v1/canary", guarded(canary), methods=["GET"]),
        Route("/health", health, methods=["GET"]),
        Route("/ready", ready, methods=["GET"]),
    ]
    handlers: Mapping[Any, Any] = {RequestError: _refuse, HTTPException: _no_such_route, Exception: _broken}
    return Starlette(routes=routes, exception_handlers=handlers)


async def health(request: Request) -> Response:
    """That the process is alive."""
    return JSONResponse({"status": "ok"})


async def models(service: Service, request: Request) -> Response:
    """The one model, and the version that answers."""
    champion = service.engine.loaded("champion")
    entry = {
        "id": service.model,
        "object": "model",
        "created": int(champion.loaded_at) if champion else 0,
        "owned_by": "ratchet",
    }
    return JSONResponse({"object": "list", "data": [entry]})


async def chat(service: Service, request: Request) -> Response:
    """An answer, whole or as a stream of server-sent events.

    Raises:
        RequestError: 4xx when the request cannot be answered; 503 when too many wait; 504 when it took too long.
    """
    body = await read_body(request, service.config.serve)
    asked = read_chat(body, service.config.serve, service.model, service.config.generation.max_new_tokens)
    began_ns, created = time.time_ns(), int(time.time())
    request_id = uuid.uuid4().hex
    waiting = Waiting(service.engine, _job(service, request_id, asked), service.config.serve.request_timeout_s)
    try:
        # A request that fails at once gets a status of its own, even if it wants a stream.
        first = await waiting.next_text(gone=request.receive)
    except RequestError as error:
        _trace(service, request_id, asked, began_ns, None, error)
        raise
    if asked.stream:
        events = _events(service, request_id, created, asked, waiting, first, began_ns)
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    reply = waiting.reply()
    _trace(service, request_id, asked, began_ns, reply, None)
    return JSONResponse(replies.completion(request_id, created, service.model, reply))


async def feedback(service: Service, request: Request) -> Response:
    """Keeps a thumb on an answer; it is in MLflow when this returns.

    Raises:
        RequestError: 404 when no such answer was traced; 503 when MLflow does not take it.
    """
    given = read_feedback(await read_body(request, service.config.serve))
    thumb = GivenThumb(given.id.partition("-")[2], given.thumb, given.comment, given.user)
    try:
        async with asyncio.timeout(_FEEDBACK_S):
            await asyncio.wrap_future(service.traces.rate(thumb))
    except TimeoutError as error:
        raise RequestError(503, "Feedback is slow at the moment: send it again later.", retry_after_s=10) from error
    return JSONResponse({"id": given.id, "thumb": given.thumb, "recorded": True})


async def canary(service: Service, request: Request) -> Response:
    """What users' thumbs say of challenger and champion.

    Raises:
        RequestError: 404 when no challenger answers; 503 when MLflow cannot be read.
    """
    champion, challenger = service.engine.loaded("champion"), service.engine.loaded("challenger")
    if champion is None or challenger is None:
        raise RequestError(404, "No challenger answers here: set serve.canary_share, and register one.")
    try:
        compared = await asyncio.to_thread(
            compare_served,
            service.config,
            service.watch.home,
            champion.version.version,
            challenger.version.version,
            resamples=service.config.evaluate.bootstrap_resamples,
            seed=service.config.seed,
        )
    except RatchetError as error:
        raise RequestError(503, error.problems[0], retry_after_s=10) from error
    return JSONResponse({"share": service.config.serve.canary_share, **compared.model_dump(mode="json")})


def status(service: Service, *, with_problems: bool) -> dict[str, Any]:
    """What answers, and how it goes."""
    champion, challenger = service.engine.loaded("champion"), service.engine.loaded("challenger")
    problems = dict(service.watch.problems)
    return {
        "ready": champion is not None,
        "model": service.model,
        "version": champion.version.version if champion else None,
        "arm": champion.arm if champion else None,
        "challenger": challenger.version.version if challenger else None,
        "problems": problems if with_problems else len(problems),
        "waiting": service.engine.waiting,
        "counts": {**service.engine.counts, **service.traces.counts},
    }


async def _events(
    service: Service,
    request_id: str,
    created: int,
    asked: ChatRequest,
    waiting: Waiting,
    first: str | None,
    began_ns: int,
) -> AsyncIterator[bytes]:
    model = service.model
    try:
        text, is_first = first, True
        while text is not None:
            yield replies.event(replies.chunk(request_id, created, model, text, is_first=is_first))
            is_first = False
            text = await waiting.next_text()
        reply = waiting.reply()
    except RequestError as error:  # the status is out already
        _trace(service, request_id, asked, began_ns, None, error)
        yield replies.event(error.body)
        return
    finally:
        waiting.give_up()
    _trace(service, request_id, asked, began_ns, reply, None)
    yield replies.event(replies.last_chunk(request_id, created, model, reply))
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield replies.event(replies.usage_chunk(request_id, created, model, reply))
    yield replies.event("[DONE]")


def _job(service: Service, request_id: str, asked: ChatRequest) -> Job:
    share = service.config.serve.canary_share if service.engine.loaded("challenger") else 0.0
    return Job(request_id, asked, turn_of(request_id, share), time.monotonic())


def _trace(
    service: Service,
    request_id: str,
    asked: ChatRequest,
    began_ns: int,
    reply: Reply | None,
    error: RequestError | None,
) -> None:
    """Hands the request to the traces, unless it was the client's own fault or it was never begun."""
    kind = "answered" if error is None else _OUTCOMES.get(error.status, "refused")
    service.engine.counts[kind] += 1
    if kind in ("client_gone", "refused"):
        return
    problem = error.problems[0] if error else None
    served = Served(request_id, asked.conversation, began_ns, time.time_ns(), asked.user, reply, problem)
    service.traces.put(served)


async def _refuse(request: Request, error: RequestError) -> Response:
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (408, 413, 415):  # the rest of the body is not read
        headers["Connection"] = "close"
    return JSONResponse(error.body, error.status, headers)


async def _no_such_route(request: Request, error: HTTPException) -> Response:
    known = "see /v1/models for what there is" if request.url.path.startswith("/v1") else "the API is below /v1"
    sentence = f"There is no {request.method} {request.url.path} here: {known}."
    return JSONResponse(RequestError(error.status_code, sentence).body, error.status_code, error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse(RequestError(500, "The server failed on this request: see its log.").body, 500)
