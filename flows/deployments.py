"""Ratchet's deployments at a Prefect server: described, registered, and set off by events."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks.deployments import (
    CONCURRENCY,
    TIMEZONE,
    Deployment,
    Kind,
    Schedules,
    deployments_of,
    domain_resource,
    job_variables,
)
from tasks.errors import ConfigError, RatchetError, UnreachableError, first_line
from tasks.home import Home

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment


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
            "There is no Prefect server to deploy to: `ratchet up` starts one that stays, or set PREFECT_API_URL to "
            "yours, such as http://127.0.0.1:4200/api."
        )
    with reaching_prefect(), get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise _unreachable(url, problem)
    return url


def describe(domain: str, config_path: Path, schedules: Schedules) -> "dict[Kind, RunnerDeployment]":
    """Prefect's form of the domain's deployments. Nothing is asked of a server.

    Raises:
        ConfigError: when a schedule is no cron expression.
    """
    return {each.kind: _runner_deployment(each, config_path) for each in deployments_of(domain, schedules)}


def _runner_deployment(described: Deployment, config_path: Path) -> "RunnerDeployment":
    from prefect import Flow
    from prefect.deployments.runner import RunnerDeployment
    from prefect.events import DeploymentEventTrigger
    from prefect.types.entrypoint import EntrypointType

    from flows.improve import improve
    from flows.monitor import monitor

    flow: Flow[..., None] = monitor if described.flow == "monitor" else improve
    deployment = RunnerDeployment.from_flow(
        flow,
        name=described.name,
        description=described.description,
        parameters=described.parameters(config_path),
        triggers=[
            DeploymentEventTrigger(
                name=described.trigger_name(event), expect={event}, match={"prefect.resource.id": described.resource}
            )
            for event in described.events
        ],
        concurrency_limit=CONCURRENCY,
        schedule=None if described.schedule is None else read_cron(described.schedule),
        entrypoint_type=EntrypointType.MODULE_PATH,  # Prefect looks for a path in the folder that the run starts in
    )
    if described.schedule is None:
        # An empty list would take away what somebody has set at the server, and None is refused by it.
        deployment.schedules = None
        deployment.model_fields_set.discard("schedules")
    # Set, though to nothing, so that a deployment that was given a work pool is run here again.
    deployment.work_pool_name = deployment.work_queue_name = None
    return deployment


def read_cron(expression: str) -> Any:
    """Prefect's schedule of a cron expression, in UTC.

    Raises:
        ConfigError: when it is none.
    """
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.schedules import Cron
    from pydantic import ValidationError

    try:
        CronSchedule(cron=expression, timezone=TIMEZONE)
    except ValidationError as error:
        raise ConfigError(
            f"{expression!r} is no schedule: give a cron expression of five fields in UTC, such as '0 3 * * 0' for "
            "Sundays at three."
        ) from error
    return Cron(expression, timezone=TIMEZONE)


def register(deployment: "RunnerDeployment") -> UUID:
    """Creates the deployment and its triggers, or brings them up to date; returns its id.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    with reaching_prefect():
        return UUID(str(deployment.apply()))


def find_in_pool(name: str) -> UUID:
    """The id of the deployment with this full name, such as `improve/docs`, which workers of a pool run.

    Raises:
        RatchetError: when there is none, or none that is in a pool.
        UnreachableError: when Prefect does not answer.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with reaching_prefect(), get_client(sync_client=True) as client, suppress(ObjectNotFound):
        found = client.read_deployment_by_name(name)
        if found.work_pool_name is not None:
            return found.id
    raise RatchetError(
        f"No work pool has the deployment {name}: put it in one with `ratchet deploy CONFIG --pool NAME`, or "
        "watch without --leave-rounds."
    )


def put_in_pool(
    deployments: "Iterable[RunnerDeployment]",
    domain: str,
    pool: str,
    *,
    home: Home,
    config_path: Path,
    image: str | None,
) -> None:
    """Has a work pool's workers run the deployments, in a queue of the domain with a concurrency limit of 1.

    Raises:
        ConfigError: when there is no such pool, or its runs need an image and none is named.
        UnreachableError: when Prefect does not answer.
    """
    with reaching_prefect():
        pool_type = asyncio.run(_limit_queue(pool, domain))
    variables = dict(job_variables(pool_type, home, config_path, image))
    for deployment in deployments:
        deployment.work_pool_name, deployment.work_queue_name = pool, domain
        deployment.job_variables = variables


async def _limit_queue(pool: str, queue: str) -> str:
    """Makes the pool's queue take one run at a time; returns the pool's type."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    async with get_client() as client:
        try:
            pool_type = (await client.read_work_pool(pool)).type
        except ObjectNotFound as error:
            raise ConfigError(
                f"There is no work pool {pool!r}: make one with `prefect work-pool create {pool} --type process`, or "
                "docker, or kubernetes."
            ) from error
        try:
            found = await client.read_work_queue_by_name(queue, work_pool_name=pool)
        except ObjectNotFound:
            await client.create_work_queue(queue, work_pool_name=pool, concurrency_limit=CONCURRENCY)
        else:
            await client.update_work_queue(found.id, concurrency_limit=CONCURRENCY)
        return pool_type


def emit(event: str, domain: str, payload: Mapping[str, Any]) -> None:
    """Emits an event about the domain; returns when the server has it.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    from prefect.events import Event
    from prefect.events.clients import get_events_client
    from prefect.events.schemas.events import Resource

    resource = Resource({"prefect.resource.id": domain_resource(domain)})

    async def send() -> None:
        # Not `emit_event`: that hands the event to a thread, and nobody hears when it cannot be sent.
        async with get_events_client(reconnection_attempts=0, checkpoint_every=1) as client:
            await client.emit(Event(event=event, resource=resource, payload=dict(payload)))

    with reaching_prefect():
        asyncio.run(send())


@contextmanager
def reaching_prefect() -> Iterator[None]:
    """Turns the many ways in which a server can be away into one.

    Raises:
        UnreachableError: in place of each of them.
    """
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
