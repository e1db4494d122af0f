"""How each service is run: its command line, and its environment."""

import os
import sys
from collections.abc import Mapping

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.registry.connection import tracking_uri
from tasks.services.ports import HOST
from tasks.services.processes import ProcessRecord, start_detached
from tasks.services.state import Service, State, folder, log_of

OWNER = "RATCHET_SERVICE"  # marks a service's processes, and all that they start
# What of the user's own environment a server is given; the watcher has all of it, as its rounds would by hand.
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LANGUAGE", "TZ", "HOME", "TMPDIR", "OMP_NUM_THREADS")


def start(service: Service, config: Config, home: Home, state: State) -> ProcessRecord:
    """Starts a service, which goes on when this process ends.

    Raises:
        RatchetError: when it cannot be executed, or the tracking URI cannot be used.
    """
    try:
        return start_detached(
            command(service, state),
            folder=folder(home),
            log=log_of(home, service),
            environment={**environment(service, config, home, state), OWNER: mark(home, service)},
        )
    except OSError as error:
        raise RatchetError(
            f"{service} cannot be run, {sys.executable}: {error.strerror}; install Ratchet again."
        ) from error


def mark(home: Home, service: Service) -> str:
    """The value of the variable that marks the service's processes."""
    return f"{service}@{folder(home)}"


def command(service: Service, state: State) -> list[str]:
    """The service's command line. No secret stands in it: any user of the machine can read command lines."""
    python = [sys.executable, "-P", "-m"]  # -P: no module from the current folder
    if service == "prefect":
        return [*python, "prefect", "server", "start", "--host", HOST, "--port", str(state.ports["prefect"])]
    if service == "mlflow":
        port = str(state.ports["mlflow"])
        return [*python, "mlflow", "server", "--host", HOST, "--port", port, "--workers", "1"]
    watched = state.watched
    assert watched is not None
    when = watched.schedules
    schedules = (
        ("--collect-schedule", when.collect),
        ("--schedule", when.improve),
        ("--monitor-schedule", when.monitor),
    )
    options = [word for option, cron in schedules if cron is not None for word in (option, cron)]
    return [*python, "flows.cli", "watch", watched.config, *options]


def environment(service: Service, config: Config, home: Home, state: State) -> Mapping[str, str]:
    """The service's whole environment."""
    if service == "watcher":
        assert state.watched is not None
        kept = {name: value for name, value in os.environ.items() if name != OWNER}
        return {
            **kept,
            "RATCHET_HOME": str(home.root),
            "PREFECT_API_URL": state.watched.prefect,
            "PYTHONUNBUFFERED": "1",
        }
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    common = {**kept, "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1,localhost,::1"}
    if service == "prefect":
        return {
            **common,
            "PREFECT_HOME": str(home.prefect),
            # The heartbeat writes to the SQLite database and meets its lock.
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "DO_NOT_TRACK": "1",
        }
    return {
        **common,
        # Here and not on the command line: a database's URI may hold a password.
        "MLFLOW_BACKEND_STORE_URI": tracking_uri(config, home),
        "MLFLOW_ARTIFACTS_DESTINATION": str(home.mlflow_artifacts),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its jobs are none of ours, and a process each
    }
