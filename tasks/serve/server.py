"""`ratchet serve` as a whole: what it is made of, in the order in which it starts and ends."""

import math
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tasks.config import Config
from tasks.domain.loading import load_domain
from tasks.errors import RatchetError, first_line
from tasks.home import Home
from tasks.models.hardware import Hardware, choose_hardware, use_threads
from tasks.retrieval.searching import open_searcher
from tasks.serve.alias_watch import AliasWatch
from tasks.serve.engine import Engine
from tasks.serve.keys import check_host, find_keys
from tasks.serve.trace_writer import TraceWriter

if TYPE_CHECKING:
    import uvicorn

    from tasks.serve.app import Service

_TRACES_S = 10.0  # that the last traces may take to be written
_BACKLOG = 2048
_MAX_HEADER_BYTES = 32_768


@contextmanager
def open_service(config: Config, home: Home) -> Iterator["Service"]:
    """The service with the champion loaded; it follows the aliases and writes traces while the block runs.

    Raises:
        RatchetError: when there is no champion or it cannot be loaded, MLflow cannot be reached, or a setting does not
            hold.
    """
    from tasks.serve.app import Service

    keys = find_keys(config.serve)
    hardware = choose_hardware(config.model)
    use_threads(hardware)
    engine = Engine(config)
    with ExitStack() as stack:
        watch = AliasWatch(config, home, hardware, engine, _index_opener(config, home, hardware, engine, stack))
        traces = TraceWriter(config, home)
        watch.load_first()
        traces.start()
        stack.callback(traces.close, _TRACES_S)
        engine.start()
        stack.callback(engine.close)
        watch.start()
        stack.callback(watch.close)
        yield Service(config, keys, engine, watch, traces)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Args:
        port: 0: any that is free.

    Raises:
        RatchetError: when the port is taken, or the address is not this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        known = error.errno is not None and error.errno > 0  # names that lead nowhere have numbers of their own
        reason = os.strerror(error.errno or 0) if known else first_line(error.strerror or error)
        raise RatchetError(
            f"--host {host} --port {port}: cannot listen there ({reason}): end what uses the port, or name another."
        ) from error


def url_of(listener: socket.socket) -> str:
    """Where clients find the API."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def make_server(service: "Service") -> "uvicorn.Server":
    """The HTTP server; `run(sockets=[...])` returns after SIGTERM, SIGINT or `should_exit`, with all requests ended."""
    import uvicorn

    from tasks.serve.app import make_app
    from tasks.serve.patience import patient_protocol

    settings = service.config.serve
    return uvicorn.Server(
        uvicorn.Config(
            make_app(service),
            http=patient_protocol(settings.read_timeout_s),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # its lines would have what the query strings have
            proxy_headers=False,
            server_header=False,
            limit_concurrency=settings.max_connections,
            backlog=_BACKLOG,
            timeout_keep_alive=max(1, math.ceil(settings.read_timeout_s)),
            timeout_graceful_shutdown=math.ceil(settings.drain_s),
            h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        )
    )


def serve(config: Config, home: Home, host: str, port: int, announce: Callable[[dict[str, Any]], None]) -> None:
    """Serves until SIGTERM or Ctrl-C, then lets requests under way end for `serve.drain_s`.

    Args:
        announce: is given where the server is and what answers, once it does.

    Raises:
        RatchetError: when it cannot begin; see `open_service`, `listen` and `check_host`.
    """
    check_host(host, find_keys(config.serve))
    with listen(host, port) as listener, open_service(config, home) as service, _signals_end_it_well():
        loaded = service.engine.loaded("champion")
        assert loaded is not None
        announce(
            {
                "url": url_of(listener),
                "model": service.model,
                "version": loaded.version.version,
                "arm": loaded.arm,
                "experiment": service.traces.form.experiment_name,
            }
        )
        make_server(service).run(sockets=[listener])


def _index_opener(
    config: Config, home: Home, hardware: Hardware, engine: Engine, stack: ExitStack
) -> Callable[[], None]:
    """Opens the domain's index when it is needed first; it stays open until the end, with the documents of then."""

    def open_index() -> None:
        if engine.searcher is None:
            domain = load_domain(config, home)
            engine.searcher = stack.enter_context(open_searcher(config, home, domain, hardware, "serve"))

    return open_index


@contextmanager
def _signals_end_it_well() -> Iterator[None]:
    """Uvicorn raises the signal that ended it once more when it has drained; by then all is well."""
    handled = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
