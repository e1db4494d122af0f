"""The loopback port that Argilla answers at."""

from tasks.errors import RatchetError
from tasks.services.ports import first_free, is_free

DEFAULT_PORTS = range(6900, 7000)  # the first is Argilla's own default


def choose_port(wanted: int | None, remembered: int | None) -> int:
    """The wanted port; else the one it had before, so that its address stays; else the first free of the defaults.

    Raises:
        RatchetError: when the wanted or remembered port is taken, or none is free.
    """
    if wanted is not None:
        if not is_free(wanted):
            raise RatchetError(f"Port {wanted} is in use by another program: choose another with --port.")
        return wanted
    if remembered is not None:
        if not is_free(remembered):
            raise RatchetError(
                f"Port {remembered}, at which Argilla was so far, is in use by another program: "
                "end that program, or choose another port with --port."
            )
        return remembered
    free = first_free(DEFAULT_PORTS)
    if free is None:
        first, last = DEFAULT_PORTS[0], DEFAULT_PORTS[-1]
        raise RatchetError(f"No port from {first} to {last} is free: choose another with --port.")
    return free
