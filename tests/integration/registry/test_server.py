"""Against a real MLflow server over HTTP: what works on SQLite works there, artifacts included."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.records import BaseModelRef
from tasks.registry import mlflow_registry as registry
from tasks.registry import tracking
from tasks.registry.comparing import logits_of, reload_and_compare
from tasks.registry.fetching import download_adapter

# MLflow's own application without its command line, which starts several processes and takes a minute here.
SERVER = """
import os, sys
from mlflow.server import constants
os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = sys.argv[1]
os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = "mlflow-artifacts:/"
os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = sys.argv[2]
os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
from mlflow.server import app, handlers
from werkzeug.serving import make_server
handlers.initialize_backend_stores(sys.argv[1], default_artifact_root="mlflow-artifacts:/")
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[tuple[str, Path]]:
    """The URI of a running server, and the folder it stores artifacts in."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}", folder / "artifacts"
    process.terminate()
    process.wait()


@pytest.fixture
def config(config: Config, server: tuple[str, Path], request: pytest.FixtureRequest) -> Config:
    """A config that tracks on the server; each test has a model of its own there."""
    name = f"demo-{abs(hash(request.node.name))}"
    return config.model_copy(update={"mlflow_tracking_uri": server[0], "name": name})


def test_a_round_of_registry_work_runs_over_http(
    config: Config, home: Home, base: BaseModelRef, train: Callable[[int], Any], token_ids: Any, server: Any
):
    from tasks.models.hardware import Hardware
    from tasks.models.loading import load_model

    first = registry.ensure_champion(config, home, base)
    trained = train(1)
    second = registry.register_adapter(config, home, trained.adapter, trained.folder, tags={})
    assert registry.register_adapter(config, home, trained.adapter, trained.folder, tags={}) == second
    expected = logits_of(load_model(base, trained.folder, Hardware("cpu", "float32", 1)), token_ids)
    assert reload_and_compare(config, home, second, expected, token_ids) < 1e-6
    registry.set_challenger(config, home, second)
    registry.promote(config, home, second)
    registry.describe_version(config, home, second, "# A card")
    assert registry.read_alias(config, home, "champion") == second
    assert [entry.previous_champion for entry in registry.list_versions(config, home)] == [None, 1]
    assert download_adapter(config, home, second) == home.adapters / trained.adapter.sha256
    assert registry.rollback(config, home) == (second, first)
    assert list(server[1].rglob("model_card.md"))
    assert not home.mlflow_artifacts.exists()


def test_a_consumer_loads_the_champion_over_http(
    config: Config, home: Home, base: BaseModelRef, consumer: Callable[[str], None]
):
    import mlflow

    registry.ensure_champion(config, home, base)
    assert config.mlflow_tracking_uri is not None
    consumer(config.mlflow_tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{config.name}@champion")
    [reply] = model.predict({"messages": [{"role": "user", "content": "What does it do?"}]})
    assert reply["choices"][0]["message"]["role"] == "assistant"


def test_runs_and_curves_are_resumed_over_http(config: Config, home: Home):
    for steps in ((0, 1, 2), (1, 2, 3)):
        run_id = tracking.open_run(config, home, key="train:1", name="round 1", tags={})
        log_point = tracking.open_curve(config, home, run_id)
        for step in steps:
            log_point(step, {"loss": 1.0})
    tracking.log_parameters(config, home, run_id, config.model_dump(mode="json"))
    tracking.log_parameters(config, home, run_id, config.model_dump(mode="json"))
    tracking.log_environment(config, home, run_id)
    with tracking.system_metrics(config, home, run_id):
        pass
    from tasks.registry.connection import connect

    with connect(config, home) as client:
        assert [point.step for point in client.get_metric_history(run_id, "loss")] == [0, 1, 2, 3]
        assert client.get_run(run_id).data.metrics["system/system_memory_usage_megabytes"] > 0


def test_what_the_server_refuses_is_one_sentence(config: Config, home: Home):
    with pytest.raises(RatchetError) as caught:
        tracking.close_run(config, home, "0" * 32)
    [problem] = caught.value.problems
    assert problem.startswith(f"MLflow at {config.mlflow_tracking_uri} failed (")
    assert problem.endswith("): see the server's log, then run the command again.")


def test_nothing_is_printed_on_stdout(config: Config, home: Home, capfd: pytest.CaptureFixture[str]):
    """MLflow prints a link when a run ends, where the output of --json belongs."""
    run_id = tracking.open_run(config, home, key="quiet", name="round 1", tags={})
    tracking.close_run(config, home, run_id)
    assert capfd.readouterr().out == ""
