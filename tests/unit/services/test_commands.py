"""How services are run: on this machine only, no secret on a command line, and servers with little environment."""

import pytest

from tasks.config import Config
from tasks.deployments import Schedules
from tasks.home import Home
from tasks.services.commands import command, environment
from tasks.services.state import SERVICES, Service, State, Watched

WATCHED = Watched(
    config="/d/ratchet.yaml",
    domain="docs",
    schedules=Schedules(improve="0 3 * * 0"),
    prefect="http://127.0.0.1:4200/api",
)
STATE = State(watched=WATCHED, ports={"prefect": 4200, "mlflow": 5000})
SECRET = "sesame-4711"


def config(home: Home, uri: str | None = None) -> Config:
    settings = {"name": "docs", "questions": "q.jsonl", "root": home.root, "mlflow_tracking_uri": uri}
    return Config.model_validate(settings)


@pytest.mark.parametrize("service", ["prefect", "mlflow"])
def test_servers_listen_on_this_machine_only(service: Service) -> None:
    words = command(service, STATE)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--port") + 1] == str(STATE.ports[service])


def test_the_watcher_is_given_its_config_and_the_schedules_that_there_are() -> None:
    assert command("watcher", STATE)[3:] == ["flows.cli", "watch", "/d/ratchet.yaml", "--schedule", "0 3 * * 0"]


@pytest.mark.parametrize("service", SERVICES)
def test_no_password_is_on_a_command_line(home: Home, service: Service) -> None:
    settings = config(home, f"postgresql://user:{SECRET}@127.0.0.1/mlflow")
    assert SECRET not in " ".join(command(service, STATE))
    if service == "mlflow":
        assert SECRET in environment(service, settings, home, STATE)["MLFLOW_BACKEND_STORE_URI"]


def test_servers_do_not_see_the_users_keys_and_the_watcher_does(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", SECRET)
    seen = {name for name in SERVICES if SECRET in environment(name, config(home), home, STATE).values()}
    assert seen == {"watcher"}


def test_everything_is_kept_below_the_home(home: Home) -> None:
    assert environment("prefect", config(home), home, STATE)["PREFECT_HOME"] == str(home.prefect)
    mlflow = environment("mlflow", config(home), home, STATE)
    assert mlflow["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{home.mlflow_database}"
    assert mlflow["MLFLOW_ARTIFACTS_DESTINATION"] == str(home.mlflow_artifacts)
    watcher = environment("watcher", config(home), home, STATE)
    assert (watcher["RATCHET_HOME"], watcher["PREFECT_API_URL"]) == (str(home.root), WATCHED.prefect)
