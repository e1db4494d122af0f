"""Measured usage of the four arms, as tests of costs need it."""

import random
from typing import Any

from tasks.records import ArmUsage
from tasks.settings.prices import PriceSettings, ServingPrices

ARMS = ("base", "rag", "ft", "rag_ft")


def usage(arm: str, **changes: Any) -> ArmUsage:
    """One arm of four questions, all alike: 1,000 prompt and 500 completion tokens, 2 s of the machine, half correct.

    An adapter took an hour and 2,000,000 tokens to train; adapter and index are 10^9 bytes each.
    """
    retrieval, adapter = arm in ("rag", "rag_ft"), arm in ("ft", "rag_ft")
    questions = len(changes.get("correct", (1, 0, 1, 0)))
    fields: dict[str, Any] = {
        "arm": arm,
        "retrieval": retrieval,
        "adapter": adapter,
        "prompt_tokens": (1000,) * questions,
        "completion_tokens": (500,) * questions,
        "latency_s": (4.0,) * questions,
        "server_s": (2.0,) * questions,
        "correct": (1.0, 0.0, 1.0, 0.0),
        "training_s": 3600.0 if adapter else 0.0,
        "train_tokens": 2_000_000 if adapter else 0,
        "storage_bytes": 10**9 * (retrieval + adapter),
    }
    return ArmUsage(**{**fields, **changes})


def varied_usages(seed: int = 1, questions: int = 40) -> list[ArmUsage]:
    """Four arms whose questions differ; retrieval lengthens prompts, and both kinds of help make answers correct."""
    rng = random.Random(seed)
    typical = {"base": (60, 0.15), "rag": (400, 0.5), "ft": (60, 0.4), "rag_ft": (400, 0.8)}

    def spread(middle: float) -> list[float]:
        return [middle * rng.uniform(0.7, 1.3) for _ in range(questions)]

    return [
        usage(
            arm,
            prompt_tokens=tuple(round(tokens) for tokens in spread(prompt)),
            completion_tokens=tuple(round(tokens) for tokens in spread(25)),
            latency_s=tuple(spread(4.0)),
            server_s=tuple(spread(0.3 + prompt / 2000)),
            correct=tuple(float(rng.random() < share) for _ in range(questions)),
        )
        for arm, (prompt, share) in typical.items()
    ]


def some_prices(**changes: Any) -> PriceSettings:
    """An API without an adapter, a server of one's own with one, and a price for everything else."""
    fields: dict[str, Any] = {
        "queries_per_day": 5000.0,
        "without_adapter": ServingPrices(usd_per_1k_prompt_tokens=0.002, usd_per_1k_completion_tokens=0.006),
        "with_adapter": ServingPrices(usd_per_server_hour=0.5),
        "usd_per_training_hour": 2.0,
        "usd_per_1k_training_tokens": 0.001,
        "usd_per_label": 0.5,
        "labels_before_training": 500,
        "labels_per_retraining": 100,
        "index_build_usd": 5.0,
        "index_usd_per_month": 25.0,
        "storage_usd_per_gb_month": 0.1,
    }
    return PriceSettings(**{**fields, **changes})
