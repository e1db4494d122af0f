"""What breaks is reported by `status` and repaired by `up`, and no process is left behind or killed by mistake."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

Wait = Callable[..., None]
SERVICES = ("redis", "server", "worker")


@contextmanager
def webhook(argilla: Any, *events: str) -> Iterator[list[str]]:
    """A list to which each event is appended that Argilla delivers to a webhook on the loopback."""
    delivered: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            delivered.append(json.loads(body)["type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with argilla.client() as api:
            made = api.post("/webhooks", json={"url": url, "events": events}).json()
        yield delivered
        with argilla.client() as api:
            api.delete(f"/webhooks/{made['id']}")
        server.shutdown()


def respond(argilla: Any, dataset: str) -> None:
    """The owner labels the dataset's only record."""
    with argilla.client() as api:
        record = api.get(f"/datasets/{dataset}/records").json()["items"][0]["id"]
        values = {"label": {"value": "good"}}
        api.post(f"/records/{record}/responses", json={"values": values, "status": "submitted"})


@pytest.mark.parametrize(
    ("killed", "restarted"), [("redis", {"redis", "worker"}), ("server", {"server"}), ("worker", {"worker"})]
)
def test_a_killed_service_is_reported_and_restarted_alone(
    argilla: Any, killed: str, restarted: set[str], wait_until: Wait
) -> None:
    before = argilla.pids()
    process = argilla.kill(killed)

    code, status = argilla.status()
    assert (code, status["works"]) == (1, False)
    assert status["services"][killed]["state"] == "stopped"
    assert status["services"][killed]["detail"] == f"its process {process.pid} has ended"

    repaired = argilla.up()["repaired"]
    assert f"{killed} was stopped: its process {process.pid} has ended" in repaired
    after = argilla.pids()
    assert {service for service in SERVICES if after[service] != before[service]} == restarted
    with webhook(argilla, "dataset.published") as delivered:
        argilla.publish(f"after {killed}", ["a record"])
        wait_until(lambda: delivered == ["dataset.published"], "the webhook's delivery")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_hangs_is_reported_and_replaced(argilla: Any, service: str, wait_until: Wait) -> None:
    hanging = argilla.process(service)
    hanging.send_signal(signal.SIGSTOP)
    wait_until(lambda: argilla.states()[service] == "failing", f"{service} is reported")

    shown = argilla.run("status")
    assert shown.returncode == 1
    assert "Argilla does not work: `ratchet argilla up` repairs it" in shown.stdout

    assert any(sentence.startswith(f"{service} was failing: ") for sentence in argilla.up()["repaired"])
    assert not hanging.is_running()
    assert argilla.status()[0] == 0


def test_down_ends_even_what_hangs(argilla: Any) -> None:
    for service in SERVICES:
        argilla.process(service).send_signal(signal.SIGSTOP)
    assert argilla.json("down") == {"ended": list(SERVICES)}
    assert argilla.processes() == {}


def test_what_was_queued_when_the_worker_died_is_delivered_after_a_restart(argilla: Any, wait_until: Wait) -> None:
    dataset = argilla.publish("queued", ["a record"])
    with webhook(argilla, "response.created") as delivered:
        argilla.kill("worker")
        respond(argilla, dataset)
        argilla.run("down")
        assert delivered == []
        argilla.up()
        wait_until(lambda: delivered == ["response.created"], "the webhook's delivery")


def test_a_damaged_search_index_is_built_anew_from_the_database(argilla: Any) -> None:
    dataset = argilla.publish("index", ["a curlew", "a dunlin"])
    argilla.run("down")
    for file in argilla.data.glob("search.db*"):
        file.write_bytes(b"not a database" * 1000)

    repaired = argilla.up()["repaired"]

    cause = "file is not a database"
    assert repaired == [f"the search index was damaged ({cause}): built anew from the database"]
    assert argilla.search(dataset, "dunlin") == ["a dunlin"]


def test_an_index_deleted_under_a_running_server_is_noticed(argilla: Any) -> None:
    dataset = argilla.publish("under way", ["a sanderling"])
    (argilla.data / "search.db").unlink()

    code, status = argilla.status()
    assert (code, status["services"]["server"]["detail"]) == (1, "its search index is missing")
    argilla.up()
    assert argilla.search(dataset, "sanderling") == ["a sanderling"]


def test_reindex_builds_a_sound_index_again(argilla: Any) -> None:
    dataset = argilla.publish("again", ["a godwit"])
    assert argilla.json("up", "--reindex")["already_ran"] is False
    assert argilla.search(dataset, "godwit") == ["a godwit"]


def test_after_a_reboot_no_process_that_got_an_old_pid_is_harmed(argilla: Any) -> None:
    argilla.run("down")
    foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        state = json.loads((argilla.folder / "state.json").read_text())
        state["processes"] = {service: {"pid": foreign.pid, "started": 1.0} for service in SERVICES}
        (argilla.folder / "state.json").write_text(json.dumps(state))

        assert argilla.status()[0] == 1
        assert argilla.json("down") == {"ended": []}
        (argilla.folder / "state.json").write_text(json.dumps(state))
        assert len(argilla.up()["repaired"]) == len(SERVICES)
        assert argilla.status()[0] == 0
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


@pytest.mark.parametrize("command", ["up", "down"])
def test_processes_on_no_record_are_ended(argilla: Any, command: str) -> None:
    before = set(argilla.processes())
    (argilla.folder / "state.json").unlink()

    argilla.run(command, *(["--port", str(argilla.port)] if command == "up" else []))

    assert not before & set(argilla.processes())
    argilla.up()
    assert sorted(argilla.processes()) == sorted(argilla.pids().values())


def test_an_up_that_is_killed_leaves_nothing_that_the_next_cannot_use(argilla: Any, wait_until: Wait) -> None:
    argilla.run("down")
    killed = argilla.start("up")
    wait_until(lambda: len(argilla.processes()) >= 2, "the start of services")
    killed.kill()
    killed.communicate()

    argilla.up()
    assert argilla.status()[0] == 0
    assert sorted(argilla.processes()) == sorted(argilla.pids().values())


@pytest.mark.parametrize(
    ("file", "what", "why"),
    [
        ("argilla.db", "database", "file is not a database"),
        ("appendonly.aof", "redis", "Bad file format reading the append only file"),
    ],
)
def test_what_cannot_start_says_why_and_leaves_nothing_running(fresh: Any, file: str, what: str, why: str) -> None:
    fresh.data.mkdir()
    (fresh.data / file).write_bytes(b"garbage, and no file of this kind" * 300)

    refused = fresh.run("up", "--port", str(fresh.port))

    assert refused.returncode == 1
    error = refused.stderr.splitlines()[-1]
    assert error.startswith(f"error: Argilla's {what}")
    assert why in error
    assert str(fresh.folder / "logs") in error
    assert fresh.processes() == {}


def test_a_damaged_record_is_refused_with_a_remedy_and_no_secret(argilla: Any) -> None:
    for name in ("credentials.json", "state.json"):
        path = argilla.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        refused = argilla.run("status")
        path.write_bytes(whole)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"error: {path} is damaged: ")
        assert len(refused.stderr.splitlines()) == 1
        assert whole.decode()[20:60] not in refused.stderr
