"""What the libraries read from the environment, set before any of them is imported."""

import os
import warnings

from tasks.home import Home
from tasks.services.state import running_api_url

DEBUG = "RATCHET_DEBUG"


def prepare_environment(home: Home, *, debug: bool | None = None) -> None:
    """Points Prefect's state at the home and quiets what would drown Ratchet's own progress.

    A value the user has set is kept: production points PREFECT_API_URL at its server. Without one, it is the home's
    own server while `ratchet up` keeps one running.

    Args:
        debug: quiets nothing; None: as in the process that started this one, which is how a deployment runs a flow.
    """
    if debug is None:
        debug = os.environ.get(DEBUG) == "1"
    os.environ[DEBUG] = "1" if debug else "0"
    defaults = {
        "PREFECT_HOME": str(home.prefect),
        # The heartbeat writes to the SQLite database and meets its lock.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # At any lower level Prefect prints the traceback of each error that the command line puts in one sentence.
        "PREFECT_LOGGING_LEVEL": "DEBUG" if debug else "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # A busy machine of two cores needs longer than the 20 s that Prefect gives its own server.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    if "PREFECT_API_URL" not in os.environ and (url := running_api_url(home)) is not None:
        defaults["PREFECT_API_URL"] = url
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    if not debug:
        # Their bars and ours would write over each other.
        os.environ.setdefault("TQDM_DISABLE", "1")
        # Notes of the libraries to their developers; errors are not warnings and still show.
        for module in ("peft", "torch", "transformers", "trl", "mlflow"):
            warnings.filterwarnings("ignore", module=rf"{module}(\..*)?$")
