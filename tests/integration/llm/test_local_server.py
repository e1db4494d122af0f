"""llama.cpp's server on the real, embedded GGUF: it answers, it ends, and it says why it cannot."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tasks.errors import ConfigError, ModelError, UnreachableError
from tasks.home import Home
from tasks.llm.local_server import serve_gguf
from tasks.models.embedded_gguf import EMBEDDED, find_embedded_gguf

REPOSITORY = Path(__file__).parents[3]
PREFERENCES = {"a", "b", "tie", "both_bad"}
SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 16},
        "verdict": {"enum": sorted(PREFERENCES)},
    },
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}
TIMEOUT_S = 120.0


def servers(parent: psutil.Process | None = None) -> list[psutil.Process]:
    """The servers that a process has started, this one unless another is given, and that still run."""
    children = (parent or psutil.Process()).children()
    return [child for child in children if any("serve_gguf.py" in word for word in child.cmdline())]


def wait_for(reached: Callable[[], Any], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)


def ask(url: str, question: str) -> dict[str, Any]:
    """A verdict in JSON, as llama.cpp's server gives it for the schema."""
    body = {
        "messages": [
            {"role": "system", "content": "Which answer is better? Reply in JSON."},
            {"role": "user", "content": f"{question}\nA: It adds numbers.\nB: It opens a file."},
        ],
        "max_tokens": 60,
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA},
        },
    }
    reply = httpx.post(f"{url}/chat/completions", json=body, timeout=TIMEOUT_S, trust_env=False).raise_for_status()
    answer: dict[str, Any] = reply.json()
    return answer


def verdict_in(answer: dict[str, Any]) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads(answer["choices"][0]["message"]["content"])
    return verdict


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_gguf(EMBEDDED, Home(tmp_path_factory.mktemp("home")), tokens_per_slot=1024) as served:
        yield served


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


@pytest.fixture
def small(home: Home) -> Callable[[], Any]:
    """Serves the embedded model with one slot."""
    return lambda: serve_gguf(EMBEDDED, home, slots=1, tokens_per_slot=4096)


def test_a_verdict_keeps_to_the_schema_and_names_the_model_without_its_path(url: str) -> None:
    answer = ask(url, "What does `sum` do?")
    assert verdict_in(answer).keys() == {"reason", "verdict"}
    assert verdict_in(answer)["verdict"] in PREFERENCES
    assert answer["model"] == EMBEDDED
    assert answer["usage"]["prompt_tokens"] > 0 and answer["usage"]["completion_tokens"] > 0


def test_eight_calls_at_once_all_keep_to_the_schema(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ask(url, f"What does `sum` do with {n} numbers?"), range(8)))
    assert len(answers) == 8
    assert {verdict_in(answer)["verdict"] for answer in answers} <= PREFERENCES


def test_what_prompts_share_at_their_start_is_read_once_a_slot(small: Callable[[], Any]) -> None:
    with small() as url:
        first, second = (ask(url, f"What does `{name}` do?")["usage"] for name in ("sum", "open"))
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    assert second["prompt_tokens_details"]["cached_tokens"] >= 10


def test_a_prompt_beyond_the_slot_is_refused_and_the_next_is_answered(url: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        ask(url, "word " * 2000)
    assert refused.value.response.status_code == 400
    assert refused.value.response.json()["error"]["type"] == "exceed_context_size_error"
    assert verdict_in(ask(url, "What does `len` do?"))["verdict"] in PREFERENCES


def test_nothing_but_the_judge_is_served(url: str) -> None:
    root = url.removesuffix("/v1")
    assert httpx.get(root, trust_env=False).status_code == 404  # no page
    assert not httpx.get(f"{root}/slots", trust_env=False).is_success  # no prompts of others
    reply = httpx.get(f"{url}/models", headers={"Origin": "https://elsewhere.example"}, trust_env=False)
    assert reply.headers.get("access-control-allow-origin") not in ("*", "https://elsewhere.example")


def test_it_runs_in_a_process_of_its_own_that_ends_with_the_block_and_prints_nothing(
    small: Callable[[], Any], home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(servers())
    with small() as url:
        (server,) = set(servers()) - before
        ask(url, "What does the zebra do?")
    assert not server.is_running()
    assert capfd.readouterr() == ("", "")
    log = (home.root / "logs" / f"llama-server-{EMBEDDED}.log").read_text()
    assert "serving" in log and "zebra" not in log


def test_a_second_server_at_once_gets_another_port(url: str, small: Callable[[], Any]) -> None:
    with small() as other:
        assert other != url
        assert verdict_in(ask(other, "What does `sum` do?"))["verdict"] in PREFERENCES
        assert verdict_in(ask(url, "What does `sum` do?"))["verdict"] in PREFERENCES


def test_any_other_gguf_file_is_served_under_its_name(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "my own judge.gguf"
    shutil.copyfile(find_embedded_gguf(), file)
    with serve_gguf(str(file), home, slots=1, tokens_per_slot=512) as url:
        assert ask(url, "What does `sum` do?")["model"] == "my own judge"


@pytest.mark.parametrize("leave_loaded", [True, False], ids=["while it serves", "while it loads"])
def test_a_parent_that_is_killed_leaves_no_server(home: Home, leave_loaded: bool) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom tasks.home import Home\n"
        "from tasks.llm.local_server import serve_gguf\n"
        f"with serve_gguf({EMBEDDED!r}, Home(Path(sys.argv[1])), slots=1) as url:\n"
        "    print(url, flush=True)\n    time.sleep(300)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", script, str(home.root)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        try:
            wait_for(lambda: servers(psutil.Process(parent.pid)))
            (server,) = servers(psutil.Process(parent.pid))
            if leave_loaded:
                assert parent.stdout is not None
                assert parent.stdout.readline().startswith("http://127.0.0.1:")
        finally:
            parent.kill()
    wait_for(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)


def test_a_server_killed_in_the_middle_of_an_answer_breaks_the_connection_and_is_named(
    small: Callable[[], Any],
) -> None:
    before = set(servers())
    body = {"messages": [{"role": "user", "content": "Count to a thousand."}], "max_tokens": 2000, "stream": True}
    with (
        pytest.raises(UnreachableError, match=r"ended while smollm2\S* was asked \(killed by SIGKILL\)") as raised,
        small() as url,
        httpx.stream("POST", f"{url}/chat/completions", json=body, timeout=TIMEOUT_S, trust_env=False) as reply,
    ):
        (server,) = set(servers()) - before
        lines = reply.iter_lines()
        next(lines)
        server.kill()
        for _ in lines:
            pass
    assert isinstance(raised.value.__cause__, httpx.TransportError)


def test_a_server_that_ended_is_told_even_when_nobody_noticed(small: Callable[[], Any]) -> None:
    before = set(servers())
    with pytest.raises(UnreachableError, match="killed by SIGKILL"), small():
        (server,) = set(servers()) - before
        server.kill()
        wait_for(lambda: server.status() == psutil.STATUS_ZOMBIE)


def test_an_error_of_the_block_stays_what_it_is_while_the_server_lives(small: Callable[[], Any]) -> None:
    before = set(servers())
    with pytest.raises(KeyError, match="mine"), small():
        raise KeyError("mine")
    assert set(servers()) == before


def test_a_server_killed_while_it_loads_is_told(small: Callable[[], Any]) -> None:
    before = set(servers())

    def kill() -> None:
        wait_for(lambda: set(servers()) - before)
        (server,) = set(servers()) - before
        server.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ModelError, match=r"llama\.cpp cannot serve .*killed by SIGKILL"), small():
        pass
    killer.join()


def test_one_that_takes_too_long_to_load_is_ended(home: Home) -> None:
    before = set(servers())
    with (
        pytest.raises(UnreachableError, match=r"did not load .* within 0\.05 s: choose a smaller model"),
        serve_gguf(EMBEDDED, home, ready_within_s=0.05),
    ):
        pass
    assert set(servers()) == before


def test_a_port_that_is_taken_is_named(url: str, home: Home) -> None:
    port = httpx.URL(url).port
    assert port is not None
    with pytest.raises(ConfigError, match=f"Port {port} is in use"), serve_gguf(EMBEDDED, home, port=port):
        pass
