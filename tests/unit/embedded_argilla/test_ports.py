"""The port that Argilla takes, for each combination of what is wanted, remembered and free."""

import os
import socket
from collections.abc import Callable

import pytest

from tasks.embedded_argilla import ports
from tasks.embedded_argilla.ports import choose_port
from tasks.errors import RatchetError


def test_the_wanted_port_comes_before_the_remembered_one(taken_port: int, free_port: Callable[[], int]) -> None:
    unused = free_port()
    assert choose_port(unused, taken_port) == unused
    assert choose_port(None, unused) == unused


def test_a_wanted_port_in_use_is_refused(taken_port: int, free_port: Callable[[], int]) -> None:
    with pytest.raises(RatchetError) as refused:
        choose_port(taken_port, free_port())
    assert refused.value.problems == (f"Port {taken_port} is in use by another program: choose another with --port.",)


def test_a_remembered_port_in_use_is_refused_as_people_know_the_address(taken_port: int) -> None:
    with pytest.raises(RatchetError) as refused:
        choose_port(None, taken_port)
    assert refused.value.problems == (
        f"Port {taken_port}, at which Argilla was so far, is in use by another program: "
        "end that program, or choose another port with --port.",
    )


def test_the_first_time_it_is_the_first_of_the_defaults_that_is_free(
    taken_port: int, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ports.DEFAULT_PORTS[0] == 6900
    unused = free_port()
    monkeypatch.setattr(ports, "DEFAULT_PORTS", (taken_port, unused))
    assert choose_port(None, None) == unused


def test_when_all_defaults_are_in_use_it_says_so(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "DEFAULT_PORTS", (taken_port,))
    nothing_free = f"No port from {taken_port} to {taken_port} is free: choose another with --port"
    with pytest.raises(RatchetError, match=nothing_free):
        choose_port(None, None)


def test_a_port_of_roots_is_refused_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(RatchetError, match="Port 80 is reserved for root: choose one above 1023 with --port"):
        choose_port(80, None)
