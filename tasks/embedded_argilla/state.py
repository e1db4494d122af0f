"""What `up` leaves for the next command: the port, and each service's process."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.embedded_argilla.layout import Layout
from tasks.errors import IntegrityError
from tasks.files import canonical_json, write_atomically
from tasks.services.processes import ProcessRecord

Service = Literal["redis", "server", "worker"]
SERVICES: tuple[Service, ...] = get_args(Service)  # in the order in which they start


class State(BaseModel):
    """The embedded Argilla between two commands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: int | None = None  # kept after `down`, so that its address stays
    prepared_for: str | None = None  # the pins and the owner that the database was last made ready for
    processes: dict[Service, ProcessRecord] = {}

    def with_process(self, service: Service, record: ProcessRecord | None) -> "State":
        """The state after a service was started, or with None ended."""
        others = {name: process for name, process in self.processes.items() if name != service}
        return self.model_copy(update={"processes": others if record is None else {**others, service: record}})


def read_state(layout: Layout) -> State:
    """The state as last written; an empty one before the first `up`.

    Raises:
        IntegrityError: when the file is damaged.
    """
    try:
        return State.model_validate_json(layout.state.read_bytes())
    except FileNotFoundError:
        return State()
    except ValidationError as error:
        raise IntegrityError(
            f"{layout.state} is damaged: delete it and run `ratchet argilla up --port N`, N being the port so far."
        ) from error


def write_state(layout: Layout, state: State) -> State:
    """Writes the state and returns it.

    Raises:
        HomeError: when it cannot be written.
    """
    write_atomically(layout.state, canonical_json(state).encode("utf-8"))
    return state
