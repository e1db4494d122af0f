"""Brings the services of one machine up, takes them down, and repairs what died."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.config import Config, load_config
from tasks.deployments import Schedules
from tasks.errors import RatchetError
from tasks.files import one_at_a_time
from tasks.home import Home, make_writable
from tasks.progress import LINE_EVERY_S, say
from tasks.services import commands, health, processes
from tasks.services.health import Health
from tasks.services.page import write_page
from tasks.services.ports import first_free, is_free
from tasks.services.state import (
    SERVICES,
    Service,
    State,
    Watched,
    api_url,
    folder,
    log_of,
    read_state,
    write_state,
)
from tasks.services.watcher import read_note

START_WITHIN_S = 180.0  # for a machine under load; an idle one needs about 10
WATCHER_STOPS_WITHIN_S = 75.0  # it ends a running round first, which may take 60 s
_POLL_S = 0.2
_PORTS: dict[Service, range] = {"prefect": range(4200, 4300), "mlflow": range(5000, 5100)}  # first: their own defaults


@dataclass(frozen=True)
class BroughtUp:
    """What `bring_up` found and did.

    Attributes:
        services: how they are now.
        started: what was started; empty when all ran already.
        repaired: a sentence for each thing that should have worked and did not.
        page: the status page.
    """

    services: tuple[Health, ...]
    started: tuple[str, ...]
    repaired: tuple[str, ...]
    page: Path


def bring_up(home: Home, config_path: Path, schedules: Schedules, *, argilla: bool = True) -> BroughtUp:
    """Starts or repairs the services of the domain, as far as that is needed, and waits until each works.

    Args:
        schedules: when collect and improve run.
        argilla: also the embedded Argilla, where the config wants one; one that is among the services stays.

    Raises:
        RatchetError: when a service does not start, or one that somebody else runs does not answer; what this call
            started is ended again.
    """
    config = load_config(config_path)
    with _locked(home):
        before = read_state(home)
        should_run = set(before.processes) | ({"argilla"} if before.argilla else set())
        embedded = config.human_feedback.argilla == "embedded"
        state = before.model_copy(update={"argilla": embedded and (argilla or before.argilla)})
        found = {each.service: each for each in health.examine(config, home, state)}
        for each in found.values():
            if each.state == "failing" and _is_outside(each.service, config, home, state):
                raise RatchetError(
                    f"{each.service} at {each.url} does not work ({each.detail}): start it, or correct its URL."
                )
        repaired = [f"{name}: {each.detail}" for name, each in found.items() if name in should_run and not each.works]
        started = _start_all(home, config, config_path, schedules, state, found, repaired)
        now = tuple(health.examine(config, home, read_state(home)))
        page = write_page(home, read_state(home), now)
        return BroughtUp(now, tuple(started), tuple(repaired), page)


def take_down(home: Home) -> list[str]:
    """Ends the services, whose data stay; returns those that ran, so none when all was down already.

    Raises:
        HomeError: when the home cannot be written.
    """
    if not folder(home).exists():
        return []
    with _locked(home):
        state = read_state(home)
        ended: list[str] = []
        for service in reversed(SERVICES):
            ended += [service] if _stop(home, service) else []
        if state.argilla:
            from tasks.embedded_argilla.lifecycle import take_down as take_argilla_down

            ended += ["argilla"] if take_argilla_down(home) else []
            write_state(home, read_state(home).model_copy(update={"argilla": False}))
        return ended


def look(home: Home) -> list[Health]:
    """How the services are; none before the first `up`. The status page is written anew.

    Raises:
        RatchetError: when the config that they serve cannot be used any more.
    """
    state = read_state(home)
    if state.watched is None:
        return []
    found = health.examine(load_config(Path(state.watched.config)), home, state)
    write_page(home, state, found)
    return found


def _start_all(
    home: Home,
    config: Config,
    config_path: Path,
    schedules: Schedules,
    state: State,
    found: dict[str, Health],
    repaired: list[str],
) -> list[str]:
    write_state(home, state)
    started: list[str] = []
    with _undone_when_it_fails(home, started):
        servers = [name for name in ("prefect", "mlflow") if found[name].state in ("stopped", "failing")]
        waits: dict[Service, int] = {}
        for service in (each for each in SERVICES if each in servers):
            _stop(home, service)
            _settle_port(home, service, repaired)
            started.append(service)
            waits[service] = _start(home, service, config)
        if found["argilla"].state in ("stopped", "failing"):
            _bring_argilla_up(home, started)
        _wait_for(home, config, waits)
        _start_watcher(home, config, config_path, schedules, found, started)
    return started


def _start_watcher(
    home: Home, config: Config, config_path: Path, schedules: Schedules, found: dict[str, Health], started: list[str]
) -> None:
    state = read_state(home)
    api = health.prefect_outside(state) or api_url(state)
    assert api is not None
    watched = Watched(
        config=str(config_path.resolve()),
        domain=config.name,
        schedules=schedules,
        prefect=api,
    )
    alive = found["watcher"].state != "stopped" and watched == state.watched
    note = read_note(home, config.name)
    # One that waits for a server which was just repaired is started anew, not in the middle of a round: it tries again.
    if alive and ((found["watcher"].works and "prefect" not in started) or (note is not None and note.running)):
        return
    _stop(home, "watcher")
    write_state(home, read_state(home).model_copy(update={"watched": watched}))
    started.append("watcher")
    _wait_for(home, config, {"watcher": _start(home, "watcher", config)})


def _start(home: Home, service: Service, config: Config) -> int:
    """Starts the service; returns its log's length in bytes before that."""
    log_start = processes.size_after_rotation(log_of(home, service))
    log_of(home, service).touch(mode=0o600)
    say(f"starting {service}")
    record = commands.start(service, config, home, read_state(home))
    write_state(home, read_state(home).with_process(service, record))
    return log_start


def _bring_argilla_up(home: Home, started: list[str]) -> None:
    from tasks.embedded_argilla.lifecycle import bring_up as bring_argilla_up

    started.append("argilla")
    bring_argilla_up(home)


def _settle_port(home: Home, service: Service, repaired: list[str]) -> None:
    state = read_state(home)
    had = state.ports.get(service)
    if had is not None and is_free(had):
        return
    port = first_free(_PORTS[service])
    if port is None:
        first, last = _PORTS[service][0], _PORTS[service][-1]
        raise RatchetError(f"No port from {first} to {last} is free for {service}: end a program that has one.")
    if had is not None:
        repaired.append(f"{service}: another program has its port {had}, so it is at {port} from now on")
    write_state(home, state.with_port(service, port))


def _wait_for(home: Home, config: Config, log_starts: dict[Service, int]) -> None:
    """Waits until the services work.

    Args:
        log_starts: each service's log length in bytes before it was started.
    """
    begun = said = time.monotonic()
    waiting: set[str] = set(log_starts)
    while waiting:
        for each in health.examine(config, home, read_state(home)):
            if each.service not in waiting:
                continue
            if each.state == "running":
                waiting.remove(each.service)
            elif each.state == "stopped" or time.monotonic() - begun > START_WITHIN_S:
                raise _did_not_start(home, each, log_starts)
        now = time.monotonic()
        if waiting and now - said > LINE_EVERY_S:
            said = now
            say(f"waiting for {', '.join(sorted(waiting))}, {now - begun:.0f} s so far")
        time.sleep(_POLL_S if waiting else 0.0)


def _did_not_start(home: Home, each: Health, log_starts: dict[Service, int]) -> RatchetError:
    service = next(name for name in log_starts if name == each.service)
    log = log_of(home, service)
    words = processes.last_words(log, log_starts[service])
    what = (
        "ended as soon as it was started"
        if each.state == "stopped"
        else f"did not work {START_WITHIN_S:.0f} s after its start ({each.detail})"
    )
    return RatchetError(f"{service} {what}: {words.rstrip('.')}. See {log}, mend that, and run `ratchet up` again.")


@contextmanager
def _undone_when_it_fails(home: Home, started: list[str]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for service in reversed([each for each in SERVICES if each in started]):
            _stop(home, service)
        if "argilla" in started:
            from tasks.embedded_argilla.lifecycle import take_down as take_argilla_down

            take_argilla_down(home)
        raise


def _stop(home: Home, service: Service) -> bool:
    """Ends the service and every process that belongs to it; returns whether it ran."""
    state = read_state(home)
    record = state.processes.get(service)
    process = None if record is None else processes.find_process(record)
    if process is not None:
        # First it alone: a watcher ends its round by itself, and tells Prefect.
        processes.end([process], WATCHER_STOPS_WITHIN_S if service == "watcher" else processes.TERMINATE_WITHIN_S)
    left = health.marked(home, service)
    processes.end(left)
    if record is not None:
        write_state(home, state.with_process(service, None))
    return process is not None or bool(left)


def _is_outside(service: str, config: Config, home: Home, state: State) -> bool:
    if service == "prefect":
        return health.prefect_outside(state) is not None
    if service == "mlflow":
        return health.mlflow_outside(config, home) is not None
    return service == "argilla" and config.human_feedback.argilla != "embedded"


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Holds the lock that lets one command at a time change the services; waits for it."""
    make_writable(home)
    folder(home).mkdir(exist_ok=True, mode=0o700)
    with one_at_a_time(folder(home) / "lock"):
        yield
