"""Whether each service works, asked of the service itself."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tasks.config import Config
from tasks.home import Home
from tasks.registry.connection import has_server, tracking_uri, without_password
from tasks.services.commands import OWNER, mark
from tasks.services.processes import find_process
from tasks.services.state import SERVICES, Service, State, api_url, url_of
from tasks.services.watcher import watcher_problem

if TYPE_CHECKING:
    import psutil

ANSWER_WITHIN_S = 5.0
READY = {"prefect": "/api/ready", "mlflow": "/health"}  # Prefect's asks its database, too


@dataclass(frozen=True)
class Health:
    """Whether a service works, and if not, why.

    Attributes:
        state: `outside` for one that somebody else runs and that answers; `off` for one that is not wanted.
        detail: a clause such as "it does not answer within 5 s"; empty when running.
        url: where people find it; None when nowhere.
        memory_bytes: resident, of all its processes; 0 when stopped or outside.
    """

    service: str
    state: Literal["running", "stopped", "failing", "outside", "off"]
    detail: str
    url: str | None
    pid: int | None = None
    memory_bytes: int = 0

    @property
    def works(self) -> bool:
        """Whether there is nothing to repair."""
        return self.state in ("running", "outside", "off")


def prefect_outside(state: State) -> str | None:
    """The API's URL of a Prefect server that the environment names and that is not the home's own; None without one."""
    named = os.environ.get("PREFECT_API_URL")
    return None if not named or named == api_url(state) else named.rstrip("/")


def mlflow_outside(config: Config, home: Home) -> str | None:
    """The MLflow server that the config names, without a password; None when the home's own serves its database.

    Raises:
        RatchetError: when the tracking URI cannot be used.
    """
    uri = tracking_uri(config, home)
    return without_password(uri) if has_server(uri) else None


def examine(config: Config, home: Home, state: State) -> list[Health]:
    """The health of each service, in the order in which they start. Writes nothing; takes 5 s when one hangs.

    Raises:
        RatchetError: when a service's settings cannot be used.
    """
    looks = (
        lambda: _examine_prefect(home, state),
        lambda: _examine_mlflow(config, home, state),
        lambda: _examine_argilla(config, home, state),
        lambda: _examine_own("watcher", home, state),
    )
    with ThreadPoolExecutor(len(looks)) as pool:
        return list(pool.map(lambda look: look(), looks))


def _examine_prefect(home: Home, state: State) -> Health:
    outside = prefect_outside(state)
    if outside is None:
        return _examine_own("prefect", home, state)
    return _examine_outside("prefect", outside.removesuffix("/api"), f"{outside}/health")


def _examine_mlflow(config: Config, home: Home, state: State) -> Health:
    outside = mlflow_outside(config, home)
    if outside is None:
        return _examine_own("mlflow", home, state)
    return _examine_outside("mlflow", outside, f"{outside}/health")


def _examine_outside(service: Service, url: str, asked: str) -> Health:
    problem = _ask(asked)
    return Health(service, "failing" if problem else "outside", problem, url)


def _examine_own(service: Service, home: Home, state: State) -> Health:
    url, record = url_of(state, service), state.processes.get(service)
    process = None if record is None else find_process(record)
    if record is None or process is None:
        return Health(service, "stopped", "it does not run" if record is None else "its process has ended", url)
    if service == "watcher":
        watched = state.watched
        problem: str = "" if watched is None else watcher_problem(home, watched.domain, record.pid)
    else:
        problem = _ask(f"{url}{READY[service]}")
    memory = sum(_resident(each) for each in {process, *marked(home, service)})
    return Health(service, "failing" if problem else "running", problem, url, record.pid, memory)


def _examine_argilla(config: Config, home: Home, state: State) -> Health:
    wanted: str | None = config.human_feedback.argilla
    if wanted is None:
        return Health("argilla", "off", "human_feedback.argilla is null", None)
    if wanted != "embedded":
        return _examine_outside_argilla(without_password(wanted))
    if not state.argilla:
        return Health("argilla", "off", "not asked for", None)
    from tasks.embedded_argilla.connection import connection_of
    from tasks.embedded_argilla.lifecycle import examine as examine_argilla

    found, connection = examine_argilla(home), connection_of(home)
    broken = [each for each in found if each.state != "running"]
    url = None if connection is None else connection.url
    pid = next((each.pid for each in found if each.service == "server"), None)
    memory = sum(each.memory_bytes for each in found)
    if not broken:
        return Health("argilla", "running", "", url, pid, memory)
    detail = f"{broken[0].service}: {broken[0].detail}"
    return Health("argilla", "stopped" if len(broken) == len(found) else "failing", detail, url, pid, memory)


def _examine_outside_argilla(url: str) -> Health:
    problem = _ask(f"{url.rstrip('/')}/api/v1/version")
    return Health("argilla", "failing" if problem else "outside", problem, url)


def marked(home: Home, service: Service) -> "list[psutil.Process]":
    """This user's living processes that belong to the service: it, what it started, and what a killed one left."""
    return [process for process, value in _marked_processes() if value == mark(home, service)]


def all_marked(home: Home) -> "list[psutil.Process]":
    """The same of all services."""
    marks = {mark(home, service) for service in SERVICES}
    return [process for process, value in _marked_processes() if value in marks]


def _marked_processes() -> "Iterator[tuple[psutil.Process, str]]":
    import psutil

    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.uids().real != os.getuid():
                continue
            if process.status() != psutil.STATUS_ZOMBIE and (value := process.environ().get(OWNER)):
                yield process, value
        except (psutil.Error, OSError):
            continue  # it ended meanwhile, or is not ours to look at


def _resident(process: "psutil.Process") -> int:
    import psutil

    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _ask(url: str) -> str:
    """What is wrong with the answer, as a clause; empty when it is 200."""
    request = urllib.request.Request(url, headers={"Accept": "*/*"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({})) if "//127.0.0.1" in url else None
    try:
        with (opener.open if opener else urllib.request.urlopen)(request, timeout=ANSWER_WITHIN_S) as answer:
            return "" if answer.status == 200 else f"it answers {answer.status}"
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}"
    except TimeoutError:
        return f"it does not answer within {ANSWER_WITHIN_S:.0f} s"
    except (OSError, ValueError) as error:
        return f"it does not answer ({getattr(error, 'reason', error)})"
