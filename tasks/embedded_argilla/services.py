"""The three services: how each is run, and how to tell whether it works."""

import http.client
import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from tasks.embedded_argilla.credentials import Credentials
from tasks.embedded_argilla.installing import find_python, find_redis, installer
from tasks.embedded_argilla.layout import SCRIPTS, Layout
from tasks.embedded_argilla.state import Service, State
from tasks.errors import RatchetError
from tasks.services.ports import HOST
from tasks.services.processes import ProcessRecord, find_process, start_detached

ANSWER_WITHIN_S = 5.0
# The worker reports every 5 s while it has nothing to do.
HEARTBEAT_WITHIN_S = 15.0
# Relative to the working folder: a socket's whole path may have 108 bytes at most.
SOCKET = "redis.sock"
_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Health:
    """Whether a service works, and if not, why."""

    service: Service
    state: Literal["running", "stopped", "failing"]
    detail: str  # a clause such as "it does not answer within 5 s"; empty when running
    pid: int | None
    memory_bytes: int  # resident; 0 when stopped


def command(service: Service, layout: Layout, port: int) -> list[str]:
    """The service's command line.

    Raises:
        RatchetError: when there is no redis-server.
    """
    if service == "server":
        return [str(layout.python), str(SCRIPTS / "serve.py"), str(port)]
    if service == "worker":
        return [str(layout.python), str(SCRIPTS / "work.py")]
    # fmt: off
    return [
        find_redis(layout, "redis-server"),
        "--port", "0", "--unixsocket", SOCKET, "--unixsocketperm", "600",
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--dir", ".",
        "--daemonize", "no", "--logfile", "", "--set-proc-title", "no",
    ]
    # fmt: on


def programs(layout: Layout) -> list[str]:
    """What the services and the installation run, to tell their processes from others in the same folder."""
    known = [str(layout.python), str(installer(layout))]
    for find in (find_python, lambda: find_redis(layout, "redis-server")):
        try:
            known.append(find())
        except RatchetError:
            continue  # what is not there cannot have been run
    return known


def service_environment(layout: Layout, credentials: Credentials) -> dict[str, str]:
    """The services' whole environment: little of the user's own, no way out, and no file outside the home."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return {
        **kept,
        "HOME": str(layout.data),
        "TMPDIR": str(layout.temporary),
        "COLUMNS": "300",  # Argilla's log lines are not to be broken
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1,localhost,::1",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ARGILLA_ENABLE_TELEMETRY": "false",
        "ARGILLA_HOME_PATH": ".",
        # Relative, as the home's path may have characters that a URL cannot carry.
        "ARGILLA_DATABASE_URL": f"sqlite+aiosqlite:///{layout.database.name}?check_same_thread=False",
        "ARGILLA_REDIS_URL": f"unix://?path={SOCKET}",
        "ARGILLA_SEARCH_ENGINE": "sqlite",
        "ARGILLA_CORS_ORIGINS": "[]",  # the UI is of the same origin
        "ARGILLA_AUTH_SECRET_KEY": credentials.session_key,
        "RATCHET_SEARCH_INDEX": str(layout.search_index),
        "RATCHET_SEARCH_REBUILDING": str(layout.rebuilding),
    }


def start(service: Service, layout: Layout, port: int, credentials: Credentials) -> ProcessRecord:
    """Starts a service, which goes on when this process ends.

    Raises:
        RatchetError: when it cannot be executed.
    """
    line = command(service, layout, port)
    try:
        return start_detached(
            line,
            folder=layout.data,
            log=layout.log(service),
            environment=service_environment(layout, credentials),
        )
    except OSError as error:
        raise RatchetError(
            f"Argilla's {service} cannot be run, {line[0]}: {error.strerror}. Delete {layout.environment} and run "
            "`ratchet argilla up` again."
        ) from error


def examine(service: Service, layout: Layout, state: State, credentials: Credentials | None) -> Health:
    """The health of a service, asked of the service itself; takes milliseconds, or 5 s when it hangs."""
    import psutil

    record = state.processes.get(service)
    process = None if record is None else find_process(record)
    if record is None or process is None:
        detail = "it does not run" if record is None else f"its process {record.pid} has ended"
        return Health(service, "stopped", detail, None, 0)
    try:
        memory = process.memory_info().rss
    except psutil.NoSuchProcess:
        memory = 0
    if service == "server":
        problem = _server_problem(layout, state, credentials)
    else:
        problem = _redis_problem(layout) if service == "redis" else _worker_problem(layout, record)
    return Health(service, "failing" if problem else "running", problem, record.pid, memory)


def _redis_problem(layout: Layout) -> str:
    answer = _ask_redis(layout, "PING")
    return "" if answer == "PONG" else f"it does not answer ({answer})"


def _worker_problem(layout: Layout, record: ProcessRecord) -> str:
    answer = _ask_redis(layout, "HMGET", f"rq:worker:ratchet-{record.pid}", "state", "last_heartbeat")
    busy, _, heartbeat = answer.partition("\n")
    if busy == "busy":
        return ""  # it says so before each job, and its entry vanishes when the job takes longer than it may
    try:
        age_s = (datetime.now(UTC) - datetime.fromisoformat(heartbeat)).total_seconds()
    except ValueError:
        return "it is not known to redis"
    return "" if age_s < HEARTBEAT_WITHIN_S else f"its last sign of life is {age_s:.0f} s old"


def _ask_redis(layout: Layout, *words: str) -> str:
    """The plain answer, or what went wrong."""
    try:
        asked = subprocess.run(
            [find_redis(layout, "redis-cli"), "-s", SOCKET, *words],
            cwd=layout.data,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing within {ANSWER_WITHIN_S:.0f} s"
    except (OSError, RatchetError) as error:
        return str(error)
    return (asked.stdout or asked.stderr).strip()


def _server_problem(layout: Layout, state: State, credentials: Credentials | None) -> str:
    if state.port is None or credentials is None:
        return "its port or its owner is not known any more"
    if not layout.search_index.exists():
        return "its search index is missing"  # it goes on with the deleted file, until it ends
    code, me = _get(state.port, "/api/v1/me", credentials)
    if code != 200 or not isinstance(me, dict) or me.get("username") != credentials.username:
        return f"asked who signs in, it answered {code or me}"
    # This one asks the search engine as well.
    code, status = _get(state.port, "/api/v1/status", credentials)
    return "" if code == 200 else f"asked for its status, it answered {code or status}"


def _get(port: int, path: str, credentials: Credentials) -> tuple[int, Any]:
    """Status code and JSON body; or 0 and what went wrong."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", path, headers={"X-Argilla-Api-Key": credentials.api_key})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except TimeoutError:
        return 0, f"nothing within {ANSWER_WITHIN_S:.0f} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()
