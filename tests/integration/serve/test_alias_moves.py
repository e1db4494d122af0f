"""The champion's alias moves under load, to a damaged version, away and back: no request is lost, and all is said."""

import gc
import shutil
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from integration.serve.servers import QUESTION, SLOW, Running, domain, register, wait_for

from tasks.config import Config
from tasks.home import Home
from tasks.registry import mlflow_registry as registry
from tasks.registry.connection import connect
from tasks.serve import alias_watch
from tasks.serve.canary import turn_of


def damage(home: Home) -> None:
    """Makes the weights of every registered adapter unreadable, in the registry and in the home."""
    shutil.rmtree(home.adapters, ignore_errors=True)
    for path in home.mlflow_artifacts.rglob("adapter_model.safetensors"):
        path.with_suffix(".kept").write_bytes(path.read_bytes())
        path.write_bytes(path.read_bytes()[:100])


def restore(home: Home) -> None:
    for path in home.mlflow_artifacts.rglob("adapter_model.kept"):
        path.rename(path.with_suffix(".safetensors"))
    shutil.rmtree(home.adapters, ignore_errors=True)


def test_thirty_clients_lose_no_request_when_the_alias_moves_and_moves_back(
    start: Callable[..., Running], config: Config, home: Home
) -> None:
    second = register(config, home, 1)
    server = start(config)
    first_text = server.text()
    by_version: dict[int, set[str]] = {1: set(), 2: set()}
    counted: Counter[int] = Counter()
    enough = threading.Event()
    lock = threading.Lock()

    def client(number: int) -> list[int]:
        statuses = []
        while not enough.is_set():
            answered = server.post({"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 2 + number % 7})
            statuses.append(answered.status_code)
            if answered.status_code == 200:
                version = answered.json()["ratchet"]["version"]
                with lock:
                    counted[version] += 1
                    if number % 7 == 6:
                        by_version[version].add(answered.json()["choices"][0]["message"]["content"])
        return statuses

    with ThreadPoolExecutor(30) as pool:
        clients = [pool.submit(client, number) for number in range(30)]
        try:
            wait_for(lambda: counted[1] > 60)
            registry.promote(config, home, second)
            wait_for(lambda: counted[2] > 60)
            registry.rollback(config, home)
            back = counted[1]
            wait_for(lambda: counted[1] > back + 30)
        finally:
            enough.set()
        statuses = [status for each in clients for status in each.result()]

    assert set(statuses) == {200}
    assert by_version[1] == {first_text}
    assert len(by_version[2]) == 1 and by_version[2] != by_version[1]
    assert server.status()["version"] == 1


def test_the_batch_that_has_begun_ends_with_its_model_which_is_then_freed(
    start: Callable[..., Running], config: Config, home: Home
) -> None:
    second = register(config, home, 1)
    server = start(config)
    old = weakref.ref(server.service.engine.loaded("champion").model)  # type: ignore[union-attr]

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(server.ask, **SLOW)
        wait_for(lambda: server.service.engine._running)
        registry.promote(config, home, second)
        wait_for(lambda: server.status()["version"] == 2)
        assert not slow.done()
        assert slow.result()["ratchet"]["version"] == 1
    assert server.ask()["ratchet"]["version"] == 2
    gc.collect()
    assert old() is None


def test_a_damaged_champion_changes_nothing_is_told_once_and_is_taken_when_it_is_restored(
    start: Callable[..., Running],
    config: Config,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(alias_watch, "RETRY_S", 0.3)
    second = register(config, home, 1)
    server = start(config)
    damage(home)

    registry.promote(config, home, second)

    wait_for(lambda: server.status()["problems"])
    status = server.status()
    assert (status["ready"], status["version"]) == (True, 1)
    assert "is not the adapter of round 1" in status["problems"]["champion"]
    assert server.ask()["ratchet"]["version"] == 1
    tried = server.service.watch._retry_at["champion", 2]
    wait_for(lambda: server.service.watch._retry_at["champion", 2] > tried)
    wait_for(lambda: server.service.watch._retry_at["champion", 2] > tried + 0.3)
    assert capfd.readouterr().err.count("is not the adapter of round 1") == 1
    restore(home)
    wait_for(lambda: server.status()["version"] == 2)
    assert server.status()["problems"] == {}
    assert server.ask()["ratchet"]["version"] == 2


def test_an_alias_that_is_gone_and_a_registry_that_fails_change_nothing(
    start: Callable[..., Running], config: Config, home: Home, first_champion: None
) -> None:
    server = start(config)
    with connect(config, home) as client:
        client.delete_registered_model_alias("demo", "champion")
    wait_for(lambda: server.status()["problems"])
    assert server.status()["problems"]["champion"] == (
        "The alias champion of demo is gone: set it again in MLflow; version 1 goes on answering."
    )
    assert server.ask()["ratchet"]["version"] == 1
    with connect(config, home) as client:
        client.set_registered_model_alias("demo", "champion", "1")
    wait_for(lambda: not server.status()["problems"])

    kept = home.mlflow_database.read_bytes()
    home.mlflow_database.write_bytes(b"no database" * 1000)
    wait_for(lambda: server.status()["problems"])
    assert server.ask()["ratchet"]["version"] == 1
    home.mlflow_database.write_bytes(kept)
    wait_for(lambda: not server.status()["problems"])


def test_the_canary_gets_its_share_and_its_thumbs_are_compared(
    start: Callable[..., Running], tiny_model: Path, tmp_path: Path, home: Home
) -> None:
    config = domain(tmp_path, tiny_model, canary_share=0.5)
    second = register(config, home, 1)
    server = start(config)
    assert server.http.get(f"{server.url}/canary").json()["error"]["message"] == (
        "No challenger answers here: set serve.canary_share, and register one."
    )
    registry.set_challenger(config, home, second)
    wait_for(lambda: server.status()["challenger"] == 2)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda number: server.ask(f"What is {number % 4}?"), range(24)))
    for number, answer in enumerate(answers):
        version = answer["ratchet"]["version"]
        role = turn_of(answer["id"].removeprefix("chatcmpl-"), 0.5)
        assert (answer["ratchet"]["role"], version) == (role, {"champion": 1, "challenger": 2}[role])
        thumb = {"id": answer["id"], "thumb": "up" if version == 2 else "down", "user": f"user {number}"}
        assert server.post(thumb, "/feedback").status_code == 200
    given = Counter(answer["ratchet"]["version"] for answer in answers)
    compared: dict[str, Any] = server.http.get(f"{server.url}/canary").json()

    assert set(given) == {1, 2}
    assert (compared["champion"]["down"], compared["challenger"]["up"]) == (given[1], given[2])
    assert compared["difference"]["mean"] == 1.0
    assert compared["pairs"] == compared["paired"]["wins"] == min(given.values())
    assert compared["same_question"] <= compared["pairs"]
    registry.promote(config, home, second)
    wait_for(lambda: (server.status()["version"], server.status()["challenger"]) == (2, None))
    assert server.ask()["ratchet"] | {"sources": []} == {
        "version": 2,
        "role": "champion",
        "arm": "ft",
        "abstained": False,
        "sources": [],
    }
