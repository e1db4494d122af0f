"""Keys from the environment and from Prefect's blocks stay there, whatever fails and whoever repeats them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scripted_endpoint import ScriptedEndpoint, prefer_right, serve, status

FROM_VARIABLE = "sk-variable-8d1f0c2b7a6e"
FROM_BLOCK = "sk-block-3f9e6a5d4c1b"
BLOCK = "judge-key"
# What torch and pickle write; training's checkpoints, which hold optimizers, are gone when a round has ended.
PICKLES = {".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"}


@dataclass(frozen=True)
class Judged:
    """What became of a round that was refused and then went on.

    Attributes:
        by_variable: the headers of a request to the judge whose key a variable holds.
        by_block: the same for the key in a block.
    """

    home: Path
    refused: "subprocess.CompletedProcess[str]"
    finished: "subprocess.CompletedProcess[str]"
    by_variable: dict[str, str]
    by_block: dict[str, str]


@pytest.fixture(scope="module")
def judged(make_ratchet: Callable[..., Any]) -> Iterator[Judged]:
    """A finished round of two judges with keys, the first of which refused once and repeated the key as it did."""
    os.environ["JUDGE_KEY"] = FROM_VARIABLE
    with serve(ScriptedEndpoint(prefer_right)) as first, serve(ScriptedEndpoint(prefer_right)) as second:
        shared = {"model": "m", "retries": 0, "budget": {"comparisons": 4}}
        ratchet = make_ratchet(
            judges=[
                {"name": "first", "url": first.url, "api_key_variable": "JUDGE_KEY", **shared},
                {"name": "second", "url": second.url, "api_key_secret": BLOCK, **shared},
            ]
        )
        save_block(ratchet.home)
        first.faults = [status(401, f"Incorrect API key provided: {FROM_VARIABLE}")] * 9
        refused = ratchet.run("round", str(ratchet.config), "--debug")
        first.faults = ()
        finished = ratchet.done("round", str(ratchet.config), "--debug")
        yield Judged(ratchet.home, refused, finished, first.asked[-1].headers, second.asked[-1].headers)
    del os.environ["JUDGE_KEY"]


def save_block(home: Path) -> None:
    """Puts the second key into the Prefect that the home's rounds use."""
    code = (
        "import sys; from pathlib import Path; from flows.environment import prepare_environment; "
        "from tasks.home import Home; prepare_environment(Home(Path(sys.argv[1]))); "
        "from prefect.blocks.system import Secret; Secret(value=sys.argv[3]).save(sys.argv[2])"
    )
    home.mkdir(parents=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RATCHET_"))}
    kept["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "120"
    subprocess.run([sys.executable, "-c", code, str(home), BLOCK, FROM_BLOCK], env=kept, check=True, timeout=240.0)


def test_each_judge_was_asked_with_its_own_key(judged: Judged) -> None:
    assert judged.by_variable["authorization"] == f"Bearer {FROM_VARIABLE}"
    assert judged.by_block["authorization"] == f"Bearer {FROM_BLOCK}"


def test_a_server_that_repeats_the_key_is_quoted_without_it(judged: Judged) -> None:
    assert judged.refused.returncode == 1
    assert "***" in judged.refused.stderr


def test_no_key_is_printed_even_to_those_who_debug(judged: Judged) -> None:
    for finished in (judged.refused, judged.finished):
        for key in (FROM_VARIABLE, FROM_BLOCK):
            assert key not in finished.stdout and key not in finished.stderr


def test_no_file_in_the_home_holds_a_key_in_clear(judged: Judged) -> None:
    files = [path for path in judged.home.rglob("*") if path.is_file()]
    assert {"mlflow.db", "prefect.db", "report.html", "report.json"} <= {path.name for path in files}
    keys = (FROM_VARIABLE.encode(), FROM_BLOCK.encode())
    assert [path for path in files if any(key in path.read_bytes() for key in keys)] == []


def test_what_a_round_leaves_holds_no_pickles(judged: Judged) -> None:
    names = [path for path in judged.home.rglob("*") if path.is_file()]
    assert [path for path in names if path.suffix == ".safetensors"]
    assert [path for path in names if path.suffix in PICKLES] == []
