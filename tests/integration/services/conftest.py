"""Services that start in a moment: small real processes at the ports, under the names, of the real ones."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.home import Home
from tasks.services import commands, lifecycle
from tasks.services.state import Service, State

# Answers 200 to everything, and has a child, as servers do.
SERVER = """
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# Leaves a sign of life.
WATCHER = """
import os, pathlib, sys, time
folder = pathlib.Path(os.environ["RATCHET_HOME"]) / "watch"; folder.mkdir(exist_ok=True)
(folder / "tiny.watcher.json").write_text('{"pid": %d, "running": false}' % os.getpid())
time.sleep(300)
"""


@pytest.fixture
def home(ratchet_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose services all end with the test."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    home = Home(ratchet_home)
    yield home
    lifecycle.take_down(home)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ratchet.yaml"
    path.write_text(json.dumps({"name": "tiny", "questions": "q.jsonl"}), encoding="utf-8")
    return path


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]) -> dict[str, str]:
    """What the services run; a test may change it."""
    scripts = {"prefect": SERVER, "mlflow": SERVER, "watcher": WATCHER}

    def command(service: Service, state: State) -> list[str]:
        return [sys.executable, "-c", scripts[service], str(state.ports.get(service, ""))]

    monkeypatch.setattr(commands, "command", command)
    # Not the real ones: these may be in use on a developer's machine.
    ports = {name: range(first, first + 5) for name in ("prefect", "mlflow") for first in [free_port()]}
    monkeypatch.setattr(lifecycle, "_PORTS", ports)
    return scripts
