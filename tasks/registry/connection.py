"""The way to MLflow: where it is, a client for it, and its errors in one sentence each.

Every call names its URIs. MLflow's fluent API keeps them in module globals and in the environment, so that
two homes in one process, or a thread that outlives its run, would write to the wrong place.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import ConfigError, HomeError, RatchetError, UnreachableError, first_line
from tasks.home import Home, make_writable

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What Ratchet asks of MLflow; a variable that is set already keeps its value.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # read when mlflow is imported: nothing is reported to its makers
    "MLFLOW_LOGGING_LEVEL": "WARNING",  # alembic's and the flavours' progress lines stay out; warnings do not
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout belongs to --json
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # a bar for eleven small files says nothing
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds per attempt; MLflow's own 120 look like a hang
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # MLflow's own 7 take four minutes to say "unreachable"
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",  # seconds, doubled with each retry
}

SERVERS = ("http://", "https://", "databricks")
DATABASES = ("sqlite://", "postgresql", "mysql", "mssql")
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"


def tracking_uri(config: Config, home: Home) -> str:
    """The URI of tracking and registry alike: the config's, or SQLite below the home.

    Raises:
        ConfigError: when the config's is neither a server nor a database.
        HomeError: when the home's path has a character that an SQLite URL cannot carry.
    """
    if config.mlflow_tracking_uri is not None:
        if not config.mlflow_tracking_uri.startswith(SERVERS + DATABASES):
            raise ConfigError(
                f"mlflow_tracking_uri: {config.mlflow_tracking_uri!r} is not accepted; name a server (http://...) or "
                "a database (postgresql://...), or leave the key out to track below RATCHET_HOME."
            )
        return config.mlflow_tracking_uri
    path = home.mlflow_database.resolve()
    if unusable := sorted(set("?%#") & set(str(path))):
        raise HomeError(
            f"RATCHET_HOME {home.root} has {' and '.join(map(repr, unusable))} in its path, which MLflow's SQLite "
            "URL cannot carry: set RATCHET_HOME to a folder without it."
        )
    return f"sqlite:///{path}"


def has_server(uri: str) -> bool:
    """Whether an MLflow server stands between us and the database, and decides where artifacts go."""
    return uri.startswith(SERVERS)


def without_password(uri: str) -> str:
    """The URI as it may be shown or stored: `user:password@` becomes `***@`."""
    return re.sub(r"//[^/\s]*@", "//***@", uri)


@contextmanager
def connect(config: Config, home: Home) -> Iterator["MlflowClient"]:
    """A client of tracking and registry; what MLflow raises inside the block leaves as one sentence.

    Raises:
        UnreachableError: when the MLflow server does not answer.
        RatchetError: when MLflow refuses what it is asked.
        HomeError: when the home cannot be written.
    """
    uri = tracking_uri(config, home)
    if config.mlflow_tracking_uri is None:
        # Before MLflow tries: it retries an unwritable database ten times, for 100 seconds.
        make_writable(home)
    _quieten()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, RequestException, SQLAlchemyError) as error:
        raise _translate(uri, error) from error


def find_experiment(client: "MlflowClient", config: Config, home: Home) -> str:
    """The id of the domain's experiment, which is created when it is missing.

    Raises:
        RatchetError: when somebody deleted it in MLflow.
    """
    experiment = client.get_experiment_by_name(config.name)
    if experiment is None:
        # Without a server nobody else decides, and MLflow's own choice is ./mlruns in the current folder.
        own = None if has_server(client.tracking_uri) else str(home.mlflow_artifacts.resolve() / config.name)
        return str(client.create_experiment(config.name, artifact_location=own))
    if experiment.lifecycle_stage != "active":
        raise RatchetError(
            f"The MLflow experiment {config.name!r} was deleted: restore it with `mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id}`, or give the config another name."
        )
    return str(experiment.experiment_id)


def _quieten() -> None:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # For the case that somebody imported mlflow earlier: it reads its level only once.
    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])


def _translate(uri: str, error: Exception) -> RatchetError:
    from requests import ConnectionError as Refused
    from requests import RequestException, Timeout

    shown = without_password(uri)
    cause = next((link for link in _chain(error) if isinstance(link, RequestException)), None)
    if isinstance(cause, (Refused, Timeout)):
        reason = "timed out" if isinstance(cause, Timeout) else "connection failed"
        return UnreachableError(
            f"The MLflow server {shown} does not answer ({reason}): start it, correct mlflow_tracking_uri, "
            "or leave that key out to track below RATCHET_HOME."
        )
    # The password is taken out first: cut in two, it would no longer be known for one.
    reason = first_line(without_password(str(error)) or type(error).__name__)
    remedy = "see the server's log" if has_server(uri) else "check the database and the disk it is on"
    return RatchetError(f"MLflow at {shown} failed ({reason}): {remedy}, then run the command again.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
