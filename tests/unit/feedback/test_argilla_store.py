"""How a push is cut into requests, and how Argilla's times are read."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.feedback import argilla_store


@given(sizes=st.lists(st.integers(0, 60), max_size=60), records=st.integers(1, 7), limit=st.integers(1, 90))
def test_batches_keep_the_order_and_both_limits(sizes: list[int], records: int, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argilla_store, "BATCH_RECORDS", records)
        patch.setattr(argilla_store, "BATCH_BYTES", limit)
        made: Any = argilla_store._batches(range(len(sizes)), lambda place: "x" * sizes[place])  # type: ignore[arg-type]
        batches = list(made)
    assert ["x" * size for size in sizes] == [record for batch in batches for record in batch]
    for batch in batches:
        assert 1 <= len(batch) <= records
        assert len(batch) == 1 or sum(len(record) + 2 for record in batch) <= limit
    # No batch could have taken the first record of the next.
    for batch, following in itertools.pairwise(batches):
        assert len(batch) == records or sum(len(record) + 2 for record in [*batch, following[0]]) > limit


@pytest.mark.parametrize(
    "text", ["2026-11-22T16:38:10.000123", "2026-11-22T16:38:10.000123Z", "2026-11-22T18:38:10.000123+02:00"]
)
def test_a_time_of_the_server_is_in_utc(text: str) -> None:
    moment = argilla_store._utc(text)
    assert moment == datetime(2026, 11, 22, 16, 38, 10, 123, tzinfo=UTC)
    assert moment.tzinfo is UTC
