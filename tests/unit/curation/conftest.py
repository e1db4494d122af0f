"""Sizes of curation's files, small enough for tests."""

import pytest

from tasks import snapshots
from tasks.curation.incremental import index, ingest, layers


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes at which a handful of questions has many shards, parts, runs and layers, and they are merged."""
    monkeypatch.setattr(snapshots, "_QUESTIONS_IN_ONE", 1)
    monkeypatch.setattr(snapshots, "_QUESTIONS_PER_SHARD", 1)
    monkeypatch.setattr(layers, "_ROWS_AT_ONCE", 8)
    monkeypatch.setattr(layers, "_SMALL_SHARE", 1.1)
    monkeypatch.setattr(layers, "_SMALL_LAYERS", 2)
    monkeypatch.setattr(index, "_SMALL_RUNS", 1)
    monkeypatch.setattr(index, "_SMALL_SHARE", 1.1)
    monkeypatch.setattr(ingest, "_RUN_ROWS", 2)
