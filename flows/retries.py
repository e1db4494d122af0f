"""The two kinds of task: those that talk to a server, which may fail for a moment, and all others."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def plain_task(function: Callable[Parameters, Result], name: str) -> Task[Parameters, Result]:
    """The function as a Prefect task, tried once: trying again would fail in the same way."""
    # The ledger of rounds decides what need not run again; inputs such as open runs cannot be hashed.
    return task(name=name, cache_policy=NO_CACHE)(function)


def network_task(function: Callable[Parameters, Result], name: str) -> Task[Parameters, Result]:
    """The function as a Prefect task that is tried four times when its server cannot be reached."""
    decorate = task(
        name=name,
        cache_policy=NO_CACHE,
        retries=3,
        retry_delay_seconds=[2.0, 10.0, 30.0],
        retry_condition_fn=_is_unreachable,
    )
    return decorate(function)


async def _is_unreachable(_task: Any, _run: Any, state: Any) -> bool:
    from tasks.errors import UnreachableError

    result = await state.result(raise_on_failure=False)
    return isinstance(result, UnreachableError)
