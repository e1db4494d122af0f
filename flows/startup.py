"""Starting a round: Prefect's temporary server takes as long to start as the libraries take to import."""

import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from flows.leftovers import own_servers
from tasks.progress import say

ROUND_LIBRARIES = ("flows.improve", "mlflow", "peft", "trl", "sentence_transformers")
BENCHMARK_LIBRARIES = ("flows.benchmark", "mlflow", "peft", "sentence_transformers")


def start_server_and_import(libraries: Sequence[str] = ROUND_LIBRARIES) -> None:
    """Starts Prefect's temporary server, when no other is configured, and imports the libraries meanwhile.

    From now on the servers that this process starts are marked as its own.

    On two cores a round's first line comes after 26 s instead of 34 s this way. The thread only waits for the
    server's process, so that no two threads import at once.
    """
    from prefect.settings import PREFECT_API_URL

    own_servers()
    with ThreadPoolExecutor(max_workers=1) as pool:
        if PREFECT_API_URL.value() is None:
            from prefect.server.api.server import SubprocessASGIServer

            started = pool.submit(SubprocessASGIServer().start)
        else:
            started = None
        for name in libraries:
            importlib.import_module(name)
    if started is not None and (error := started.exception()) is not None:
        # The flow starts one itself where none is running, and fails with Prefect's own words if that fails, too.
        say(f"Prefect's temporary server did not start at once ({error}); trying again")
