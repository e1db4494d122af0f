"""Figures of `ratchet serve`: CLIENTS at once for SECONDS, the champion's alias moved in the middle.

The model is the tests' tiny one with random adapters, so the figures are those of the server around a model: queue,
batches, HTTP, traces, and what a change of the model costs. The server is a process of its own, started through the
command line; it must fail no request, and its memory must not grow.

    python tests/bench/bench_serve.py [SECONDS [CLIENTS]]
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tiny model

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SECONDS = 300.0
CLIENTS = 100
MAX_TOKENS = 16
RATED = 0.02  # share of answers that get a thumb
MEMORY_GROWTH = 0.10  # allowed of the second half over its beginning


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line; exit status 1 when a limit is broken."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else CLIENTS
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as name:
        folder = Path(name)
        os.environ["RATCHET_HOME"] = str(folder / "home")
        config, home, second = prepare(folder)
        process, url = start_server(folder)
        try:
            figures = measure(url, process.pid, seconds, clients, lambda: move_alias(config, home, second))
        finally:
            process.send_signal(signal.SIGTERM)
            figures_exit = process.wait(60)
    figures["exit_status"] = figures_exit
    show(figures)
    if figures["failed"] or figures["memory_growth"] > MEMORY_GROWTH or len(figures["answers_by_version"]) < 2:
        sys.exit(1)


def prepare(folder: Path) -> tuple[Any, Any, Any]:
    """A domain with the base as champion and an adapter registered as version 2."""
    from example_models import adapter
    from tiny_model import write_random_adapter, write_tiny_model

    from tasks.config import load_config
    from tasks.files import sha256_of_directory
    from tasks.home import find_home
    from tasks.models.base_model import resolve_base
    from tasks.registry import mlflow_registry as registry
    from tasks.registry import tracking
    from tasks.training.adapters import ADAPTER_FILES

    write_tiny_model(folder / "tiny")
    rows = [{"question": f"What is {name}?", "answer": "A word."} for name in ("one", "two", "three")]
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    (folder / "ratchet.yaml").write_text(
        "name: bench\nquestions: questions.jsonl\nmodel: {base: tiny, device: cpu, dtype: float32}\n"
        "serve: {alias_poll_s: 1.0, batch_size: 32, max_waiting: 1000}\n",
        encoding="utf-8",
    )
    config, home = load_config(folder / "ratchet.yaml"), find_home()
    base = resolve_base(config.model, home)
    registry.ensure_champion(config, home, base)
    write_random_adapter(Path(base.path), folder / "adapter", 1)
    run_id = tracking.open_run(config, home, key="train:1", name="round 1", tags={})
    sha256 = sha256_of_directory(folder / "adapter", ADAPTER_FILES)
    trained = adapter(sha256=sha256, base=base, round=1, mlflow_run_id=run_id)
    return config, home, registry.register_adapter(config, home, trained, folder / "adapter", tags={})


def start_server(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """The server's process and the URL of its API."""
    command = [sys.executable, "-m", "flows.cli", "serve", "-c", str(folder / "ratchet.yaml"), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the server did not start: see its message above")
    return process, str(json.loads(line)["url"])


def move_alias(config: Any, home: Any, version: Any) -> None:
    """Makes another version the champion."""
    from tasks.registry import mlflow_registry as registry

    registry.promote(config, home, version)


def measure(url: str, pid: int, seconds: float, clients: int, move: Any) -> dict[str, Any]:
    """What the clients saw, and the server's resident memory meanwhile."""
    import psutil

    memory: list[tuple[float, float]] = []
    server = psutil.Process(pid)
    mover = threading.Timer(seconds / 2, move)
    mover.start()
    ended = threading.Event()

    def watch_memory(began: float) -> None:
        while not ended.wait(1.0):
            memory.append((time.monotonic() - began, server.memory_info().rss / 2**20))

    began = time.monotonic()
    watcher = threading.Thread(target=watch_memory, args=(began,))
    watcher.start()
    try:
        answers, failed = asyncio.run(load(url, seconds, clients))
    finally:
        ended.set()
        watcher.join()
        mover.join()
    return {**summarise(answers, failed, time.monotonic() - began), **summarise_memory(memory, seconds)}


async def load(url: str, seconds: float, clients: int) -> tuple[list[tuple[float, int]], Counter[str]]:
    """By answer its latency in seconds and its version; and the failures, by what they were."""
    import httpx

    answers: list[tuple[float, int]] = []
    failed: Counter[str] = Counter()
    until = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)

    async def client(number: int, http: httpx.AsyncClient) -> None:
        draw = random.Random(number)
        while time.monotonic() < until:
            words = " ".join(
                draw.choice(("the", "function", "elements", "iterator")) for _ in range(draw.randint(3, 20))
            )
            body = {"messages": [{"role": "user", "content": f"{words}?"}], "max_tokens": draw.randint(4, MAX_TOKENS)}
            began = time.monotonic()
            try:
                answered = await http.post(f"{url}/chat/completions", json=body)
                if answered.status_code != 200:
                    failed[f"status {answered.status_code}"] += 1
                    continue
                completion = answered.json()
                answers.append((time.monotonic() - began, completion["ratchet"]["version"]))
                if draw.random() < RATED:
                    thumb = {"id": completion["id"], "thumb": draw.choice(("up", "down"))}
                    rated = await http.post(f"{url}/feedback", json=thumb)
                    if rated.status_code != 200:
                        failed[f"feedback {rated.status_code}"] += 1
            except httpx.HTTPError as error:
                failed[type(error).__name__] += 1

    async with httpx.AsyncClient(timeout=90, limits=limits) as http:
        await asyncio.gather(*(client(number, http) for number in range(clients)))
        status = (await http.get(f"{url.removesuffix('/v1')}/ready")).json()
        print(json.dumps(status["counts"]))
    return answers, failed


def summarise(answers: list[tuple[float, int]], failed: Counter[str], took_s: float) -> dict[str, Any]:
    """Speed, latencies and versions."""
    latencies = sorted(latency for latency, _ in answers)
    by_version = Counter(version for _, version in answers)
    return {
        "seconds": took_s,
        "answered": len(answers),
        "failed": dict(failed),
        "requests_per_s": len(answers) / took_s,
        "latency_p50_s": latencies[len(latencies) // 2],
        "latency_p95_s": latencies[int(len(latencies) * 0.95)],
        "latency_max_s": latencies[-1],
        "answers_by_version": {str(version): count for version, count in sorted(by_version.items())},
    }


def summarise_memory(memory: list[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """Resident megabytes: after a tenth of the time, just before the alias moves, and at the end."""

    def around(share: float) -> float:
        near = sorted(memory, key=lambda each: abs(each[0] - share * seconds))[:3]
        return sum(megabytes for _, megabytes in near) / len(near)

    start, middle, after, end = around(0.1), around(0.48), around(0.65), around(1.0)
    return {
        "rss_start_mb": start,
        "rss_middle_mb": middle,
        "rss_after_move_mb": after,
        "rss_end_mb": end,
        "rss_peak_mb": max(megabytes for _, megabytes in memory),
        "memory_growth": end / after - 1,
    }


def show(figures: dict[str, Any]) -> None:
    """Prints the figures."""
    print(f"{figures['answered']} answers in {figures['seconds']:.0f} s, {figures['requests_per_s']:.0f} a second")
    print(f"  failed (wanted: none)        {figures['failed'] or 'none'}")
    print(f"  answers by version           {figures['answers_by_version']}")
    print(
        f"  latency p50, p95, max        {figures['latency_p50_s']:.3f} s, {figures['latency_p95_s']:.3f} s, "
        f"{figures['latency_max_s']:.3f} s"
    )
    print(
        f"  resident MB                  {figures['rss_start_mb']:.0f} at the start, {figures['rss_middle_mb']:.0f} "
        f"before the move, {figures['rss_after_move_mb']:.0f} after it, {figures['rss_end_mb']:.0f} at the end "
        f"(growth {figures['memory_growth']:.1%}, wanted: at most {MEMORY_GROWTH:.0%})"
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
