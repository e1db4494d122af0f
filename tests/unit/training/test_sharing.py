"""Workers that share a step see, together, what one worker sees in it."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.settings.training import DpoSettings, KtoSettings, SftSettings
from tasks.training.sharing import Batches, SharedBatches, cut, own_part, share_step, shared_count, unit_of

WORKERS = st.integers(1, 9)


class InOrder:
    """Batches of rows in their order, as torch's batch sampler gives them."""

    sampler = "the sampler"

    def __init__(self, rows: int, size: int) -> None:
        self.batches = [list(range(start, min(start + size, rows))) for start in range(0, rows, size)]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)


def share(step: Batches, unit: str, accumulation: int, workers: int) -> list[Batches]:
    return [share_step(step, unit, accumulation, workers, worker) for worker in range(workers)]  # type: ignore[arg-type]


def test_each_phase_shares_what_its_loss_is_a_mean_of() -> None:
    assert [unit_of(phase) for phase in (SftSettings(), KtoSettings(), DpoSettings())] == ["step", "rows", "batches"]


@given(items=st.integers(1, 40), workers=WORKERS)
def test_every_item_is_had_by_as_many_workers_as_every_other(items: int, workers: int) -> None:
    parts = [own_part(range(items), workers, worker) for worker in range(workers)]
    assert len({len(part) for part in parts}) == 1
    assert set(Counter(item for part in parts for item in part).values()) == {workers * len(parts[0]) // items}


@given(items=st.integers(0, 40), parts=st.integers(1, 9))
def test_a_cut_leaves_nothing_out_and_is_as_even_as_can_be(items: int, parts: int) -> None:
    pieces = cut(range(items), parts)
    assert [item for piece in pieces for item in piece] == list(range(items))
    assert len(pieces) == parts and max(map(len, pieces)) - min(map(len, pieces)) <= 1


@given(workers=WORKERS, rows=st.integers(1, 4), accumulation=st.integers(1, 4), last=st.integers(1, 200))
def test_sft_weighs_every_row_of_a_step_alike(workers: int, rows: int, accumulation: int, last: int) -> None:
    size = rows * workers
    step = InOrder(min(last, size * accumulation), size).batches
    shares = share(step, "step", accumulation, workers)
    assert {len(batches) for batches in shares} == {len(step)}
    assert all(batch for batches in shares for batch in batches)
    seen = Counter(row for batches in shares for batch in batches for row in batch)
    assert seen.keys() == {row for batch in step for row in batch} and len(set(seen.values())) == 1


@given(workers=WORKERS, rows=st.integers(1, 4), accumulation=st.integers(1, 4), last=st.integers(1, 200))
def test_kto_weighs_every_row_as_one_worker_does(workers: int, rows: int, accumulation: int, last: int) -> None:
    size = rows * workers
    step = InOrder(min(last, size * accumulation), size).batches
    shares = share(step, "rows", accumulation, workers)
    for place, batch in enumerate(step):
        weights: Counter[int] = Counter()
        for batches in shares:  # a mean over a worker's rows, then over the workers
            for row in batches[place]:
                weights[row] += Fraction(1, len(batches[place]) * workers)  # type: ignore[assignment]
        assert weights == dict.fromkeys(batch, Fraction(1, len(batch)))


@given(workers=WORKERS, times=st.integers(1, 4), rows=st.integers(1, 60), size=st.integers(1, 5))
def test_dpo_keeps_batches_whole_and_weighs_them_alike(workers: int, times: int, rows: int, size: int) -> None:
    accumulation = workers * times
    step = InOrder(min(rows, size * accumulation), size).batches
    shares = share(step, "batches", accumulation, workers)
    assert {len(batches) for batches in shares} == {len(shares[0])} and len(shares[0]) <= times
    seen = Counter(tuple(batch) for batches in shares for batch in batches)
    assert len(set(seen.values())) == 1 and seen.keys() <= {tuple(batch) for batch in step}
    assert len(seen) == shared_count(len(step), accumulation, workers)


@pytest.mark.parametrize(
    ("batches", "accumulation", "workers", "shared"),
    [(1, 2, 2, 1), (3, 4, 2, 2), (4, 4, 2, 4), (2, 4, 4, 2), (3, 4, 4, 2), (7, 8, 8, 4), (5, 8, 2, 4), (3, 8, 2, 3)],
)
def test_batches_that_nobody_has_time_for_are_left_out(
    batches: int, accumulation: int, workers: int, shared: int
) -> None:
    assert shared_count(batches, accumulation, workers) == shared


@given(
    workers=WORKERS,
    times=st.integers(1, 3),
    size=st.integers(1, 4),
    rows=st.integers(1, 120),
    unit=st.sampled_from(["step", "rows", "batches"]),
)
def test_every_worker_takes_as_many_steps_as_one_alone(
    workers: int, times: int, size: int, rows: int, unit: str
) -> None:
    by_batches = unit == "batches"
    accumulation = times * workers if by_batches else times
    alone = InOrder(rows, size if by_batches else size * workers)
    for worker in range(workers):
        shared = SharedBatches(alone, unit, accumulation, workers, worker)  # type: ignore[arg-type]
        assert len(list(shared)) == len(shared)
        own_accumulation = times
        assert -(-len(shared) // own_accumulation) == -(-len(alone) // accumulation)
        assert shared.sampler == "the sampler"
