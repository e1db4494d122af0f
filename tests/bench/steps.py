"""Benches in steps: each is measured in a process of its own, so that its peak of resident memory is its own."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Step = Callable[..., dict[str, Any]]


def run_step(folder: str, step: str, *arguments: object) -> dict[str, Any]:
    """The figures of a step of the bench that is running.

    What Python compiles is kept in the folder between steps, as it is where Ratchet is installed.
    """
    command = [sys.executable, sys.argv[0], "--step", step, folder, *map(str, arguments)]
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **compiled})
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main_or_step(main: Callable[[], None], steps: Mapping[str, Step]) -> None:
    """Runs `main`, or in the processes that `run_step` starts the step they are for.

    A step is given the folder and its arguments as numbers. Its figures have the `seconds` that it measured or else
    took, and `peak_resident_mb`.
    """
    if sys.argv[1:2] != ["--step"]:
        main()
        return
    name, folder, *arguments = sys.argv[2:]
    started = time.perf_counter()
    figures = steps[name](Path(folder), *map(int, arguments))
    figures.setdefault("seconds", time.perf_counter() - started)
    figures["peak_resident_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))
