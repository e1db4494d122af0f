"""Exact search: the same as comparing all with all, whatever runs and blocks the vectors come in."""

import numpy as np
import pytest

from tasks.retrieval import dense
from tasks.retrieval.dense import VectorRun, nearest


def test_nearest_is_what_comparing_all_with_all_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_SCORES_AT_ONCE", 21)
    monkeypatch.setattr(dense, "_QUERIES_AT_ONCE", 3)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((50, 8)).astype(np.float32)
    queries = rng.standard_normal((10, 8)).astype(np.float32)
    live = rng.random(50) < 0.8
    runs = [VectorRun(0, vectors[:20], live[:20], "a"), VectorRun(20, vectors[20:], live[20:], "b")]

    found = nearest(runs, queries, 5)

    similarity = np.where(live, queries @ vectors.T, -np.inf)
    for hits, row in zip(found, similarity, strict=True):
        expected = np.argsort(-row)[:5]
        assert [hit.position for hit in hits] == expected.tolist()
        assert [hit.score for hit in hits] == pytest.approx(row[expected].tolist(), abs=1e-6)


def test_fewer_are_found_where_there_are_fewer() -> None:
    run = VectorRun(5, np.eye(3, dtype=np.float32), np.array([True, False, True]), "a")
    (hits,) = nearest([run], np.eye(3, dtype=np.float32)[:1], 10)
    assert [hit.position for hit in hits] == [5, 7]
    assert nearest([], np.eye(3, dtype=np.float32), 4) == [[], [], []]
