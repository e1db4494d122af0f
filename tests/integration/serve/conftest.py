"""Servers that run: the tiny model, adapters that look trained, a real MLflow, and uvicorn in a thread."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from integration.serve.servers import Running, domain, register, running

from tasks.config import Config
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.registry import mlflow_registry as registry


@pytest.fixture
def config(tiny_model: Path, tmp_path: Path) -> Config:
    return domain(tmp_path, tiny_model)


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., Running]]:
    """Starts servers that end with the test."""
    with ExitStack() as stack:
        yield lambda config, **options: stack.enter_context(running(config, home, **options))


@pytest.fixture
def first_champion(config: Config, home: Home) -> None:
    """The base model, version 1, is the champion."""
    registry.ensure_champion(config, home, resolve_base(config.model, home))


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Home:
    home = Home(tmp_path_factory.mktemp("served") / "home")
    home.root.mkdir()
    shutil.copyfile(empty_database, home.mlflow_database)
    return home


@pytest.fixture(scope="module")
def shared(shared_home: Home, tiny_model_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests of a module, which leave it as it is: an adapter, version 2, is the champion."""
    config = domain(tmp_path_factory.mktemp("domain"), tiny_model_source)
    registry.promote(config, shared_home, register(config, shared_home, 1))
    with running(config, shared_home) as server:
        yield server
