"""The thread that writes traces and thumbs to MLflow."""

import threading
from collections import Counter, deque
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import RatchetError, first_line
from tasks.home import Home
from tasks.progress import say
from tasks.registry.connection import NOT_FOUND, connect, find_experiment
from tasks.serve.errors import RequestError
from tasks.serve.traces import GivenThumb, Served, assessment, describe, trace_form

if TYPE_CHECKING:
    from mlflow.entities import Span
    from mlflow.tracing.client import TracingClient

_AT_ONCE = 20  # traces written through one connection

_Item = Served | tuple[GivenThumb, "Future[None]"]


class TraceWriter:
    """Writes what it is given without making a request wait; who gives a thumb waits for it.

    Attributes:
        counts: traces by what became of them: `traced`, `untraced_queue_full`, `untraced_failed`, and `thumbs`.
    """

    def __init__(self, config: Config, home: Home) -> None:
        """Nothing is written before `start`.

        Raises:
            ConfigError: when the traces would go into the domain's own experiment.
        """
        self.counts: Counter[str] = Counter()
        self.form = trace_form(config, home)
        self._config = config.model_copy(update={"name": self.form.experiment_name})
        self._home = home
        self._limit = config.serve.max_untraced
        self._served: dict[str, Served] = {}  # by id, oldest first
        self._thumbs: deque[tuple[GivenThumb, Future[None]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._given = 0
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="serve-traces", daemon=True)

    def start(self) -> None:
        """Begins to write; the experiment is created when it is missing.

        Raises:
            RatchetError: when MLflow cannot be reached, or somebody deleted the experiment.
        """
        with connect(self._config, self._home) as client:
            find_experiment(client, self._config, self._home)
        self._thread.start()

    def put(self, served: Served) -> None:
        """Takes a request to be traced; when too many wait, the oldest is counted instead.

        Of those that wait, a thumb is least to be expected on the oldest: there has been time for one.
        """
        with self._changed:
            self._given += 1
            self._served[served.id] = served
            if len(self._served) > self._limit or self._closed:
                del self._served[next(iter(self._served))]
                self.counts["untraced_queue_full"] += 1
            self._changed.notify()

    def rate(self, given: GivenThumb) -> "Future[None]":
        """Takes a thumb; the result is there when MLflow has it.

        The result is a RequestError: 404 when there is no such trace, 503 when MLflow does not take it now.
        """
        done: Future[None] = Future()
        with self._changed:
            if len(self._thumbs) >= self._limit or self._closed:
                raise _busy()
            self._thumbs.append((given, done))
            self._changed.notify()
        return done

    def close(self, within_s: float) -> None:
        """Writes what is waiting, for this long; how many requests were never traced is said."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(within_s)
        with self._changed:
            left: list[_Item] = [*self._served.values(), *self._thumbs]
            self._served.clear()
            self._thumbs.clear()
        self._give_up(left, None)
        if lost := self._given - self.counts["traced"]:
            say(f"serve: {lost} requests were not traced in MLflow, {self.counts['traced']} were")

    def _run(self) -> None:
        while batch := self._next():
            try:
                self._write(batch)
                if any(isinstance(item, Served) for item in batch):
                    self._failing = False
            except Exception as error:  # noqa: BLE001 - none of a tracing library's may end the thread
                self._give_up(batch, error)

    def _next(self) -> list[_Item]:
        """What has gathered, at most `_AT_ONCE`; empty when there is nothing left and nothing will come.

        Thumbs come before traces, for somebody waits for them, but each behind its own trace.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._served or self._thumbs or self._closed)
            thumbs = [self._thumbs.popleft() for _ in range(min(_AT_ONCE, len(self._thumbs)))]
            wanted = dict.fromkeys(given.id for given, _ in thumbs if given.id in self._served)
            first = [self._served.pop(name) for name in wanted]
            room = _AT_ONCE - len(first) if not thumbs else 0
            rest = [self._served.pop(name) for name in list(self._served)[:room]]
            return [*first, *thumbs, *rest]

    def _write(self, batch: list[_Item]) -> None:
        with connect(self._config, self._home) as client:
            from mlflow.tracing.client import TracingClient

            experiment = find_experiment(client, self._config, self._home)
            # MlflowClient's own calls would send the trace to wherever MLflow's global URI points.
            tracing = TracingClient(client.tracking_uri)
            spans: list[Span] = []
            for item in batch:
                if isinstance(item, Served):
                    info, its_spans = describe(self.form, experiment, item)
                    tracing.start_trace(info)
                    spans += its_spans
                else:
                    self._write_thumb(tracing, experiment, *item)
            if spans:
                tracing.log_spans(experiment, spans)
            self.counts["traced"] += sum(isinstance(item, Served) for item in batch)

    def _write_thumb(self, tracing: "TracingClient", experiment: str, given: GivenThumb, done: "Future[None]") -> None:
        from mlflow.exceptions import MlflowException

        try:
            known = str(tracing.get_trace_info(f"tr-{given.id}").experiment_id) == experiment
        except MlflowException as error:
            if error.error_code != NOT_FOUND:
                raise
            known = False
        if known:
            tracing.log_assessment(f"tr-{given.id}", assessment(self.form, given))
            self.counts["thumbs"] += 1
            _settle(done, None)
        else:
            sentence = f"There is no traced answer {given.id!r}: send the `id` of a response of this server."
            _settle(done, RequestError(404, sentence, param="id"))

    def _give_up(self, items: list[_Item], error: Exception | None) -> None:
        if error is not None and not self._failing:
            say(f"serve: traces are not written ({first_line(error)}); requests go on without")
            self._failing = True
        for item in items:
            if isinstance(item, Served):
                self.counts["untraced_failed"] += 1
            else:
                _settle(item[1], _busy())


def _settle(done: "Future[None]", error: RatchetError | None) -> None:
    with suppress(InvalidStateError):  # nobody waits any more
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _busy() -> RequestError:
    return RequestError(503, "Feedback cannot be kept at the moment: send it again later.", retry_after_s=10)
