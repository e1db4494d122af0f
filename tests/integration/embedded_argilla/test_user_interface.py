"""People sign in and label in a browser that reaches this machine only."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def asked_hosts() -> Iterator[tuple[str, list[str]]]:
    """A proxy that refuses everything, and the hosts it was asked for."""
    asked: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        do_GET = do_POST = do_HEAD = do_CONNECT

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_the_sign_in_page_works_and_asks_no_other_host(
    chromium: str, embedded_argilla: Any, asked_hosts: tuple[str, list[str]], tmp_path: Path
) -> None:
    proxy, asked = asked_hosts
    command = [
        chromium,
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={tmp_path / 'profile'}",
        *(f"--proxy-server={proxy}", "--virtual-time-budget=20000", "--window-size=1280,1000"),
        *("--dump-dom", f"{embedded_argilla.url}/sign-in"),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)

    assert 'type="password"' in shown.stdout
    assert "Sign in" in shown.stdout
    # Chromium has errands of its own at Google's; the pages' would be for fonts.
    assert [address for address in asked if "google" not in address or "fonts" in address] == []
