"""What a model consumer does: load `models:/<name>@champion` through MLflow and ask it something."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.config import Config
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.records import BaseModelRef
from tasks.registry import mlflow_registry as registry
from tasks.registry.comparing import largest_difference, logits_of
from tasks.registry.connection import tracking_uri

QUESTION = {"messages": [{"role": "user", "content": "What does the function do?"}]}


@pytest.fixture
def promoted(config: Config, home: Home, base: BaseModelRef, train: Any, consumer: Callable[[str], None]) -> Any:
    """The adapter of round 1, promoted; MLflow's fluent API points to the registry."""
    registry.ensure_champion(config, home, base)
    trained = train(1)
    registry.promote(config, home, registry.register_adapter(config, home, trained.adapter, trained.folder, tags={}))
    consumer(tracking_uri(config, home))
    return trained


def greedy_answer(base: BaseModelRef, folder: Path | None, max_new_tokens: int) -> tuple[str, int]:
    """The answer and its prompt's tokens as PEFT and transformers alone give them, under the domain's system prompt."""
    from tasks.models.hardware import Hardware
    from tasks.models.loading import load_model, load_tokenizer

    tokenizer = load_tokenizer(base)
    model = load_model(base, folder, Hardware("cpu", "float32", 1))
    system_prompt = Config.model_fields["system_prompt"].default
    messages = [{"role": "system", "content": system_prompt}, *QUESTION["messages"]]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    output = model.generate(**prompt, max_new_tokens=max_new_tokens, do_sample=False)
    length = prompt["input_ids"].shape[1]
    return tokenizer.decode(output[0, length:], skip_special_tokens=True).strip(), length


def test_the_champion_answers_a_chat_message_as_the_evaluated_model_does(promoted: Any, base: BaseModelRef):
    import mlflow

    [reply] = mlflow.pyfunc.load_model("models:/demo@champion").predict(QUESTION)
    text, prompt_tokens = greedy_answer(base, promoted.folder, max_new_tokens=4)
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["message"] == {"role": "assistant", "content": text}
    assert reply["usage"]["prompt_tokens"] == prompt_tokens
    assert reply["usage"]["completion_tokens"] <= 4


def test_mlflow_models_serve_answers_as_the_evaluated_model_does(
    config: Config, home: Home, promoted: Any, base: BaseModelRef, free_port: Callable[[], int], tmp_path: Path
):
    port, log = free_port(), tmp_path / "serve.log"
    named = ["models", "serve", "-m", "models:/demo@champion", "--env-manager", "local", "--workers", "1"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *named, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "MLFLOW_TRACKING_URI": tracking_uri(config, home), "PATH": path},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        reply = _ask_when_up(f"http://127.0.0.1:{port}", server, log)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=30)
    text, _ = greedy_answer(base, promoted.folder, max_new_tokens=4)
    assert reply["choices"][0]["message"] == {"role": "assistant", "content": text}


def _ask_when_up(url: str, server: "subprocess.Popen[bytes]", log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 240
    while True:
        try:
            httpx.get(f"{url}/ping", timeout=10).raise_for_status()
        except httpx.HTTPError:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        else:
            replies: list[dict[str, Any]]
            replies = httpx.post(f"{url}/invocations", json=QUESTION, timeout=60).raise_for_status().json()
            return replies[0]


def test_the_prompt_gets_no_second_start_token_where_the_template_wrote_one(
    config: Config, home: Home, tiny_model: Path, consumer: Callable[[str], None]
):
    """Llama 3 and Gemma tokenizers add one to any text; the chat template has put it there already."""
    import mlflow
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    start = tokenizer.bos_token
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.bos_token_id)]
    )
    tokenizer.save_pretrained(tiny_model)
    assert AutoTokenizer.from_pretrained(tiny_model)("x")["input_ids"][0] == tokenizer.bos_token_id
    base = resolve_base(config.model, home)
    registry.ensure_champion(config, home, base)
    consumer(tracking_uri(config, home))
    [reply] = mlflow.pyfunc.load_model("models:/demo@champion").predict(QUESTION)
    text, prompt_tokens = greedy_answer(base, None, max_new_tokens=4)
    assert reply["choices"][0]["message"]["content"] == text
    assert reply["usage"]["total_tokens"] == prompt_tokens + 4


def test_a_request_may_ask_for_more_tokens(promoted: Any):
    import mlflow

    [reply] = mlflow.pyfunc.load_model("models:/demo@champion").predict({**QUESTION, "max_tokens": 9})
    assert 4 < reply["usage"]["completion_tokens"] <= 9


def test_the_champions_logits_are_those_of_the_evaluated_model(promoted: Any, base: BaseModelRef, token_ids: Any):
    import mlflow

    from tasks.models.hardware import Hardware
    from tasks.models.loading import load_model

    pipeline = mlflow.transformers.load_model("models:/demo@champion")
    expected = logits_of(load_model(base, promoted.folder, Hardware("cpu", "float32", 1)), token_ids)
    assert largest_difference(expected, logits_of(pipeline.model, token_ids)) < 1e-3


def test_after_a_rollback_consumers_get_the_base_model_again(
    config: Config, home: Home, promoted: Any, base: BaseModelRef
):
    import mlflow

    registry.rollback(config, home)
    [reply] = mlflow.pyfunc.load_model("models:/demo@champion").predict(QUESTION)
    assert reply["choices"][0]["message"]["content"] == greedy_answer(base, None, max_new_tokens=4)[0]


def test_a_consumer_finds_the_system_prompt_and_the_base_in_the_models_metadata(
    config: Config, promoted: Any, base: BaseModelRef
):
    import mlflow

    metadata = mlflow.pyfunc.load_model("models:/demo@champion").metadata.metadata
    assert metadata["ratchet.system_prompt"] == config.system_prompt
    assert metadata["ratchet.base_sha256"] == base.sha256


def test_a_base_that_lies_elsewhere_can_be_named_by_the_consumer(promoted: Any, base: BaseModelRef, tmp_path: Path):
    import mlflow

    elsewhere = Path(base.path).rename(tmp_path / "elsewhere")
    pipeline = mlflow.transformers.load_model("models:/demo@champion", base_model_path=str(elsewhere))
    assert pipeline.model.peft_config


def test_a_base_from_the_hub_is_loaded_from_the_hub_at_its_commit(
    config: Config,
    home: Home,
    tiny_model: Path,
    consumer: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    base: BaseModelRef,
    token_ids: Any,
):
    """The hub's cache is made by hand: two commits, and `main` names the one that was not trained on."""
    import mlflow
    from huggingface_hub import constants

    from tasks.models.hardware import Hardware
    from tasks.models.loading import load_model

    trained_on, newest = "a" * 40, "b" * 40
    repository = tmp_path / "hub" / "models--org--tiny"
    snapshot = repository / "snapshots" / trained_on
    snapshot.parent.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(newest)
    (repository / "snapshots" / newest).mkdir()
    tiny_model.rename(snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(repository.parent))
    hub = BaseModelRef(id="org/tiny", path=str(snapshot), sha256=base.sha256)
    # A system prompt is stored in the tokenizer's template, which MLflow would fetch from the hub unchanged.
    config = config.model_copy(update={"system_prompt": ""})

    registry.ensure_champion(config, home, hub)
    consumer(tracking_uri(config, home))
    stored = mlflow.models.get_model_info("models:/demo@champion").flavors["transformers"]
    assert "local_base_model_path" not in stored
    assert (stored["source_model_name"], stored["source_model_revision"]) == ("org/tiny", trained_on)
    pipeline = mlflow.transformers.load_model("models:/demo@champion")
    expected = logits_of(load_model(hub, None, Hardware("cpu", "float32", 1)), token_ids)
    assert largest_difference(expected, logits_of(pipeline.model, token_ids)) == 0.0
    [reply] = mlflow.pyfunc.load_model("models:/demo@champion").predict(QUESTION)
    assert reply["choices"][0]["message"]["role"] == "assistant"
