"""Fixtures for all tests: an isolated home and a tiny, real language model."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings
from tiny_model import write_tiny_model

# Set before any test imports prefect or transformers: no network, no telemetry, quiet logs.
os.environ.update(
    HF_HUB_OFFLINE="1",
    OMP_NUM_THREADS="1",  # two test processes share two cores; threads of both would only wait for each other
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="WARNING",
    TOKENIZERS_PARALLELISM="false",
)

# A deadline for each example would measure what else the machine is doing.
settings.register_profile("ratchet", parent=settings(), deadline=None)
settings.load_profile("ratchet")

# Run inside Argilla's own environment, by tests/integration/embedded_argilla/test_search_engine_in_its_own_venv.py.
collect_ignore = ["argilla_server"]


@dataclass(frozen=True)
class RunningArgilla:
    """A real embedded Argilla, up while the tests of this process run."""

    home: Path
    url: str
    username: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run or a trace: creating its tables takes seconds, copying it none."""
    from tasks.config import Config
    from tasks.home import Home
    from tasks.registry.connection import connect

    home = Home(tmp_path_factory.mktemp("template") / "home")
    with connect(Config(name="template", questions="q.jsonl", root=home.root), home):
        return home.mlflow_database


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; without one the test is skipped, on CI it fails."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None and os.environ.get("CI"):
        pytest.fail("chromium is not installed: run `apt-get install chromium`")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Finds a loopback port that nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A loopback port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


@pytest.fixture(scope="session")
def argilla_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Argilla's own virtual environment, installed once for the test processes of a session; nobody may change it."""
    from tasks.embedded_argilla.installing import install, is_installed
    from tasks.embedded_argilla.layout import Layout

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    layout = Layout(shared / "argilla")
    with FileLock(shared / "argilla.lock"):
        if not is_installed(layout):
            install(layout)
    return layout.environment


@pytest.fixture(scope="session")
def argilla_home(argilla_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a home in which Argilla is installed, at a path of one's own or a new one."""

    def make(home: Path | None = None) -> Path:
        home = home or tmp_path_factory.mktemp("argilla") / "home"
        (home / "argilla").mkdir(parents=True)
        (home / "argilla" / "venv").symlink_to(argilla_environment)
        return home

    return make


@pytest.fixture(scope="session")
def embedded_argilla(argilla_home: Callable[..., Path], free_port: Callable[[], int]) -> Iterator[RunningArgilla]:
    """A real Argilla for the tests of this process, which share it: name workspaces and datasets after the test."""
    from tasks.embedded_argilla.lifecycle import bring_up, take_down
    from tasks.home import Home

    home = argilla_home()
    try:
        made = bring_up(Home(home), free_port()).connection
        yield RunningArgilla(home, made.url, made.username, made.password, made.api_key)
    finally:
        take_down(Home(home))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI a skipped test is a failure: what is not run there is run nowhere."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
