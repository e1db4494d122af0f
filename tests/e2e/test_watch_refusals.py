"""`ratchet watch` that cannot watch says why in one sentence, with the remedy."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from e2e.watching import TIMEOUT_S, watch_environment


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_without_a_server_the_remedy_is_named(ratchet: Any, arguments: tuple[str, ...]) -> None:
    refused = ratchet.run("watch", str(ratchet.config), *arguments)

    sentence = (
        "There is no Prefect server to deploy to: `ratchet up` starts one that stays, or set PREFECT_API_URL to yours, "
        "such as http://127.0.0.1:4200/api."
    )
    assert refused.returncode == 1
    assert refused.stderr == f"error: {sentence}\n"
    assert refused.stdout == ("" if not arguments else json.dumps({"errors": [sentence]}) + "\n")


def test_a_server_that_does_not_answer_is_named(ratchet: Any, free_port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    refused = subprocess.run(
        [sys.executable, "-m", "flows.cli", "watch", str(ratchet.config)],
        env=watch_environment(ratchet.home, url),
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT_S,
    )

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"error: Prefect does not answer at {url} (")
    assert refused.stderr.endswith("): start it with `prefect server start`, or correct PREFECT_API_URL.\n")
    assert len(refused.stderr.splitlines()) == 1


def test_a_webhook_without_an_argilla_is_refused(ratchet: Any) -> None:
    refused = ratchet.run("watch", str(ratchet.config), "--webhook-port", "8765")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: {ratchet.config}: human_feedback.argilla is null, so no webhook calls: leave --webhook-port out.\n"
    )
