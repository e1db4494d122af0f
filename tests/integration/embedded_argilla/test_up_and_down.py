"""`ratchet argilla` starts a real Argilla that outlives the command, keeps to the loopback and keeps its data."""

import os
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from tasks.embedded_argilla.connection import connection_of
from tasks.home import Home

Wait = Callable[..., None]
SERVICES = ("redis", "server", "worker")
MEMORY_LIMIT_BYTES = 700_000_000


def test_up_says_where_and_as_whom_to_sign_in_and_status_agrees(argilla: Any) -> None:
    printed = argilla.run("up").stdout.splitlines()

    made = argilla.json("credentials")
    assert printed == [
        f"Argilla runs already at http://127.0.0.1:{argilla.port}",
        f"sign in as {made['username']}; `ratchet argilla credentials` shows the password and the API key",
    ]
    code, status = argilla.status()
    assert (code, status["works"], status["url"]) == (0, True, f"http://127.0.0.1:{argilla.port}")
    assert list(status["services"]) == list(SERVICES)
    assert argilla.run("status").stdout.splitlines()[-1] == f"Argilla works at http://127.0.0.1:{argilla.port}"


def test_the_owner_can_sign_in_with_the_password_and_nobody_with_argillas_default(argilla: Any) -> None:
    made = argilla.json("credentials")
    url = f"http://127.0.0.1:{argilla.port}/api/v1"
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as anyone:
        granted = anyone.post("/token", data={"username": made["username"], "password": made["password"]})
        token = granted.json()["access_token"]
        me = anyone.get("/me", headers={"Authorization": f"Bearer {token}"}).json()
        refused = anyone.post("/token", data={"username": "argilla", "password": "12345678"})
        default_key = anyone.get("/me", headers={"X-Argilla-Api-Key": "argilla.apikey"})

    assert (me["username"], me["role"]) == (made["username"], "owner")
    assert (refused.status_code, default_key.status_code) == (401, 401)
    assert argilla.query("select username from users where username = 'argilla'") == []


def test_the_services_have_no_terminal_and_outlive_the_command(argilla: Any) -> None:
    for service in SERVICES:
        process = argilla.process(service)
        assert os.getsid(process.pid) == process.pid
        open_files = {number: str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in (0, 1, 2)}
        log = str(argilla.folder / "logs" / f"{service}.log")
        assert open_files == {0: "/dev/null", 1: log, 2: log}


def test_they_listen_on_the_loopback_only_and_redis_on_no_port_at_all(argilla: Any) -> None:
    listening = {
        service: [
            connection.laddr[:2]
            for connection in argilla.process(service).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        for service in SERVICES
    }
    assert listening == {"redis": [], "server": [("127.0.0.1", argilla.port)], "worker": []}


def test_they_take_less_than_700_mb(argilla: Any) -> None:
    dataset = argilla.publish("memory", [f"record {number} of many" for number in range(200)])
    assert argilla.search(dataset, "record")

    services = argilla.status()[1]["services"].values()
    assert 0 < sum(service["memory_bytes"] for service in services) < MEMORY_LIMIT_BYTES


def test_neither_telemetry_nor_the_hub_is_reached(argilla: Any) -> None:
    environment = argilla.process("server").environ()
    script = "from argilla_server.settings import settings; print(settings.enable_telemetry, settings.search_engine)"
    shown = subprocess.run(
        [argilla.folder / "venv" / "bin" / "python", "-c", script],
        env=environment,
        cwd=argilla.data,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert shown.stdout.split() == ["False", "sqlite"]
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_secrets_are_the_owners_alone_and_stand_in_no_log_or_output(argilla: Any) -> None:
    made = argilla.json("credentials")
    secrets = [made["password"], made["api_key"]]
    file = argilla.folder / "credentials.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(argilla.folder.stat().st_mode) == 0o700
    shown = [argilla.run(command).stdout for command in ("up", "status")]
    shown += [argilla.run(command, "--json").stdout for command in ("up", "status")]
    shown += [path.read_text() for path in (argilla.folder / "logs").iterdir()]
    shown += list(argilla.processes().values())
    shown.append(repr(connection_of(Home(argilla.home))))
    assert not [text for text in shown for secret in secrets if secret in text]


def test_the_connection_is_known_without_asking_the_server(argilla: Any) -> None:
    made = argilla.json("credentials")
    found = connection_of(Home(argilla.home))
    assert found is not None
    assert (found.url, found.username, found.password, found.api_key) == tuple(made.values())


def test_a_second_up_changes_nothing_and_is_quick(argilla: Any) -> None:
    before, started = argilla.pids(), time.monotonic()

    again = argilla.json("up")

    assert time.monotonic() - started < 10.0
    assert (again["already_ran"], again["repaired"]) == (True, [])
    assert argilla.pids() == before


def test_data_stay_over_down_and_up_and_nothing_runs_in_between(argilla: Any) -> None:
    dataset = argilla.publish("kept", ["a swallow", "a swift"])
    before = argilla.json("credentials")

    ended = argilla.json("down")
    code, status = argilla.status()

    assert ended == {"ended": list(SERVICES)}
    assert (code, status["works"], argilla.processes()) == (1, False, {})
    assert not (argilla.folder / "tmp").exists()
    assert argilla.json("up")["repaired"] == []
    assert argilla.json("credentials") == before
    assert argilla.search(dataset, "swift") == ["a swift"]


def test_down_is_harmless_when_nothing_runs(argilla: Any) -> None:
    argilla.run("down")
    again = argilla.run("down")
    assert (again.returncode, again.stdout) == (0, "Argilla was not running.\n")


def test_two_commands_at_once_start_one_argilla(fresh: Any) -> None:
    both = [fresh.start("up", "--port", str(fresh.port)) for _ in range(2)]
    ended = [process.communicate(timeout=180) for process in both]

    assert [process.returncode for process in both] == [0, 0], ended
    assert sum("runs already" in out for out, _ in ended) == 1
    assert sum("waiting for another" in err for _, err in ended) == 1
    assert sorted(fresh.processes()) == sorted(fresh.pids().values())


def test_a_port_in_use_is_refused_by_name_and_a_running_argilla_goes_on(argilla: Any) -> None:
    before = argilla.pids()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = argilla.run("up", "--port", str(port))

    sentence = f"error: Port {port} is in use by another program: choose another with --port."
    assert (refused.returncode, refused.stderr) == (1, f"{sentence}\n")
    assert (argilla.pids(), argilla.status()[0]) == (before, 0)


def test_a_port_that_is_taken_meanwhile_is_not_left_for_another_unasked(argilla: Any) -> None:
    argilla.run("down")
    with socket.create_server(("127.0.0.1", argilla.port)):
        refused = argilla.run("up")
    assert refused.returncode == 1
    assert f"Port {argilla.port}, at which Argilla was so far, is in use by another program" in refused.stderr
    assert argilla.processes() == {}


def test_another_port_moves_the_server_and_only_that(argilla: Any, free_port: Callable[[], int]) -> None:
    before, other = argilla.pids(), free_port()

    moved = argilla.json("up", "--port", str(other))

    assert (moved["already_ran"], moved["url"]) == (False, f"http://127.0.0.1:{other}")
    after = argilla.pids()
    assert [service for service in SERVICES if after[service] != before[service]] == ["server"]
    argilla.up()


def test_a_home_may_have_any_characters_and_be_deep(
    tmp_path: Path, fresh: Any, argilla_home: Callable[..., Path]
) -> None:
    name = "/".join(["with spaces, ünïcödé 日本, percent %41 ?a=b#c&d;e'f" + "x" * 30] * 3)
    argilla = type(fresh)(argilla_home(tmp_path / name), fresh.port)
    try:
        argilla.up()
        dataset = argilla.publish("anywhere", ["a lapwing"])
        assert argilla.search(dataset, "lapwing") == ["a lapwing"]
    finally:
        argilla.run("down")
    assert argilla.processes() == {}


def test_a_home_too_deep_for_sqlite_is_refused(tmp_path: Path, fresh: Any) -> None:
    deep = type(fresh)(tmp_path / "/".join(["n" * 100] * 5), fresh.port)
    refused = deep.run("up")
    assert refused.returncode == 1
    assert "is too long for SQLite, by" in refused.stderr
    assert not deep.home.exists()
