"""Brings the embedded Argilla up, takes it down, and tells how it is."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.embedded_argilla import services
from tasks.embedded_argilla.connection import EmbeddedArgilla, connection_of
from tasks.embedded_argilla.credentials import Credentials, find_credentials, make_credentials
from tasks.embedded_argilla.installing import install, is_installed
from tasks.embedded_argilla.layout import Layout, layout_of
from tasks.embedded_argilla.ports import choose_port
from tasks.embedded_argilla.preparing import index_problem, prepare, purpose
from tasks.embedded_argilla.services import Health
from tasks.embedded_argilla.state import SERVICES, Service, State, read_state, write_state
from tasks.errors import HomeError, RatchetError
from tasks.home import Home, make_writable
from tasks.progress import LINE_EVERY_S, say
from tasks.services import processes

if TYPE_CHECKING:
    import psutil

START_WITHIN_S = 120.0  # for a machine under load; an idle one needs about 8
LONGEST_PATH_BYTES = 490  # SQLite takes 504, and appends to them
_POLL_S = 0.1
# Redis is there before the others start, and until they have ended. Those import for seconds, so both at once.
_TOGETHER: tuple[tuple[Service, ...], ...] = (("redis",), ("server", "worker"))


@dataclass(frozen=True)
class BroughtUp:
    """What `bring_up` found and did."""

    connection: EmbeddedArgilla
    already_ran: bool
    repaired: tuple[str, ...] = ()  # a sentence for each thing that should have worked and did not


def examine(home: Home) -> list[Health]:
    """The health of each service, in the order in which they start. Writes nothing."""
    layout = layout_of(home)
    state, credentials = read_state(layout), find_credentials(layout)
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        return list(pool.map(lambda service: services.examine(service, layout, state, credentials), SERVICES))


def bring_up(home: Home, port: int | None = None, *, reindex: bool = False) -> BroughtUp:
    """Installs, starts or repairs the embedded Argilla, as far as that is needed.

    Args:
        port: the loopback port wanted; None for the one it had, or else 6900, or else the next free one.
        reindex: build the search index from the database again.

    Raises:
        RatchetError: when the installation fails, the port is taken, or a service does not start.
    """
    with _lock(home):
        health = examine(home)
        if not reindex and (running := _find_running(home, port, health)) is not None:
            return running
        return _repair(home, port, reindex, health)


def take_down(home: Home) -> list[Service]:
    """Ends the services, whose data stay; returns those that ran, so none when it was down already.

    Raises:
        HomeError: when the home cannot be written.
    """
    layout = layout_of(home)
    if not layout.root.exists():
        return []
    with _lock(home):
        state = read_state(layout)
        ran = [service for service in SERVICES if _find(state, service) is not None]
        _stop(layout, SERVICES)
        shutil.rmtree(layout.temporary, ignore_errors=True)
        return ran


def _find_running(home: Home, port: int | None, health: Sequence[Health]) -> BroughtUp | None:
    layout = layout_of(home)
    connection, credentials, state = connection_of(home), find_credentials(layout), read_state(layout)
    if connection is None or credentials is None or port not in (None, state.port):
        return None
    if not is_installed(layout) or not layout.database.exists() or state.prepared_for != purpose(credentials):
        return None
    if any(each.state != "running" for each in health):
        return None
    return BroughtUp(connection, already_ran=True)


def _repair(home: Home, port: int | None, reindex: bool, health: Sequence[Health]) -> BroughtUp:
    layout = layout_of(home)
    state = read_state(layout)
    _stop(layout, ())  # processes on no record may hold the port
    if port not in (None, state.port):
        choose_port(port, None)  # refused before anything is stopped
    should_run = [each for each in health if each.service in state.processes]
    repaired = [f"{each.service} was {each.state}: {each.detail}" for each in should_run if each.state != "running"]
    to_start = {each.service for each in health if each.state != "running"}
    if not is_installed(layout):
        _stop(layout, SERVICES)
        install(layout)
        to_start = set(SERVICES)
    credentials = make_credentials(layout)
    if "server" in to_start and (problem := index_problem(layout)):
        repaired.append(f"the search index {problem}: built anew from the database")
        reindex = True
    to_prepare = reindex or not layout.database.exists() or state.prepared_for != purpose(credentials)
    if to_prepare or port not in (None, state.port):
        to_start.add("server")
    if to_prepare or "redis" in to_start:
        to_start.add("worker")  # it is registered in the redis that is gone, or uses the index
    starting = [service for service in SERVICES if service in to_start]
    _stop(layout, starting)
    if "server" in starting:
        _settle_port(layout, port)
    if to_prepare:
        prepare(layout, credentials)
        write_state(layout, read_state(layout).model_copy(update={"prepared_for": purpose(credentials)}))
    _start(home, credentials, starting)
    connection = connection_of(home)
    if connection is None:
        raise RatchetError(f"{layout.root} was changed meanwhile: run `ratchet argilla up` again.")
    return BroughtUp(connection, already_ran=False, repaired=tuple(repaired))


def _settle_port(layout: Layout, wanted: int | None) -> None:
    state = read_state(layout)
    port = choose_port(wanted, state.port)
    if port != state.port:
        write_state(layout, state.model_copy(update={"port": port}))


def _start(home: Home, credentials: Credentials, starting: Sequence[Service]) -> None:
    """Starts the services and waits until each works; when one does not, none of these is left behind."""
    layout = layout_of(home)
    port = read_state(layout).port
    assert port is not None
    say(f"Argilla: starting {', '.join(starting)}")
    if "server" in starting:
        shutil.rmtree(layout.temporary, ignore_errors=True)  # each server leaves a copy of the UI there
    layout.temporary.mkdir(parents=True, exist_ok=True)
    try:
        for together in _TOGETHER:
            log_starts: dict[Service, int] = {}
            for service in (each for each in together if each in starting):
                log_starts[service] = processes.size_after_rotation(layout.log(service))
                record = services.start(service, layout, port, credentials)
                write_state(layout, read_state(layout).with_process(service, record))
            _wait_for(home, log_starts)
    except BaseException:
        _stop(layout, starting)
        raise


def _wait_for(home: Home, log_starts: dict[Service, int]) -> None:
    """Waits until the services work.

    Args:
        log_starts: each service's log length in bytes before it was started.
    """
    layout = layout_of(home)
    started = said = time.monotonic()
    waiting = set(log_starts)
    while waiting:
        for health in examine(home):
            if health.service not in waiting:
                continue
            log = layout.log(health.service)
            if health.state == "running":
                waiting.remove(health.service)
            elif health.state == "stopped":
                words = processes.last_words(log, log_starts[health.service])
                raise RatchetError(f"Argilla's {health.service} ended as soon as it was started ({words}): see {log}.")
            elif time.monotonic() - started > START_WITHIN_S:
                raise RatchetError(
                    f"Argilla's {health.service} did not work {START_WITHIN_S:.0f} s after its start "
                    f"({health.detail}): see {log}."
                )
        now = time.monotonic()
        if waiting and now - said > LINE_EVERY_S:
            said = now
            say(f"Argilla: waiting for {', '.join(sorted(waiting))}, {now - started:.0f} s so far")
        time.sleep(_POLL_S if waiting else 0.0)


def _stop(layout: Layout, stopping: Sequence[Service]) -> None:
    """Ends these services, and every process of this Argilla that is on no record."""
    state = read_state(layout)
    strays = processes.find_strays(layout.data, services.programs(layout), list(state.processes.values()))
    found = {name: process for name in stopping if (process := _find(state, name)) is not None}
    for process in found.values():
        processes.wake(process)  # all of them first: the others wait for redis when they end
    for together in reversed(_TOGETHER):
        processes.end([found[name] for name in together if name in found])
    processes.end(strays)
    for service in stopping:
        state = state.with_process(service, None)
    if state != read_state(layout):
        write_state(layout, state)


def _find(state: State, service: Service) -> "psutil.Process | None":
    record = state.processes.get(service)
    return None if record is None else processes.find_process(record)


@contextmanager
def _lock(home: Home) -> Iterator[None]:
    """Holds the lock that lets one command at a time change the embedded Argilla; waits for it."""
    layout = layout_of(home)
    if (length := len(os.fsencode(layout.database))) > LONGEST_PATH_BYTES:
        raise HomeError(
            f"The path of {home.root} is too long for SQLite, by {length - LONGEST_PATH_BYTES} bytes: set RATCHET_HOME "
            "to a folder nearer to the root."
        )
    make_writable(home)
    layout.data.mkdir(parents=True, exist_ok=True)
    layout.root.chmod(0o700)
    with layout.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Argilla: waiting for another `ratchet argilla` command to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
