"""Scripts and commands that tests run in a process of their own, where nothing has been imported yet."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def run_script(script: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The script's end; it must be a good one, within 2 minutes."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def run_ratchet(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """`ratchet` with these arguments, however it ends, within 2 minutes."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
