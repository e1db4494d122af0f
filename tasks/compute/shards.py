"""Work that falls into parts which need nothing of each other: done here one after the other, or by Ray at once."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

from tasks.compute.ray_cluster import reach_cluster
from tasks.errors import ComputeError, RatchetError, first_line
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.settings.compute import ComputeSettings

Item = TypeVar("Item")
Shard = TypeVar("Shard")
Result = TypeVar("Result")


def cut_evenly(items: Sequence[Item], shards: int) -> list[Sequence[Item]]:
    """The items in at most so many runs, none empty, in their order; lengths differ by one at most."""
    count = min(shards, len(items))
    ends = [len(items) * number // count for number in range(count + 1)] if count else [0]
    return [items[start:end] for start, end in pairwise(ends)]


def map_shards(
    function: Callable[[Shard], Result],
    shards: Sequence[Shard],
    compute: ComputeSettings,
    home: Home,
    hardware: Hardware,
    on_done: Callable[[int], None] = lambda place: None,
) -> list[Result]:
    """What the function makes of each shard, in their order.

    With `compute.engine: ray` each shard is a Ray task with a CPU, and a GPU where the hardware is one; a task whose
    process dies is done again, up to `compute.max_restarts` times, so the function must give the same for the same.

    Args:
        function: of a module that the cluster's machines have, too.
        on_done: gets the place of each shard that is done, as they come.

    Raises:
        RatchetError: what the function met that a user can act on.
        ComputeError: when there is no cluster, or a task's process dies too often.
    """
    if compute.engine != "ray" or len(shards) < 2:
        results = []
        for place, shard in enumerate(shards):
            results.append(function(shard))
            on_done(place)
        return results
    ray = reach_cluster(compute, home)
    remote = ray.remote(num_cpus=1, num_gpus=1 if hardware.device == "cuda" else 0, max_retries=compute.max_restarts)(
        function
    )
    places = {remote.remote(shard): place for place, shard in enumerate(shards)}
    found: dict[int, Result] = {}
    waiting = list(places)
    try:
        while waiting:
            (done, *_), waiting = ray.wait(waiting, num_returns=1)
            found[places[done]] = ray.get(done)
            on_done(places[done])
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, RatchetError):
            raise error.cause from error
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as error:
        raise ComputeError(
            f"Ray lost a process that worked on one of {len(shards)} shards more often than "
            f"compute.max_restarts={compute.max_restarts} ({first_line(error)}); see that its machines have the "
            "memory, or raise it."
        ) from error
    finally:
        for task in waiting:
            ray.cancel(task, force=True)
    return [found[place] for place in range(len(shards))]
