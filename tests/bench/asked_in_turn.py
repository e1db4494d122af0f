"""Several ways of answering the same questions, asked in turn: how long each takes, and what it finds."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

FOUND = 10
SLOW_QUESTIONS = 20  # for LlamaIndex's default store, which takes seconds for one


def measure(
    answers: Mapping[Any, Callable[[str], list[str]]], asked: Sequence[Any], nearest: Mapping[str, set[str]]
) -> dict[Any, dict[str, float]]:
    """For each way of answering the median and 95th percentile of a question's milliseconds, of all and of those in
    which this process computed; recall; and where all it returns is by vectors the share of the nearest."""
    taken: dict[Any, list[tuple[float, float]]] = {name: [] for name in answers}
    found: dict[Any, list[list[str]]] = {name: [] for name in answers}
    for number, each in enumerate([*asked[:5], *asked]):
        for name, answer in answers.items():
            if "default store" in name[1] and number >= 5 + SLOW_QUESTIONS:
                continue
            started, computing = time.perf_counter(), time.process_time()
            documents = answer(each.question)
            if number >= 5:  # the first ones read from disk what all others find in memory
                taken[name].append((time.perf_counter() - started, time.process_time() - computing))
                found[name].append(documents)
    figures: dict[Any, dict[str, float]] = {}
    for name in answers:
        rows = list(zip(asked, found[name], strict=False))
        figures[name] = {
            **quantiles("", [wall for wall, _ in taken[name]]),
            **quantiles("computing_", [computing for _, computing in taken[name]]),
            "recall": statistics.mean(each.document_id in documents for each, documents in rows),
        }
        if name[1].startswith("dense"):
            shares = [len(nearest[each.question] & set(documents)) / FOUND for each, documents in rows]
            figures[name]["exact"] = statistics.mean(shares)
    return figures


def quantiles(kind: str, seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds."""
    *_, p95 = statistics.quantiles(seconds, n=20)
    return {f"p50_{kind}ms": 1000 * statistics.median(seconds), f"p95_{kind}ms": 1000 * p95}


def exact_search(vectors: Any, query: Any) -> set[str]:
    """The documents whose vectors are nearest, of equals any."""
    import numpy as np

    return {f"{at:06}.txt" for at in np.argsort(-(vectors @ query), kind="stable")[:FOUND]}
