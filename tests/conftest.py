"""Fixtures for all tests: an isolated home and a tiny, real language model."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_model import write_tiny_model

# Set before any test imports prefect or transformers: no network, no telemetry, quiet logs.
os.environ.update(
    HF_HUB_OFFLINE="1",
    OMP_NUM_THREADS="1",  # two test processes share two cores; threads of both would only wait for each other
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="WARNING",
    TOKENIZERS_PARALLELISM="false",
)


@pytest.fixture(autouse=True)
def ratchet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty RATCHET_HOME for each test."""
    home = tmp_path / "home"
    monkeypatch.setenv("RATCHET_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def tiny_model_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, made once a session; nobody may change it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_model(folder)
    return folder


@pytest.fixture
def tiny_model(tiny_model_source: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the tiny model that a test may damage."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_model_source, folder)
    yield folder


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI a skipped test is a failure: what is not run there is run nowhere."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
