"""Who trains on which rows, so that any number of workers takes the same steps as one.

One worker goes through an epoch in batches, `gradient_accumulation` of them a step. Several workers share the same
steps, and the gradients of a step are averaged over them. What they share depends on what a loss is a mean of:

- SFT: the rows of a step. Its loss is a mean over all tokens of the step, whoever has them.
- KTO: the rows of each batch. Its loss is a mean over them, and so is its estimate of the divergence.
- DPO: the batches of a step, each whole. A part of its loss, the likelihood of the chosen answers, is a mean over the
  tokens of a batch, and the mean of two halves' means is another number.

Full steps divide evenly (`sharing_problem` refuses others), but what is left at the end of an epoch may not. Then fewer
parts are made, as many as divide, and several workers work on the same one, which leaves every mean as it is. Of DPO's
last batches those are left out that no worker has time for in the same step.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeVar

from tasks.progress import say
from tasks.settings.training import DpoSettings, KtoSettings, SftSettings

Unit = Literal["step", "rows", "batches"]
Batches = list[list[int]]
Item = TypeVar("Item")


def unit_of(phase: SftSettings | DpoSettings | KtoSettings) -> Unit:
    """What the workers of a phase share: the rows of a step, the rows of each batch, or the batches of a step."""
    if isinstance(phase, SftSettings):
        return "step"
    return "batches" if isinstance(phase, DpoSettings) else "rows"


def own_part(items: Sequence[Item], workers: int, worker: int) -> list[Item]:
    """The worker's part of items that all share: equal parts, as many as the workers where that divides.

    Where it does not, there are fewer parts, each is had by the same number of workers, and so the mean over the
    workers is the mean over the items.
    """
    parts = math.gcd(len(items), workers)
    size = len(items) // parts
    start = worker % parts * size
    return list(items[start : start + size])


def cut(items: Sequence[Item], parts: int) -> list[list[Item]]:
    """The items in so many runs, whose lengths differ by one at most, longer ones first."""
    short, longer = divmod(len(items), parts)
    starts = [part * short + min(part, longer) for part in range(parts + 1)]
    return [list(items[start:end]) for start, end in pairwise(starts)]


def shared_count(batches: int, accumulation: int, workers: int) -> int:
    """How many of the `batches` of an epoch's last step workers can share in the time of a step; it is above 0.

    Args:
        batches: from 1 to `accumulation`.
        accumulation: batches of a full step, a multiple of `workers`.
    """
    most = accumulation // workers
    return max(count for count in range(1, batches + 1) if count // math.gcd(count, workers) <= most)


def share_step(step: Batches, unit: Unit, accumulation: int, workers: int, worker: int) -> Batches:
    """The batches that the worker goes through in a step; every worker has as many.

    Args:
        step: what one worker would go through, at least one batch.
        accumulation: batches of a full step.
    """
    if unit == "batches":
        return own_part(step[: shared_count(len(step), accumulation, workers)], workers, worker)
    even = all(len(batch) % workers == 0 for batch in step)
    if unit == "rows" or even:
        return [own_part(batch, workers, worker) for batch in step]
    rows = [row for batch in step for row in batch]
    enough = len(rows) // workers >= len(step)
    return cut(cut(rows, workers)[worker] if enough else own_part(rows, workers, worker), len(step))


class SharedBatches:
    """One worker's batches of an epoch: what torch calls a batch sampler.

    Args:
        batches: the batch sampler of a training by one worker; all workers must have it in the same order.
        accumulation: its batches in a full step.
    """

    batch_size = None  # they differ in size, and accelerate must not fill them up

    def __init__(self, batches: Any, unit: Unit, accumulation: int, workers: int, worker: int) -> None:
        self._batches = batches
        self._unit = unit
        self._accumulation = accumulation
        self._workers = workers
        self._worker = worker

    @property
    def sampler(self) -> Any:
        """What draws the order of the rows."""
        return self._batches.sampler

    def __len__(self) -> int:
        count = len(self._batches)
        if self._unit != "batches":
            return count
        steps, last = divmod(count, self._accumulation)
        shared = range(shared_count(last, self._accumulation, self._workers)) if last else range(0)
        return steps * self._accumulation // self._workers + len(own_part(shared, self._workers, self._worker))

    def __iter__(self) -> Iterator[list[int]]:
        step: Batches = []
        for batch in self._batches:
            step.append(batch)
            if len(step) == self._accumulation:
                yield from self._share(step)
                step = []
        if step:
            yield from self._share(step)

    def _share(self, step: Batches) -> Batches:
        return share_step(step, self._unit, self._accumulation, self._workers, self._worker)


def share_batches(trainer: Any, phase: SftSettings | DpoSettings | KtoSettings, workers: int) -> None:
    """Has the trainer's data loader give this worker's part of each step; says how many batches an epoch leaves out.

    transformers would hand out batches in turn, and fill up the last ones with rows of the first.
    """
    if workers == 1:
        return
    worker, unit, accumulation = trainer.args.process_index, unit_of(phase), phase.gradient_accumulation
    build = trainer.get_train_dataloader

    def build_shared() -> Any:
        loader = build()
        sharded = loader.batch_sampler
        shared = SharedBatches(sharded.batch_sampler, unit, accumulation, workers, worker)
        if hasattr(shared.sampler, "batch_size"):  # it puts like lengths together within some steps of one worker
            shared.sampler.batch_size = phase.batch_size * accumulation
        # Accelerate's own sharing is to pass on what it gets; transformers does the same for a sampler of its own.
        sharded.batch_sampler, sharded.batch_size = shared, None
        sharded.num_processes, sharded.process_index = 1, 0
        return loader

    trainer.get_train_dataloader = build_shared
    last = -(-len(trainer.train_dataset) // phase.batch_size) % accumulation
    lost = last - shared_count(last, accumulation, workers) if unit == "batches" and last else 0
    if lost and worker == 0:
        say(f"train: {lost} batches at the end of each epoch are left out, for {workers} workers cannot share them")
