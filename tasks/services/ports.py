"""The loopback ports that services answer at."""

import errno
import socket
from collections.abc import Iterable

from tasks.errors import RatchetError

HOST = "127.0.0.1"


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


def first_free(ports: Iterable[int]) -> int | None:
    """The first of these loopback ports that a server could listen on now; None when all are taken."""
    return next((port for port in ports if is_free(port)), None)
