"""Which loopback ports a service may have."""

import socket
from collections.abc import Iterator

import pytest

from tasks.services.ports import HOST, first_free, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        yield port


@pytest.fixture
def unused() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_port_is_free_when_nobody_listens(taken: int, unused: int) -> None:
    assert (is_free(taken), is_free(unused)) == (False, True)


def test_the_first_that_is_free_is_found_and_none_when_all_are_taken(taken: int, unused: int) -> None:
    assert first_free((taken, unused)) == unused
    assert first_free((taken, taken)) is None
