"""An LLM's endpoint without a network: llama.cpp's server, from the wheel xllamacpp, on a loopback port.

It runs in a process of its own: native code that crashes takes no round with it, its memory is given back, and its
threads are not torch's. It ends with the block that started it, and, as soon as its model is loaded, within a
second of a parent that is killed.

The parameters were chosen by measurement, with SmolLM2-135M (Q4_1) on 2 cores, 8 clients and JSON-schema output of
about 43 tokens a call, after a system prompt of 510 tokens that all calls share and 65 tokens of their own:

- threads: one core fewer than there are. llama.cpp's threads wait for each other actively, many times a token: with
  2 threads on 2 cores a quiet machine is 1.4 to 1.7 times as fast as with 1, but where other processes want the cores,
  too, it wrote 1.4 to 6 tokens a second and 1 thread 42.
- cache: llama.cpp keeps the start that a prompt shares with the slot's last one, so the system prompt costs its time
  once a slot: 1.1 s a call of a single client instead of 2.9 s, with 2 threads. Hence what
  all calls share must come first in a prompt.
- 4 slots: batched calls cost 1.67 s of CPU time with 1 slot, 1.54 with 2, 1.47 with 4 and 1.48 with 8, but each slot
  reads the system prompt once (about 5 s); 4 pay from about 75 calls on, and a round asks hundreds.
- 4096 tokens a slot: resident memory is 536 MB with 4 slots, 354 MB with 2 and 261 MB with 1 (90 MB a slot, of the
  cache of keys and values). A longer prompt is refused with status 400, `exceed_context_size_error`.
- no cache of prompts in main memory (llama.cpp's default is up to 8 GiB): it reused not one token more here.
- flash attention and the type of the cache stay llama.cpp's own: without the former a call costs 5 % more, and an
  8-bit cache costs 16 % more and saves 41 MB a slot.

Batches form as calls arrive, so the same prompt may get another verdict in another run, even at temperature 0: of 80
verdicts asked for twice, 77 were the same.
"""

import importlib.util
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.errors import ConfigError, HomeError, ModelError, UnreachableError
from tasks.files import describe_write_error
from tasks.home import Home
from tasks.models.embedded_gguf import EMBEDDED, find_embedded_gguf
from tasks.models.hardware import available_cores
from tasks.services.processes import size_after_rotation

SLOTS = 4
TOKENS_PER_SLOT = 4096
READY_WITHIN_S = 120.0
_SCRIPT = Path(__file__).with_name("serve_gguf.py")
_MAGIC = b"GGUF"
_ANY_PORT = 0
_HEALTH_TIMEOUT_S = 5.0
_POLL_S = 0.05
_ENDING_S = 5.0  # between a dying server's last word to its clients and its end, on a busy machine
_ERROR_LINE = re.compile(r"^(?:[\d.]+ E +(?:\S+ +)?\S+: +|(?=\w*Error: ))(?P<text>.+)$")  # llama.cpp's, and Python's
_PORT_TAKEN = "couldn't bind"
_CONSEQUENCES = ("failed to load model", "exiting due to", "Failed to init server")


@dataclass(frozen=True)
class _Launch:
    """What the server's process is told; the fields are the keys of its JSON argument."""

    path: str
    name: str
    port: int
    slots: int
    tokens_per_slot: int
    threads: int
    parent: int


@contextmanager
def serve_gguf(
    model: str,
    home: Home,
    *,
    threads: int | None = None,
    slots: int = SLOTS,
    tokens_per_slot: int = TOKENS_PER_SLOT,
    port: int = _ANY_PORT,
    ready_within_s: float = READY_WITHIN_S,
) -> Iterator[str]:
    """Serves a GGUF file while the block runs; yields the base URL, `http://127.0.0.1:PORT/v1`.

    It prints nothing; what the server says is in `home.root / "logs"`.

    Args:
        model: an embedded name, or the path of a GGUF file.
        threads: of the server; None: one fewer than the cores this process may use, and at least one.
        slots: calls worked on at once; further ones wait their turn.
        tokens_per_slot: of a prompt and its completion.
        port: on loopback; 0: one that is free.
        ready_within_s: seconds in which the model must be loaded.

    Raises:
        ConfigError: when xllamacpp is not installed, there is no such file, or the port is taken.
        ModelError: when the file is no GGUF file, or llama.cpp cannot serve it.
        UnreachableError: when it is not ready in time; and on leaving the block, when it ended during it.
        HomeError: when its log cannot be written.
    """
    path = find_gguf(model)
    name = EMBEDDED if model == EMBEDDED else path.stem
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError("`url: embedded` needs xllamacpp, which is missing: `pip install xllamacpp`.")
    launch = _Launch(str(path), name, port, slots, tokens_per_slot, threads or spare_cores(), os.getpid())
    log = home.root / "logs" / f"llama-server-{name}.log"
    start, process = _start(launch, log)
    try:
        url = _wait_until_ready(process, launch, log, start, ready_within_s)
        try:
            yield f"{url}/v1"
        except Exception as error:
            _check_alive(process, url, name, log, cause=error)
            raise
        _check_alive(process, url, name, log)
    finally:
        process.kill()  # it has nothing to save, and a stopped one acts on no other signal
        process.wait()


def find_gguf(model: str) -> Path:
    """The GGUF file of an embedded name or a path; that it is whole is known only when it is loaded.

    Raises:
        ConfigError: when there is no such file.
        ModelError: when it is no GGUF file, or the embedded model's wheel is not installed.
    """
    path = find_embedded_gguf() if model == EMBEDDED else Path(model).expanduser().resolve()
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigError(f"Model {path} {problem}: name a GGUF file, or {EMBEDDED}.")
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ConfigError(f"Model {path} cannot be read ({error.strerror}): allow it, or name another.") from error
    if magic != _MAGIC:
        raise ModelError(
            f"Model {path} is no GGUF file (it does not begin with GGUF): "
            f"convert the model with `convert-hf-to-gguf`, or name {EMBEDDED}."
        )
    return path


def spare_cores() -> int:
    """One fewer than the cores this process may use, which OMP_NUM_THREADS can limit; at least one."""
    return max(1, available_cores() - 1)


def _start(launch: _Launch, log: Path) -> tuple[int, "subprocess.Popen[bytes]"]:
    """The log's size before, and the process."""
    try:
        start = size_after_rotation(log)
        with log.open("ab") as output:
            # A session of its own: the terminal's Ctrl-C is the parent's to act on. -P: this folder's modules
            # must not stand in for others of their names.
            process = subprocess.Popen(
                [sys.executable, "-P", str(_SCRIPT), json.dumps(asdict(launch))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise HomeError(describe_write_error(log, error)) from error
    return start, process


def _wait_until_ready(
    process: "subprocess.Popen[bytes]", launch: _Launch, log: Path, start: int, within_s: float
) -> str:
    """The server's address, after it has said that it is healthy."""
    deadline = time.monotonic() + within_s
    url = _read_address(process, deadline)
    while url and time.monotonic() < deadline:
        if _is_healthy(url):
            return url
        if process.poll() is not None:
            break
        time.sleep(_POLL_S)
    if time.monotonic() >= deadline and process.poll() is None:
        raise UnreachableError(
            f"llama.cpp's server did not load {launch.path} within {within_s:g} s: "
            f"choose a smaller model, or see {log}."
        )
    process.wait()
    causes = _read_errors(log, start)
    if any(_PORT_TAKEN in cause for cause in causes):
        raise ConfigError(
            f"Port {launch.port} is in use or reserved for root: choose another, or 0 for any that is free."
        )
    raise ModelError(
        f"llama.cpp cannot serve {launch.path} ({causes[0] if causes else _describe_end(process)}): "
        f"get the file anew or choose another model; {log} has the details."
    )


def _read_address(process: "subprocess.Popen[bytes]", deadline: float) -> str:
    """The line in which the process tells its address; empty when it ended, or nothing came in time."""
    assert process.stdout is not None
    line = b""
    with process.stdout as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(max(0.0, deadline - time.monotonic())):
            part = os.read(pipe.fileno(), 1024)
            if not part:
                break
            line += part
    return line.decode().strip() if line.endswith(b"\n") else ""


def _is_healthy(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/health", timeout=_HEALTH_TIMEOUT_S, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _check_alive(
    process: "subprocess.Popen[bytes]", url: str, name: str, log: Path, cause: Exception | None = None
) -> None:
    """Raises UnreachableError when the server has ended, or is just ending."""
    if process.poll() is None and _is_healthy(url):
        return
    try:
        process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        return  # it hangs, which the client's own timeouts tell
    raise UnreachableError(
        f"llama.cpp's server ended while {name} was asked ({_describe_end(process)}): "
        f"run again, what was answered is kept; {log} has the details."
    ) from cause


def _describe_end(process: "subprocess.Popen[bytes]") -> str:
    if process.returncode < 0:
        # What the system kills for want of memory gets SIGKILL, too.
        return f"killed by {signal.Signals(-process.returncode).name}"
    return f"exit status {process.returncode}"


def _read_errors(log: Path, start: int) -> list[str]:
    """What llama.cpp or Python called an error since byte `start`: causes before what merely follows from them."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    texts = [
        match["text"].removeprefix("error loading model: ") for line in lines if (match := _ERROR_LINE.match(line))
    ]
    texts.sort(key=lambda text: any(consequence in text for consequence in _CONSEQUENCES))
    return [text.rstrip(".")[:200] for text in texts]
