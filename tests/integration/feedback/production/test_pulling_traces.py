"""Pulling from MLflow: each judgement once, however late it comes, and a sentence where it cannot be done."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from example_production import kept_candidates
from integration.feedback.production.application import EXPERIMENT, Production

from tasks.config import Config
from tasks.errors import ConfigError, UnreachableError
from tasks.feedback import log
from tasks.feedback.end_user_pulling import EndUserPull, pull_end_user_feedback
from tasks.home import Home
from tasks.settings.feedback import EndUserSettings

REPOSITORY = Path(__file__).parents[4]


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.config import load_config
from tasks.feedback import end_user_pulling, log
from tasks.home import find_home
log.append = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
end_user_pulling.pull_end_user_feedback(load_config(Path(sys.argv[1])), find_home())
"""


def test_pulling_again_adds_nothing_and_reads_no_trace(
    production: Production, pull: Callable[..., EndUserPull], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        production.rate(production.chat(f"Question {number}?"))
    assert pull().new == 3
    before = log.segments(home, "d")
    from tasks.feedback import production_traces

    with monkeypatch.context() as patch:
        patch.setattr(production_traces, "read_rated", lambda *_: pytest.fail("a trace was read again"))
        assert pull() == EndUserPull(new=0, skipped={})
    for note in (home.feedback_log("d") / "pulled").iterdir():
        note.write_text('{"traces"')
    assert pull() == EndUserPull(new=0, skipped={})
    assert log.segments(home, "d") == before


def test_a_thumb_that_comes_days_after_its_answer_is_found_within_the_look_back(
    production: Production, pull: Callable[..., EndUserPull]
) -> None:
    ancient, old, new = (production.chat(f"Question {days}?", days_ago=days) for days in (200, 20, 1))
    production.rate(new)
    assert pull().new == 1
    production.rate(old)
    production.rate(ancient)
    assert pull(look_back_days=10).new == 0
    assert pull().new == 1
    assert pull(look_back_days=300).new == 1


def test_the_first_pull_has_no_look_back(production: Production, pull: Callable[..., EndUserPull]) -> None:
    production.rate(production.chat("What is a deque?", days_ago=400))
    assert pull(look_back_days=1).new == 1
    assert pull(look_back_days=1).new == 0


def test_more_traces_than_a_page_holds_are_all_read(
    production: Production, pull: Callable[..., EndUserPull], monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    from tasks.feedback import end_user_pulling
    from tasks.registry import traces

    monkeypatch.setattr(traces, "_PAGE", 2)
    monkeypatch.setattr(end_user_pulling, "_TRACES_AT_ONCE", 3)
    for number in range(7):
        production.rate(production.chat(f"Question {number}?"))
    assert pull().new == 7
    assert len(kept_candidates(home)) == 7
    assert pull().new == 0


def test_a_pull_killed_between_the_candidates_and_the_log_loses_nothing(
    production: Production, pull: Callable[..., EndUserPull], config: Config, home: Home
) -> None:
    for number in range(3):
        production.rate(production.chat(f"Question {number}?"))
    path = config.root / "d.yaml"
    path.write_text(config.model_dump_json(), encoding="utf-8")  # JSON is YAML
    environment = {**os.environ, "RATCHET_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment, timeout=300, check=False)
    assert process.returncode == -signal.SIGKILL
    assert log.segments(home, "d") == []
    assert pull().new == 3
    assert {each.id for each in kept_candidates(home)} == {row.candidate_a for row in log.read(home, "d")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop", "MLflow has no experiment 'shop'; correct the name"),
        ("d", "'d' is where Ratchet keeps the domain's own runs and judges' traces"),
        (EXPERIMENT, "'shop assistant' was deleted; restore it with `mlflow experiments restore"),
    ],
)
def test_an_experiment_that_cannot_be_production_is_refused(
    production: Production, config: Config, home: Home, name: str, message: str
) -> None:
    production.client.delete_experiment(production.experiment)
    users = EndUserSettings(mlflow_experiment=name)
    with pytest.raises(ConfigError, match=message):
        pull_end_user_feedback(config.model_copy(update={"end_users": users}), home)


def test_a_server_that_is_down_is_said_and_what_files_hold_is_kept(config: Config, home: Home) -> None:
    line = '{"question": "What is a deque?", "answer": "A list.", "rating": "down"}\n'
    (config.root / "drop.jsonl").write_text(line)
    both = EndUserSettings(mlflow_experiment=EXPERIMENT, files=("drop.jsonl",))
    down = config.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9", "end_users": both})
    with pytest.raises(UnreachableError, match="does not answer"):
        pull_end_user_feedback(down, home)
    assert len(log.read(home, "d")) == 1
