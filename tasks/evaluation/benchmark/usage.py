"""What each arm used, question by question, as the analysis of costs takes it."""

from collections.abc import Sequence

from tasks.evaluation.benchmark.answers import Said
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.retrieved import Retrieved
from tasks.files import bytes_on_disk
from tasks.home import Home
from tasks.records import ADAPTER_ARMS, RETRIEVAL_ARMS, ArmUsage
from tasks.roi.usage import share_latencies


def measure_usage(
    home: Home,
    benchmark: Benchmark,
    arm: str,
    said: Said,
    correct: Sequence[float],
    retrieved: Retrieved | None,
) -> ArmUsage:
    """The arm's tokens, seconds and correct answers by question, and what its adapter took to train.

    Args:
        said: with the latencies of the model alone.
        correct: 1 for each correct answer, 0 for the others.
        retrieved: None where no arm retrieves.
    """
    answers = said.answers[arm]
    latencies = [generation.latency_s for generation in answers.generations]
    searched = retrieved if arm in RETRIEVAL_ARMS else None
    searching = [context.latency_s for context in searched.contexts] if searched else [0.0] * len(latencies)
    adapter = benchmark.version.adapter if benchmark.version and arm in ADAPTER_ARMS else None
    adapter_bytes = bytes_on_disk(home.adapters / adapter.sha256) if adapter else 0
    return ArmUsage(
        arm=arm,
        retrieval=searched is not None,
        adapter=adapter is not None,
        prompt_tokens=tuple(generation.prompt_tokens for generation in answers.generations),
        completion_tokens=tuple(generation.completion_tokens for generation in answers.generations),
        latency_s=tuple(map(sum, zip(latencies, searching, strict=True))),
        server_s=tuple(map(sum, zip(share_latencies(latencies), searching, strict=True))),
        correct=tuple(correct),
        training_s=adapter.train_s if adapter else 0.0,
        train_tokens=adapter.train_tokens if adapter else 0,
        training_energy_j=adapter.train_energy_j if adapter else None,
        storage_bytes=(searched.index_bytes if searched else 0) + adapter_bytes,
        server_energy_j_per_query=_energy_per_query(said.energy_j[arm], len(latencies), searched),
    )


def _energy_per_query(energy_j: float | None, questions: int, searched: Retrieved | None) -> float | None:
    """Joules of answering one question, its search included; None where either was not read."""
    searching_j = searched.energy_j_per_query if searched else 0.0
    return None if energy_j is None or searching_j is None else energy_j / questions + searching_j
