"""Bringing services up and taking them down when something is wrong: nothing is left behind, and the reason is said."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tasks.deployments import Schedules
from tasks.errors import RatchetError
from tasks.home import Home
from tasks.services import health, lifecycle
from tasks.services.lifecycle import BroughtUp, bring_up, look, take_down
from tasks.services.processes import ProcessRecord
from tasks.services.state import Service, read_state, write_state

SCHEDULES = Schedules("0 2 * * *", "0 3 * * 0")


def up(home: Home, config: Path, schedules: Schedules = SCHEDULES) -> BroughtUp:
    return bring_up(home, config, schedules)


def pid(home: Home, service: Service) -> int:
    return read_state(home).processes[service].pid


def kill(number: int) -> None:
    os.kill(number, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(number)] if psutil.pid_exists(number) else [], timeout=10)


def test_all_is_up_once_and_down_once(home: Home, config: Path, scripts: dict[str, str]) -> None:
    first = up(home, config)
    assert [(each.service, each.state) for each in first.services] == [
        ("prefect", "running"),
        ("mlflow", "running"),
        ("argilla", "off"),
        ("watcher", "running"),
    ]
    assert first.started == ("prefect", "mlflow", "watcher") and first.repaired == ()
    again = up(home, config)
    assert again.started == () and again.repaired == ()
    assert [each.pid for each in again.services] == [each.pid for each in first.services]
    assert [each.works for each in look(home)] == [True] * 4

    assert take_down(home) == ["watcher", "mlflow", "prefect"]
    assert health.all_marked(home) == []
    assert take_down(home) == []


def test_before_the_first_up_there_is_nothing_to_look_at_or_to_end(home: Home) -> None:
    assert look(home) == [] and take_down(home) == []
    assert not home.root.exists()


def test_what_died_is_repaired_at_its_port_and_its_orphans_are_ended(
    home: Home, config: Path, scripts: dict[str, str]
) -> None:
    up(home, config)
    ports, orphans = read_state(home).ports, {each.pid for each in health.marked(home, "mlflow")}
    kill(pid(home, "mlflow"))
    shown = {each.service: each for each in look(home)}
    assert (shown["mlflow"].state, shown["mlflow"].detail) == ("stopped", "its process has ended")
    repaired = up(home, config)
    assert repaired.repaired == ("mlflow: its process has ended",) and repaired.started == ("mlflow",)
    assert read_state(home).ports == ports
    assert not orphans & {each.pid for each in health.marked(home, "mlflow")}


def test_a_port_that_a_stranger_took_meanwhile_is_given_up_and_that_is_said(
    home: Home, config: Path, scripts: dict[str, str]
) -> None:
    up(home, config)
    take_down(home)
    had = read_state(home).ports["mlflow"]
    with socket.create_server(("127.0.0.1", had)):
        done = up(home, config)
    now = read_state(home).ports["mlflow"]
    assert now != had
    assert done.repaired == (f"mlflow: another program has its port {had}, so it is at {now} from now on",)
    assert done.services[1].url == f"http://127.0.0.1:{now}"


def test_when_no_port_is_free_it_says_so(
    home: Home, config: Path, scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setattr(lifecycle, "_PORTS", {**lifecycle._PORTS, "mlflow": range(port, port + 1)})
        with pytest.raises(RatchetError) as refused:
            up(home, config)
    assert refused.value.problems == (f"No port from {port} to {port} is free for mlflow: end a program that has one.",)
    assert health.all_marked(home) == []


def test_one_that_does_not_start_is_told_with_its_last_words_and_the_others_are_ended(
    home: Home, config: Path, scripts: dict[str, str]
) -> None:
    scripts["mlflow"] = "raise RuntimeError('the database is of a later version')"
    with pytest.raises(RatchetError) as refused:
        up(home, config)
    log = home.root / "logs" / "mlflow.log"
    assert refused.value.problems == (
        "mlflow ended as soon as it was started: RuntimeError: the database is of a later version. "
        f"See {log}, mend that, and run `ratchet up` again.",
    )
    assert health.all_marked(home) == [] and read_state(home).processes == {}


def test_one_that_never_answers_is_told_too(
    home: Home, config: Path, scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "START_WITHIN_S", 1.0)
    scripts["watcher"] = "import time; print('thinking', flush=True); time.sleep(300)"
    with pytest.raises(RatchetError) as refused:
        up(home, config)
    (problem,) = refused.value.problems
    assert problem.startswith("watcher did not work 1 s after its start (it has not begun to watch): thinking. See ")
    assert health.all_marked(home) == []


def test_a_failed_repair_leaves_what_ran_before_alone(home: Home, config: Path, scripts: dict[str, str]) -> None:
    up(home, config)
    prefect = pid(home, "prefect")
    kill(pid(home, "mlflow"))
    scripts["mlflow"] = "raise RuntimeError('no')"
    with pytest.raises(RatchetError):
        up(home, config)
    assert pid(home, "prefect") == prefect and psutil.pid_exists(prefect)
    assert set(read_state(home).processes) == {"prefect", "watcher"}


def test_another_schedule_is_another_watcher_and_nothing_else(
    home: Home, config: Path, scripts: dict[str, str]
) -> None:
    up(home, config)
    watcher = pid(home, "watcher")
    done = up(home, config, Schedules("0 2 * * *", "0 4 * * *"))
    assert done.started == ("watcher",) and done.repaired == ()
    assert pid(home, "watcher") != watcher and not psutil.pid_exists(watcher)


def test_a_process_that_only_has_the_pid_is_never_ended(home: Home, config: Path, scripts: dict[str, str]) -> None:
    up(home, config)
    take_down(home)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        record = ProcessRecord(pid=stranger.pid, started=psutil.Process(stranger.pid).create_time() - 60.0)
        write_state(home, read_state(home).with_process("mlflow", record))
        assert take_down(home) == []
        assert stranger.poll() is None
        stranger.kill()
    assert read_state(home).processes == {}


def test_what_a_killed_up_had_started_without_noting_it_is_ended_as_well(
    home: Home, config: Path, scripts: dict[str, str]
) -> None:
    up(home, config)
    write_state(home, read_state(home).with_process("prefect", None))
    assert take_down(home) == ["watcher", "mlflow", "prefect"]
    assert health.all_marked(home) == []


def test_one_that_ignores_the_wish_to_end_is_ended_by_force(
    home: Home, config: Path, scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "WATCHER_STOPS_WITHIN_S", 0.5)
    scripts["watcher"] = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + scripts["watcher"]
    up(home, config)
    began = time.monotonic()
    take_down(home)
    assert health.all_marked(home) == [] and time.monotonic() - began < 20.0


def test_a_prefect_that_the_environment_names_is_asked_and_not_started(
    home: Home, config: Path, scripts: dict[str, str], monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    with pytest.raises(RatchetError) as refused:
        up(home, config)
    (problem,) = refused.value.problems
    assert problem.startswith(f"prefect at {url.removesuffix('/api')} does not work (it does not answer (")
    assert problem.endswith(": start it, or correct its URL.")
    assert read_state(home).processes == {}


def test_an_mlflow_that_the_config_names_is_asked_and_not_started(
    home: Home, config: Path, scripts: dict[str, str], free_port: Callable[[], int]
) -> None:
    port = free_port()
    settings = {**json.loads(config.read_text()), "mlflow_tracking_uri": f"http://127.0.0.1:{port}"}
    config.write_text(json.dumps(settings), encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", scripts["mlflow"], str(port)]) as server:
        try:
            _wait_for(port)
            done = up(home, config)
        finally:
            for process in [*psutil.Process(server.pid).children(), psutil.Process(server.pid)]:
                process.kill()
    assert done.services[1].state == "outside" and done.services[1].url == f"http://127.0.0.1:{port}"
    assert done.started == ("prefect", "watcher")


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start")
