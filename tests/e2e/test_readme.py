"""The README, followed to the letter on SmolLM2: what it tells a newcomer to type works, in this order.

Only the demo's size differs: fewer questions and steps, so that the whole takes minutes, and a proof that half the
training can give.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL = {
    "  questions: 30  #": "  questions: 5  #",
    "max_new_tokens: 48  #": "max_new_tokens: 24  #",
    "sft: {epochs: 1.0,": "sft: {epochs: 0.5,",
    "min_test_questions: 30  #": "error_rate: 0.2\n  min_test_questions: 30  #",
    "dpo: {batch_size": "dpo: {epochs: 0.2, min_pairs: 4, batch_size",
}


def commands(language: str) -> list[str]:
    """The README's code blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def run(command: list[str], folder: Path, timeout_s: float = 900) -> str:
    """Standard output of a command that must succeed."""
    # A newcomer's shell has none of these; other tests leave MLflow's in this process.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RATCHET_", "MLFLOW_"))}
    environment["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def ratchet(line: str, folder: Path) -> str:
    words = shlex.split(line)
    assert words[0] == "ratchet"
    return run([sys.executable, "-m", "flows.cli", *words[1:]], folder)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make demo`'s commands have been run, on a smaller demo."""
    folder = tmp_path_factory.mktemp("readme")
    planned = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "ratchet init --demo demo" in planned
    assert "ratchet round demo/ratchet.yaml" in planned
    assert "ratchet benchmark demo/ratchet.yaml" in planned
    ratchet("ratchet init --demo demo", folder)
    config = folder / "demo" / "ratchet.yaml"
    text = config.read_text(encoding="utf-8")
    for given, smaller in SMALL.items():
        assert given in text
        text = text.replace(given, smaller)
    config.write_text(text, encoding="utf-8")
    output = ratchet("ratchet round demo/ratchet.yaml", folder)
    assert "Promoted: version 2 is the champion" in output
    ratchet("ratchet benchmark demo/ratchet.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def outputs(followed: Path) -> dict[str, str]:
    """What each command of `What to do next` prints, run in the README's order after its Python example."""
    (example,) = commands("python")
    printed = {"python": run([sys.executable, "-W", "ignore", "-c", example], followed)}
    for line in commands("sh")[0].strip().splitlines():
        printed[line] = ratchet(line, followed)
    return printed


def test_the_first_round_on_a_real_model_beats_base_on_unseen_questions(followed: Path) -> None:
    report = json.loads((followed / ".ratchet/rounds/python-stdlib/0001/report/report.json").read_text())
    base, challenger = (report["arms"][arm]["metrics"]["rouge_l"] for arm in ("base", "challenger"))
    assert challenger["ci95"][0] > base["ci95"][1]
    assert report["decision"]["promoted"] is True


def test_an_adapter_trained_with_passages_answers_best_with_passages(followed: Path) -> None:
    (path,) = followed.glob(".ratchet/benchmarks/python-stdlib/*/report.json")
    arms = json.loads(path.read_text(encoding="utf-8"))["arms"]
    base, rag, ft, both = (arms[arm]["metrics"]["rouge_l"] for arm in ("base", "rag", "ft", "rag_ft"))
    assert rag["mean"] > base["mean"]
    assert both["ci95"][0] > max(rag["ci95"][1], ft["ci95"][1])


def test_a_consumer_gets_a_chat_answer_from_the_champion_through_mlflow(outputs: dict[str, str]) -> None:
    assert len(outputs["python"].strip().splitlines()[-1]) > 5


def test_status_history_why_and_ask_answer(outputs: dict[str, str]) -> None:
    assert "promoted: version 2 is the champion" in outputs["ratchet status"]
    assert "champion" in outputs["ratchet history"]
    assert "is better than champion on rouge_l" in outputs["ratchet why 2"]
    assert outputs['ratchet ask "What does itertools.chain do in Python?"'].strip()


def test_the_second_round_starts_from_the_first_champion_and_rollback_undoes_a_promotion(
    followed: Path, outputs: dict[str, str]
) -> None:
    opened = json.loads((followed / ".ratchet/rounds/python-stdlib/0002/round.json").read_text())
    assert opened["champion"]["version"] == 2
    trained = json.loads((followed / ".ratchet/rounds/python-stdlib/0002/train.json").read_text())["record"]
    assert trained["parent_sha256"] == opened["champion"]["adapter"]["sha256"]
    assert "is the champion again" in outputs["ratchet rollback"]


def test_a_domain_of_ones_own_goes_from_init_to_a_verdict(followed: Path) -> None:
    printed = [ratchet(line, followed) for line in commands("sh")[1].strip().splitlines()]
    assert "A round can run." in printed[1]
    assert "too few for a verdict" in printed[2]


def test_nothing_is_written_outside_the_home_and_the_named_folders(followed: Path, outputs: dict[str, str]) -> None:
    assert {path.name for path in followed.iterdir()} <= {".ratchet", "demo", "my-domain"}


def test_the_mlflow_ui_opens_on_the_home(followed: Path) -> None:
    (command,) = re.findall(r"`(mlflow ui [^`]*)`", README)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [*shlex.split(command)[1:], "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen([sys.executable, "-m", "mlflow", *words], cwd=followed, start_new_session=True)
    try:
        assert _answers(f"http://127.0.0.1:{port}/", deadline_s=120)
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)


def _answers(url: str, deadline_s: float) -> bool:
    """Whether the page comes before the deadline."""
    ends = time.monotonic() + deadline_s
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                return bool(page.status == 200)
        except OSError:
            time.sleep(0.5)
    return False
