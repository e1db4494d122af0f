"""What a benchmark compares: arms, model, adapter and frozen test set, named by one hash."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tasks.config import Config
from tasks.domain.loading import load_domain
from tasks.errors import ConfigError, RatchetError
from tasks.evaluation.round_win_rates import labels_sha256, read_test_labels
from tasks.files import sha256_of
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.progress import say
from tasks.records import (
    ADAPTER_ARMS,
    BENCHMARK_ARMS,
    RETRIEVAL_ARMS,
    BaseModelRef,
    Domain,
    ModelVersion,
    Record,
    Sha256,
)
from tasks.registry import mlflow_registry as registry

# The settings that a benchmark's figures depend on.
_SETTINGS = (
    "seed",
    "system_prompt",
    "model",
    "generation",
    "retrieval",
    "writer",
    "reference_judge",
    "judges",
    "judge_trust",
    "evaluate",
    "promote",
    "benchmark",
    "prices",
)


class Benchmark(Record):
    """What is compared."""

    key: Sha256 = Field(
        description="hash of all below, of people's labels on test answers, and of the settings that matter"
    )
    domain: Domain
    arms: tuple[str, ...] = Field(min_length=1, description="in the order base, rag, ft, rag_ft")
    base: BaseModelRef
    version: ModelVersion | None = Field(description="whose adapter ft and rag_ft use; None where neither is an arm")
    is_champion: bool = Field(description="whether that version is what consumers get")

    @property
    def retrieves(self) -> bool:
        """Whether an arm retrieves."""
        return any(arm in RETRIEVAL_ARMS for arm in self.arms)


def parse_arms(text: str) -> tuple[str, ...]:
    """The arms of a list such as `base,rag`, in the order of reports.

    Raises:
        ValueError: for an arm that does not exist, one named twice, or none; the message says which there are.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = ", ".join(BENCHMARK_ARMS)
    if not names:
        raise ValueError(f"name at least one arm of {known}")
    if unknown := [name for name in names if name not in BENCHMARK_ARMS]:
        raise ValueError(f"{unknown[0]!r} is no arm; choose from {known}")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{repeated[0]!r} is named twice; name each arm once")
    return tuple(arm for arm in BENCHMARK_ARMS if arm in names)


def open_benchmark(config: Config, home: Home, arms: Sequence[str], number: int | None = None) -> Benchmark:
    """What the arms would be compared on now: the domain as its files are, and the version whose adapter is used.

    Args:
        number: the version for ft and rag_ft; None: the champion, or the newest trained one where it has no adapter.

    Raises:
        DomainError: when the questions or documents cannot be used.
        ConfigError: when an arm needs documents and the config names none, or the base is not the version's.
        RatchetError: when an arm needs a trained version and there is none.
    """
    domain = load_domain(config, home)
    _require_documents(config, domain, arms)
    base = resolve_base(config.model, home)
    version, is_champion = None, False
    if any(arm in ADAPTER_ARMS for arm in arms):
        version, is_champion = _find_trained(config, home, base, number)
    identity = {
        "domain": domain.model_dump(mode="json"),
        "arms": list(arms),
        "base": base.sha256,
        "weights": version.weights_sha256 if version else None,
        "version": version.version if version else None,
        "is_champion": is_champion,
        "settings": config.model_dump(mode="json", include=set(_SETTINGS)),
        "labels": labels_sha256(read_test_labels(home, domain.name)),
    }
    return Benchmark(
        key=sha256_of(identity), domain=domain, arms=tuple(arms), base=base, version=version, is_champion=is_champion
    )


def report_folder(home: Home, benchmark: Benchmark) -> Path:
    """Where the benchmark's report lies; with report.html in it, it is finished."""
    return home.benchmarks(benchmark.domain.name) / benchmark.key[:16]


def _require_documents(config: Config, domain: Domain, arms: Sequence[str]) -> None:
    retrieving = [arm for arm in arms if arm in RETRIEVAL_ARMS]
    if retrieving and domain.documents.rows == 0:
        raise ConfigError(
            f"documents: there are none for {' and '.join(retrieving)} to retrieve from; name some, or compare the "
            f"other arms with `--arms {','.join(arm for arm in BENCHMARK_ARMS if arm not in RETRIEVAL_ARMS)}`."
        )


def _find_trained(config: Config, home: Home, base: BaseModelRef, number: int | None) -> tuple[ModelVersion, bool]:
    """The version, on the base where this machine has it, and whether it is the champion."""
    champion = registry.read_alias(config, home, registry.CHAMPION_ALIAS)
    version = _choose_trained(config, home, champion, number)
    if version.base.sha256 != base.sha256:
        raise ConfigError(
            f"model.base: {base.id!r} (sha256 {base.sha256[:12]}) is not what version {version.version} of "
            f"{config.name!r} was trained on, {version.base.id!r} ({version.base.sha256[:12]}): set it back, or "
            "compare base and rag only with `--arms base,rag`."
        )
    is_champion = champion is not None and champion.version == version.version
    return version.model_copy(update={"base": base}), is_champion


def _choose_trained(config: Config, home: Home, champion: ModelVersion | None, number: int | None) -> ModelVersion:
    if number is not None:
        version = registry.read_version(config, home, number)
        if version.adapter is None:
            raise RatchetError(
                f"Version {number} of {config.name!r} is the base model itself, without an adapter for ft and rag_ft: "
                "name a trained version (`ratchet history` lists them), or leave --version out."
            )
        return version
    if champion is not None and champion.adapter is not None:
        return champion
    trained = [entry.version for entry in registry.list_versions(config, home) if entry.version.adapter is not None]
    if not trained:
        raise RatchetError(
            f"{config.name!r} has no trained version, which ft and rag_ft need: run `ratchet round`, or compare base "
            "and rag only with `--arms base,rag`."
        )
    say(f"benchmark: the champion is the base model itself; ft and rag_ft use version {trained[-1].version}")
    return trained[-1]
