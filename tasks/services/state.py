"""What `ratchet up` leaves for the next command: what it serves, each service's port, and each service's process."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.deployments import Schedules
from tasks.errors import HomeError, IntegrityError
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.services.ports import HOST
from tasks.services.processes import ProcessRecord, find_process

Service = Literal["prefect", "mlflow", "watcher"]  # Argilla keeps its own state
SERVICES: tuple[Service, ...] = get_args(Service)  # in the order in which they start


class Watched(BaseModel):
    """What the watcher is started with: with other values it is another watcher."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: str  # absolute path
    domain: str
    schedules: Schedules
    prefect: str  # the API's URL


class State(BaseModel):
    """The services between two commands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    watched: Watched | None = None  # kept after `down`, as are the ports, so that addresses stay
    argilla: bool = False  # the embedded Argilla is among the services
    ports: dict[Service, int] = {}
    processes: dict[Service, ProcessRecord] = {}

    def with_process(self, service: Service, record: ProcessRecord | None) -> "State":
        """The state after a service was started, or with None ended."""
        others = {name: process for name, process in self.processes.items() if name != service}
        return self.model_copy(update={"processes": others if record is None else {**others, service: record}})

    def with_port(self, service: Service, port: int) -> "State":
        """The state after a service was given a port."""
        return self.model_copy(update={"ports": {**self.ports, service: port}})


def folder(home: Home) -> Path:
    """Where state, lock and status page are."""
    return home.root / "services"


def status_page(home: Home) -> Path:
    """The page of links."""
    return folder(home) / "index.html"


def log_of(home: Home, service: Service) -> Path:
    """The service's log."""
    return home.root / "logs" / f"{service}.log"


def url_of(state: State, service: Service) -> str | None:
    """Where the service answers, on this machine only; None before its first start."""
    port = state.ports.get(service)
    return None if port is None else f"http://{HOST}:{port}"


def api_url(state: State) -> str | None:
    """The API's URL of the home's own Prefect server; None before its first start."""
    url = url_of(state, "prefect")
    return None if url is None else f"{url}/api"


def running_api_url(home: Home) -> str | None:
    """The API's URL of the home's own Prefect server while its process lives; None otherwise. Asks no server.

    Raises:
        IntegrityError: when the state is damaged.
    """
    state = read_state(home)
    record = state.processes.get("prefect")
    return api_url(state) if record is not None and find_process(record) is not None else None


def read_state(home: Home) -> State:
    """The state as last written; an empty one before the first `up`.

    Raises:
        HomeError: when the file is another user's.
        IntegrityError: when it is damaged.
    """
    path = _path(home)
    try:
        return State.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return State()
    except PermissionError as error:
        raise HomeError(f"{path} cannot be read: it is another user's; set RATCHET_HOME elsewhere.") from error
    except ValidationError as error:
        raise IntegrityError(f"{path} is damaged: delete it, and run `ratchet down` and `ratchet up` again.") from error


def write_state(home: Home, state: State) -> None:
    """Writes the state, readable by its owner only.

    Raises:
        HomeError: when it cannot be written.
    """
    write_atomically(_path(home), canonical_json(state).encode("utf-8"))


def _path(home: Home) -> Path:
    return folder(home) / "state.json"
