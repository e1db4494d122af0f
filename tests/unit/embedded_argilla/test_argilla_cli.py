"""`ratchet argilla` before the first `up`: help with examples, exit statuses, and nothing written or imported."""

import json
from pathlib import Path

import pytest
from python_process import run_ratchet, run_script

REPOSITORY = Path(__file__).parents[3]
HEAVY = ("datasets", "mlflow", "prefect", "torch", "argilla", "httpx")


@pytest.mark.parametrize("command", ["up", "down", "status", "credentials"])
def test_every_help_has_an_example_and_json(command: str) -> None:
    shown = run_ratchet("argilla", command, "--help")
    assert shown.returncode == 0
    assert f"Example: ratchet argilla {command}" in shown.stdout
    assert "--json" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--port", "0"], "Invalid value for '--port'"),
        (["up", "--port", "65536"], "Invalid value for '--port'"),
        (["up", "--port", "many"], "Invalid value for '--port'"),
        (["down", "now"], "Got unexpected extra argument"),
        (["restart"], "No such command 'restart'."),
    ],
)
def test_wrong_use_ends_with_status_2(arguments: list[str], sentence: str) -> None:
    refused = run_ratchet("argilla", *arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr and "Traceback" not in refused.stderr


def test_status_tells_how_to_start_it_and_fails(ratchet_home: Path) -> None:
    shown = run_ratchet("argilla", "status")
    assert (shown.returncode, shown.stderr) == (1, "")
    assert shown.stdout.splitlines()[-1] == "Argilla does not run: `ratchet argilla up` starts it"

    printed = json.loads(run_ratchet("argilla", "status", "--json").stdout)
    assert (printed["works"], printed["url"]) == (False, None)
    assert {service["state"] for service in printed["services"].values()} == {"stopped"}
    assert not ratchet_home.exists()


def test_down_is_harmless(ratchet_home: Path) -> None:
    done = run_ratchet("argilla", "down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"ended": []})
    assert not ratchet_home.exists()


def test_credentials_of_none_are_refused_with_the_remedy(ratchet_home: Path) -> None:
    refused = run_ratchet("argilla", "credentials")
    sentence = f"error: There is no Argilla in {ratchet_home} yet: run `ratchet argilla up`.\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", sentence)
    assert not ratchet_home.exists()


def test_asking_for_the_connection_imports_nothing_heavy() -> None:
    script = f"""
import sys
from tasks.embedded_argilla.connection import connection_of
from tasks.embedded_argilla.lifecycle import examine
from tasks.home import find_home
print(connection_of(find_home()), len(examine(find_home())), sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    shown = run_script(script)
    assert shown.stdout == "None 3 []\n"
