"""The queue of requests, and the one thread that answers them in batches.

Requests of the same role that wait at the same time are decoded together. A model is swapped between two batches: the
batch that has begun ends with the model it began with, which is then freed.
"""

import gc
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence

from tasks.config import Config
from tasks.errors import RatchetError, first_line
from tasks.progress import say
from tasks.retrieval.searching import Searcher
from tasks.serve.answering import answer_jobs
from tasks.serve.errors import RequestError, shutting_down
from tasks.serve.jobs import Job
from tasks.serve.versions import Loaded, Role

_STOP_S = 10.0  # for the step of decoding that is under way


class Engine:
    """Answers jobs, in the order in which they come but for those of the other role.

    Attributes:
        searcher: of the domain's documents; needed before a version that retrieves is swapped in.
        counts: of jobs, by what became of them.
    """

    def __init__(self, config: Config) -> None:
        self.searcher: Searcher | None = None
        self.counts: Counter[str] = Counter()
        self._config = config
        self._models: dict[Role, Loaded] = {}
        self._waiting: deque[Job] = deque()
        self._running: Sequence[Job] = ()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="serve-engine", daemon=True)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Ends: who still waits gets a 503."""
        with self._changed:
            self._closed = True
            left = [*self._running, *self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for job in left:
            job.fail(shutting_down())
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def swap(self, role: Role, loaded: Loaded | None) -> None:
        """Gives a role its model from the next batch on; None takes the role away."""
        with self._changed:
            before = self._models.pop(role, None)
            if loaded is not None:
                self._models[role] = loaded
        del before
        gc.collect()  # a model has reference cycles, and is large

    def loaded(self, role: Role) -> Loaded | None:
        """The version that a role has now."""
        return self._models.get(role)

    @property
    def waiting(self) -> int:
        """Jobs that are waiting for a batch."""
        return len(self._waiting)

    def submit(self, job: Job) -> None:
        """Puts a job into the queue.

        Raises:
            RequestError: 503 when it is full, or the server is shutting down.
        """
        limit = self._config.serve.max_waiting
        with self._changed:
            if self._closed:
                raise shutting_down()
            if len(self._waiting) >= limit:  # those that nobody waits for any more take no place
                self._waiting = deque(each for each in self._waiting if each.is_open)
            if len(self._waiting) >= limit:
                self.counts["refused_queue_full"] += 1
                raise RequestError(
                    503, f"{limit} requests are waiting already: ask again in a moment.", retry_after_s=1
                )
            self._waiting.append(job)
            self._changed.notify_all()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            jobs, loaded = batch
            self._answer(loaded, jobs)
            self.counts["batches"] += 1
            del batch, loaded, jobs  # or the old model would stay until the next request
            with self._changed:
                self._running = ()

    def _next_batch(self) -> tuple[list[Job], Loaded] | None:
        """Waits for jobs; those of the first one's role, at most a batch, and the model for them."""
        settings = self._config.serve
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            full_by = time.monotonic() + settings.batch_wait_s
            while not self._closed and len(self._waiting) < settings.batch_size:
                left_s = full_by - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    break
            if self._closed:
                return None
            role = self._waiting[0].role
            jobs = [job for job in self._waiting if job.role == role][: settings.batch_size]
            taken = {job.id for job in jobs}
            self._waiting = deque(job for job in self._waiting if job.id not in taken)
            self._running = jobs
            # The challenger may have gone since the job was given to it.
            return jobs, self._models.get(role) or self._models["champion"]

    def _answer(self, loaded: Loaded, jobs: Sequence[Job]) -> None:
        """Answers all; what fails together is tried one by one, so that a request harms no other."""
        wanted = [job for job in jobs if job.is_open]
        if not wanted:
            return
        try:
            answer_jobs(self._config, loaded, self.searcher, wanted)
        except Exception as error:  # noqa: BLE001 - the thread must go on, and who waits is told
            left = [job for job in wanted if job.is_open]
            if len(wanted) > 1:
                for job in left:
                    if not job.has_shown.is_set():
                        self._answer(loaded, [job])
            for job in left:
                if not job.is_open:
                    continue
                say(f"serve: request {job.id} failed ({first_line(error)})")
                sentence = error.problems[0] if isinstance(error, RatchetError) else None
                job.fail(RequestError(500, sentence or "The model failed on this request: see the server's log."))
