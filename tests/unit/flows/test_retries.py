"""Only a server that cannot be reached is tried again; an error that would come again ends the round at once."""

import asyncio
from typing import Any

import pytest
from prefect.cache_policies import NO_CACHE

from flows.retries import network_task, plain_task
from tasks.errors import ModelError, RatchetError, UnreachableError


class FailedState:
    """A task run's state that holds an exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def result(self, raise_on_failure: bool) -> Exception:
        assert not raise_on_failure
        return self.error


def work() -> None:
    """Does nothing."""


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (UnreachableError("MLflow did not answer."), True),
        (RatchetError("No such version."), False),
        (ModelError("No model."), False),
        (ValueError("A mistake of ours."), False),
    ],
)
def test_only_an_unreachable_server_is_tried_again(error: Exception, again: bool) -> None:
    decide: Any = network_task(work, "work").retry_condition_fn

    assert asyncio.run(decide(None, None, FailedState(error))) is again


def test_a_server_gets_three_more_chances_each_after_a_longer_wait() -> None:
    task = network_task(work, "work")

    assert task.retries == 3
    assert task.retry_delay_seconds == [2.0, 10.0, 30.0]


def test_work_of_our_own_is_tried_once() -> None:
    assert plain_task(work, "work").retries == 0


@pytest.mark.parametrize("wrap", [plain_task, network_task])
def test_prefect_caches_nothing_because_the_ledger_decides(wrap: Any) -> None:
    task = wrap(work, "a name for the UI")

    assert (task.name, task.cache_policy, task.fn) == ("a name for the UI", NO_CACHE, work)
