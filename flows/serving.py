"""What `ratchet watch` asks of a Prefect server: a deployment with a trigger, an event, and running what is due."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from tasks.errors import RatchetError, UnreachableError, first_line

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State
    from prefect.deployments.runner import RunnerDeployment
    from prefect.runner import Runner

LABELS_READY = "ratchet.labels.ready"
START_AHEAD = timedelta(seconds=10)  # a run takes longer than that to start
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


def find_server() -> str:
    """The URL of the Prefect server's API.

    Raises:
        RatchetError: when none is set.
        UnreachableError: when nothing answers there.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    url: str | None = PREFECT_API_URL.value()
    if not url:
        raise RatchetError(
            "PREFECT_API_URL is not set, and watching needs a Prefect server that stays: run `prefect server start`, "
            "and set PREFECT_API_URL=http://127.0.0.1:4200/api."
        )
    with _reaching_prefect(), get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise _unreachable(url, problem)
    return url


def domain_resource(domain: str) -> dict[str, str | list[str]]:
    """The resource that the event is about, and that the trigger listens for."""
    return {"prefect.resource.id": f"ratchet.domain.{domain}"}


def describe_deployment(domain: str, config_path: Path) -> "RunnerDeployment":
    """The deployment `improve/<domain>`: one run at a time, started by the event that labels are ready."""
    from prefect.deployments.runner import RunnerDeployment
    from prefect.events import DeploymentEventTrigger
    from prefect.types.entrypoint import EntrypointType

    from flows.improve import improve

    trigger = DeploymentEventTrigger(
        name=f"improve/{domain}: labels are ready",
        expect={LABELS_READY},
        match=domain_resource(domain),
    )
    deployment = RunnerDeployment.from_flow(
        improve,
        name=domain,
        description=f"Rounds of {domain}, run by `ratchet watch` when enough new labels are in.",
        parameters={"config_path": str(config_path.resolve())},
        triggers=[trigger],
        concurrency_limit=1,
        # By module: Prefect looks for a path in the folder that the run starts in.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    # Set, though to nothing, so that a deployment that was given a work pool is run here again.
    deployment.work_pool_name = deployment.work_queue_name = None
    return deployment


def register(deployment: "RunnerDeployment") -> UUID:
    """Creates the deployment and its trigger, or brings them up to date; returns its id.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    with _reaching_prefect():
        return UUID(str(deployment.apply()))


def emit_ready(domain: str, payload: dict[str, int]) -> None:
    """Emits the event that starts a round; returns when the server has it.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.events import Event
    from prefect.events.clients import get_events_client

    async def emit() -> None:
        # Not `emit_event`: that hands the event to a thread, and nobody hears when it cannot be sent.
        async with get_events_client(reconnection_attempts=0, checkpoint_every=1) as client:
            await client.emit(Event(event=LABELS_READY, resource=domain_resource(domain), payload=payload))  # type: ignore[arg-type]

    with _reaching_prefect():
        asyncio.run(emit())


def due_runs(deployment_id: UUID) -> list[UUID]:
    """The runs of the deployment that wait to be started now, by schedule, event or hand.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.orchestration import get_client

    before = datetime.now(UTC) + START_AHEAD
    with _reaching_prefect(), get_client(sync_client=True) as client:
        runs = client.get_scheduled_flow_runs_for_deployments([deployment_id], scheduled_before=before)
    return [run.id for run in runs]


def has_waiting_runs(deployment_id: UUID) -> bool:
    """Whether a run of the deployment waits to be started, now or later.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    waiting = filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED])
    with _reaching_prefect(), get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment_id])),
            flow_run_filter=filters.FlowRunFilter(state=filters.FlowRunFilterState(type=waiting)),
            limit=1,
        )
    return bool(runs)


def how_it_ended(run_id: UUID) -> Ended | None:
    """How the run ended; None when it has not.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.orchestration import get_client

    with _reaching_prefect(), get_client(sync_client=True) as client:
        state: State[object] | None = client.read_flow_run(run_id).state
    if state is None or not state.is_final():
        return None
    said = f": {first_line(state.message)}" if state.message and not state.is_completed() else ""
    return Ended(state.is_completed(), state.is_cancelled(), f"{state.name}{said}")


def run_due(deployment: "RunnerDeployment") -> None:
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
    with _reaching_prefect():
        for problem in problems:
            raise problem


def _serve_once(
    runner: "Runner", deployment: "RunnerDeployment", problems: list[Exception], ended: threading.Event
) -> None:
    # A blocked signal is inherited: Ctrl-C at the terminal reaches this process alone, which then ends the run.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    async def serve() -> None:
        await runner.aadd_deployment(deployment)
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


@contextmanager
def _reaching_prefect() -> Iterator[None]:
    """Turns the many ways in which a server can be away into one."""
    import httpx
    from prefect.deployments.runner import DeploymentApplyError
    from prefect.settings import PREFECT_API_URL
    from websockets.exceptions import WebSocketException

    try:
        yield
    except (httpx.HTTPError, OSError, WebSocketException, DeploymentApplyError) as error:
        raise _unreachable(str(PREFECT_API_URL.value()), error) from error
    except ExceptionGroup as group:
        raise _unreachable(str(PREFECT_API_URL.value()), group.exceptions[0]) from group
    except RuntimeError as error:
        if not str(error).startswith(("Runner failed to start", "Failed to reach API")):
            raise
        raise _unreachable(str(PREFECT_API_URL.value()), error) from error


def _unreachable(url: str, error: BaseException) -> UnreachableError:
    return UnreachableError(
        f"Prefect does not answer at {url} ({first_line(error)}): start it with `prefect server start`, or correct "
        "PREFECT_API_URL."
    )
