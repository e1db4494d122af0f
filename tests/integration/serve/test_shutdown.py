"""The command itself: it says where it is, serves, drains at SIGTERM, and ends within its time."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from integration.serve.servers import QUESTION, domain, register

from tasks.home import Home
from tasks.registry.connection import connect, find_experiment

REPOSITORY = Path(__file__).parents[3]
CONFIG = """
name: demo
questions: questions.jsonl
model: {{base: tiny, device: cpu, dtype: float32}}
generation: {{max_prompt_tokens: 900}}
serve: {{max_tokens: 4000, drain_s: {drain_s}}}
"""


@contextmanager
def command(folder: Path, drain_s: int) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """`ratchet serve` in a process of its own, and what it said when it was up."""
    (folder / "ratchet.yaml").write_text(CONFIG.format(drain_s=drain_s), encoding="utf-8")
    words = ["serve", "-c", str(folder / "ratchet.yaml"), "--port", "0", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *words],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def ask(url: str, tokens: int) -> httpx.Response:
    # A seed with which the answer does not end by itself before the tokens do.
    body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": tokens}
    return httpx.post(f"{url}/chat/completions", json=body, timeout=60)


def send_when_busy(process: "subprocess.Popen[str]", url: str, number: int) -> None:
    """Sends the signal once a request is under way."""
    deadline = time.monotonic() + 30
    time.sleep(0.3)  # the request has reached the engine; its counts tell only of what has ended
    assert time.monotonic() < deadline and httpx.get(f"{url.removesuffix('/v1')}/health").status_code == 200
    process.send_signal(number)


def test_sigterm_lets_requests_under_way_end_and_writes_their_traces(
    home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    config = domain(tmp_path, tiny_model)
    register(config, home, 1)
    with command(tmp_path, drain_s=60) as (process, started), ThreadPoolExecutor(4) as pool:
        url = started["url"]
        assert (started["model"], started["version"], started["arm"]) == ("demo", 1, "base")
        under_way = [pool.submit(ask, url, 400 + number) for number in range(3)]
        send_when_busy(process, url, signal.SIGTERM)
        answers = [each.result() for each in under_way]
        out, err = process.communicate(timeout=60)

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert (process.returncode, out) == (0, "")
        assert "Traceback" not in err and "Interrupted" not in err
        host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))
    with connect(config, home) as client:
        experiment = find_experiment(client, config.model_copy(update={"name": started["experiment"]}), home)
        traced = {trace.info.trace_id for trace in client.search_traces(locations=[experiment])}
    assert traced == {answer.json()["id"].replace("chatcmpl-", "tr-") for answer in answers}


def test_draining_ends_when_its_time_is_up(home: Home, tiny_model: Path, tmp_path: Path) -> None:
    register(domain(tmp_path, tiny_model), home, 1)
    with command(tmp_path, drain_s=1) as (process, started), ThreadPoolExecutor(1) as pool:
        endless = pool.submit(ask, started["url"], 4000)
        began = time.monotonic()
        send_when_busy(process, started["url"], signal.SIGINT)
        process.communicate(timeout=30)

        assert process.returncode == 0
        assert time.monotonic() - began < 15
        assert endless.result().status_code == 503
