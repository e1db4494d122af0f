"""Runs of Ratchet's deployments at a Prefect server: which are due, running them here, and how they ended."""

import asyncio
import os
import signal
import threading
import time
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import UUID

from flows.deployments import reaching_prefect
from tasks.errors import first_line

if TYPE_CHECKING:
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import FlowRun, State
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner import Runner

START_AHEAD = timedelta(seconds=10)  # a run takes longer than that to start
TAKEN_FOR = timedelta(minutes=10)  # from when a worker has a run until its container works
STOP_S = 30.0  # what a run is given to end before it is killed
TELL_AGAIN_S = 10.0


@dataclass(frozen=True)
class Ended:
    """How a run of the deployment ended.

    Attributes:
        completed: it did what it was there to do, which may have been nothing.
        cancelled: somebody wanted it to end.
        sentence: Prefect's words for it.
    """

    completed: bool
    cancelled: bool
    sentence: str


def due_runs(deployment_id: UUID) -> list[UUID]:
    """The runs of the deployment that wait to be started now, by schedule, event or hand.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.orchestration import get_client

    before = datetime.now(UTC) + START_AHEAD
    with reaching_prefect(), get_client(sync_client=True) as client:
        runs = client.get_scheduled_flow_runs_for_deployments([deployment_id], scheduled_before=before)
    return [run.id for run in runs]


def is_under_way(deployment_id: UUID, *, workers: bool) -> bool:
    """Whether a run of the deployment is about to start.

    Args:
        workers: also one that a worker has taken and not begun yet; one that was taken long ago died with its worker.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    now = datetime.now(UTC)
    before = filters.FlowRunFilterNextScheduledStartTime.model_validate({"before_": now + START_AHEAD})
    due = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    if _runs(deployment_id, filters.FlowRunFilter(state=due, next_scheduled_start_time=before)):
        return True
    if not workers:
        return False
    taken = filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.PENDING]))
    runs = _runs(deployment_id, filters.FlowRunFilter(state=taken))
    return any(run.state is not None and now - run.state.timestamp < TAKEN_FOR for run in runs)


def _runs(deployment_id: UUID, wanted: "FlowRunFilter") -> "list[FlowRun]":
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import filters

    among = filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment_id]))
    with reaching_prefect(), get_client(sync_client=True) as client:
        return client.read_flow_runs(deployment_filter=among, flow_run_filter=wanted)


def runs_ended_since(deployment_id: UUID, since: datetime) -> list[UUID]:
    """The runs of the deployment that have ended since that moment, the first of them first.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.schemas import filters

    ended = filters.FlowRunFilterEndTime.model_validate({"after_": since})
    runs = _runs(deployment_id, filters.FlowRunFilter(end_time=ended))
    ends = sorted((run.end_time, run.id) for run in runs if run.end_time is not None and run.end_time > since)
    return [run_id for _, run_id in ends]


def how_it_ended(run_id: UUID) -> Ended | None:
    """How the run ended; None when it has not, or was deleted.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    state: State[object] | None = None
    with reaching_prefect(), get_client(sync_client=True) as client, suppress(ObjectNotFound):
        state = client.read_flow_run(run_id).state
    if state is None or not state.is_final():
        return None
    said = f": {first_line(state.message)}" if state.message and not state.is_completed() else ""
    return Ended(state.is_completed(), state.is_cancelled(), f"{state.name}{said}")


@dataclass(frozen=True)
class Registered:
    """As much of a deployment that the server knows as Prefect's runner needs.

    Applied once more, as the runner does with a whole one, it would lose its scheduled runs, and the due one with them.
    """

    id: UUID
    name: str
    storage: None = None

    async def aapply(self) -> UUID:
        """The id; nothing is applied."""
        return self.id


def run_due(deployment: Registered) -> None:
    """Runs what is due, each run in a process of its own, and returns when they have ended, however they ended.

    Interrupted, it ends the running process first; the round can go on where it stopped.

    Raises:
        UnreachableError: when Prefect does not answer; a run that had started by then goes on to its end.
    """
    from prefect.runner import Runner

    runner = Runner(name=f"ratchet-{deployment.name}", limit=1, pause_on_shutdown=False)
    problems: list[Exception] = []
    ended = threading.Event()  # a thread whose join() is interrupted counts as ended in Python 3.11, though it is not
    thread = threading.Thread(target=_serve_once, args=(runner, deployment, problems, ended), daemon=True)
    # What Prefect and its child print there would stand between the lines of --json; progress goes to stderr.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        thread.start()
        try:
            ended.wait()
        finally:
            if not ended.is_set():
                _end_runs(ended)
    with reaching_prefect():
        for problem in problems:
            raise problem


def _serve_once(runner: "Runner", deployment: Registered, problems: list[Exception], ended: threading.Event) -> None:
    # A blocked signal is inherited: Ctrl-C at the terminal reaches this process alone, which then ends the run.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    async def serve() -> None:
        await runner.aadd_deployment(cast("RunnerDeployment", deployment))
        # Once, in a loop of our own: Prefect's loop gives up, and ends what runs, when its server is away for 30 s.
        await runner.start(run_once=True)

    try:
        asyncio.run(serve())
    except Exception as problem:  # noqa: BLE001 - raised again by the thread that waits
        problems.append(problem)
    finally:
        ended.set()


def _end_runs(ended: threading.Event) -> None:
    """Ends the processes of runs: each tells Prefect that it was interrupted, unless it takes too long over that."""
    import psutil

    # Told again after a while: Prefect raises at the signal, and Python drops what is raised in some callbacks.
    tell_at: dict[int, float] = {}
    kill_at = time.monotonic() + STOP_S
    while not ended.wait(0.2) and (now := time.monotonic()) < kill_at + STOP_S:
        for process in psutil.Process().children():
            with suppress(psutil.Error):  # it has ended meanwhile
                if "prefect.engine" not in process.cmdline():
                    continue
                if now > kill_at:
                    process.kill()
                elif now >= tell_at.get(process.pid, 0.0):
                    process.terminate()
                    tell_at[process.pid] = now + TELL_AGAIN_S
