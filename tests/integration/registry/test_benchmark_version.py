"""Which version's adapter a benchmark takes: the champion's, or the newest trained one, or the one asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.evaluation.benchmark.plan import Benchmark, open_benchmark
from tasks.home import Home
from tasks.records import BaseModelRef, ModelVersion
from tasks.registry import mlflow_registry as registry

Train = Callable[[int], Any]


@pytest.fixture
def versions(config: Config, home: Home, base: BaseModelRef, train: Train) -> tuple[ModelVersion, ...]:
    """The base as the champion, and two trained versions after it."""
    (config.root / "questions.jsonl").write_text(
        '{"question": "?", "answer": "!", "split": "test"}\n{"question": "??", "answer": "!", "split": "train"}\n'
    )
    champion = registry.ensure_champion(config, home, base)
    made = (train(number) for number in (1, 2))
    return champion, *(registry.register_adapter(config, home, t.adapter, t.folder, tags={}) for t in made)


def opened(config: Config, home: Home, number: int | None = None) -> Benchmark:
    return open_benchmark(config, home, ("base", "ft"), number)


def test_where_the_champion_is_the_base_the_newest_trained_version_is_taken_and_said(
    config: Config, home: Home, versions: tuple[ModelVersion, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = opened(config, home)

    assert benchmark.version == versions[2] and not benchmark.is_champion
    assert "the champion is the base model itself; ft and rag_ft use version 3" in capsys.readouterr().err


def test_a_trained_champion_is_taken_though_there_are_newer_versions(
    config: Config, home: Home, versions: tuple[ModelVersion, ...]
) -> None:
    before = opened(config, home).key
    registry.promote(config, home, versions[1])

    benchmark = opened(config, home)

    assert benchmark.version == versions[1] and benchmark.is_champion
    assert benchmark.key != before


def test_a_version_that_is_asked_for_is_taken(config: Config, home: Home, versions: tuple[ModelVersion, ...]) -> None:
    registry.promote(config, home, versions[2])

    benchmark = opened(config, home, 2)

    assert benchmark.version == versions[1] and not benchmark.is_champion


def test_a_version_on_another_base_is_refused_with_the_remedy(
    config: Config, home: Home, versions: tuple[ModelVersion, ...], tiny_model: Path
) -> None:
    settings = tiny_model / "generation_config.json"
    settings.write_text(settings.read_text().replace("}", ', "max_length": 7}', 1))

    with pytest.raises(ConfigError) as caught:
        opened(config, home)
    assert str(caught.value).startswith("model.base: 'tiny' (sha256 ")
    assert "is not what version 3 of 'demo' was trained on, 'tiny'" in str(caught.value)
    assert str(caught.value).endswith("or compare base and rag only with `--arms base,rag`.")
    assert open_benchmark(config, home, ("base",)).version is None
