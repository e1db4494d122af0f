"""A server that runs on loopback, in a thread of the test's process, and clients of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from example_models import adapter
from openai import OpenAI
from tiny_model import write_random_adapter

from tasks.config import Config
from tasks.files import sha256_of_directory
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.records import ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.registry import tracking
from tasks.serve.app import Service
from tasks.serve.server import listen, make_server, open_service, url_of
from tasks.settings.models import GenerationSettings, ModelSettings
from tasks.settings.serve import ServeSettings
from tasks.training.adapters import ADAPTER_FILES

QUESTION = "What does the function do?"
SLOW = {"max_tokens": 512}  # keeps the tiny model busy for more than a second


@dataclass(frozen=True)
class Running:
    """A server on loopback, and clients of it."""

    service: Service
    url: str
    http: httpx.Client
    openai: OpenAI

    def ask(self, question: str = QUESTION, **options: Any) -> dict[str, Any]:
        """The completion as JSON; it must be one."""
        answered = self.post({"messages": [{"role": "user", "content": question}], **options})
        assert answered.status_code == 200, answered.text
        completion: dict[str, Any] = answered.json()
        return completion

    def text(self, question: str = QUESTION, **options: Any) -> str:
        """The answer's text."""
        return str(self.ask(question, **options)["choices"][0]["message"]["content"])

    def post(self, body: Any, path: str = "/chat/completions", **options: Any) -> httpx.Response:
        """What the server says to a body."""
        return self.http.post(f"{self.url}{path}", json=body, **options)

    def status(self) -> dict[str, Any]:
        """What /ready says."""
        told: dict[str, Any] = self.http.get(f"{self.url.removesuffix('/v1')}/ready").json()
        return told


def domain(folder: Path, model: Path, **settings: Any) -> Config:
    """A domain of two questions on the tiny model, with these settings of `serve`."""
    (folder / "questions.jsonl").write_text(
        '{"question": "What is a deque?", "answer": "A queue.", "id": "deque", "split": "train"}\n'
        '{"question": "What is a heap?", "answer": "A tree.", "id": "heap", "split": "test"}\n',
        encoding="utf-8",
    )
    return Config(
        name="demo",
        questions="questions.jsonl",
        model=ModelSettings(base=str(model), device="cpu", dtype="float32"),
        generation=GenerationSettings(max_new_tokens=8),
        serve=ServeSettings(**{"alias_poll_s": 0.1, "request_timeout_s": 60.0, **settings}),
        root=folder,
    )


def register(config: Config, home: Home, number: int, **changes: Any) -> ModelVersion:
    """Registers random LoRA weights as the adapter of a round; the base is the first champion, as version 1."""
    base = resolve_base(config.model, home)
    registry.ensure_champion(config, home, base)
    folder = config.root / f"adapter-{number}"
    write_random_adapter(Path(base.path), folder, number)
    run_id = tracking.open_run(config, home, key=f"train:{number}", name=f"round {number}", tags={})
    sha256 = sha256_of_directory(folder, ADAPTER_FILES)
    trained = adapter(sha256=sha256, base=base, round=number, mlflow_run_id=run_id, **changes)
    return registry.register_adapter(config, home, trained, folder, tags={})


@contextmanager
def running(config: Config, home: Home, key: str = "none") -> Iterator[Running]:
    """A server, up while the block runs; its clients send the key."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen("127.0.0.1", 0))
        service = stack.enter_context(open_service(config, home))
        server = make_server(service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        url = url_of(listener)
        thread.start()
        try:
            client = stack.enter_context(httpx.Client(timeout=60, headers={"Authorization": f"Bearer {key}"}))
            openai = stack.enter_context(OpenAI(base_url=url, api_key=key, max_retries=0))
            yield Running(service, url, client, openai)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def wait_for(reached: Callable[[], Any], within_s: float = 30.0) -> None:
    """Returns when it is so; fails when it is not in time."""
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)
