"""The loopback port that Argilla answers at."""

import errno
import socket

from tasks.errors import RatchetError

HOST = "127.0.0.1"
DEFAULT_PORTS = range(6900, 7000)  # the first is Argilla's own default


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now.

    Raises:
        RatchetError: when the system does not let this user have it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise RatchetError(f"Port {port} is reserved for root: choose one above 1023 with --port.") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


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
    free = next((port for port in DEFAULT_PORTS if is_free(port)), None)
    if free is None:
        first, last = DEFAULT_PORTS[0], DEFAULT_PORTS[-1]
        raise RatchetError(f"No port from {first} to {last} is free: choose another with --port.")
    return free
