"""The port that Argilla takes, for each combination of what is wanted, remembered and free."""

import os
import socket
from collections.abc import Iterator

import pytest

from tasks.embedded_argilla import ports
from tasks.embedded_argilla.ports import choose_port
from tasks.errors import RatchetError
from tasks.services.ports import HOST


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


def test_the_wanted_port_comes_before_the_remembered_one(taken: int, unused: int) -> None:
    assert choose_port(unused, taken) == unused
    assert choose_port(None, unused) == unused


def test_a_wanted_port_in_use_is_refused(taken: int, unused: int) -> None:
    with pytest.raises(RatchetError) as refused:
        choose_port(taken, unused)
    assert refused.value.problems == (f"Port {taken} is in use by another program: choose another with --port.",)


def test_a_remembered_port_in_use_is_refused_as_people_know_the_address(taken: int) -> None:
    with pytest.raises(RatchetError) as refused:
        choose_port(None, taken)
    assert refused.value.problems == (
        f"Port {taken}, at which Argilla was so far, is in use by another program: "
        "end that program, or choose another port with --port.",
    )


def test_the_first_time_it_is_the_first_of_the_defaults_that_is_free(
    taken: int, unused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ports.DEFAULT_PORTS[0] == 6900
    monkeypatch.setattr(ports, "DEFAULT_PORTS", (taken, unused))
    assert choose_port(None, None) == unused


def test_when_all_defaults_are_in_use_it_says_so(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "DEFAULT_PORTS", (taken,))
    with pytest.raises(RatchetError, match=f"No port from {taken} to {taken} is free: choose another with --port"):
        choose_port(None, None)


def test_a_port_of_roots_is_refused_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(RatchetError, match="Port 80 is reserved for root: choose one above 1023 with --port"):
        choose_port(80, None)
