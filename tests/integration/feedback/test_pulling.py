"""Pulling from a real Argilla into the feedback log: exactly once, however often, at once with others, or killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.feedback.label_requests import NAME, Person, make_requests

from tasks.config import Config
from tasks.errors import ArgillaError, UnreachableError
from tasks.feedback import log
from tasks.feedback.argilla_connection import ArgillaConnection, call
from tasks.feedback.argilla_store import PushedDataset
from tasks.feedback.labels import LabelRequest
from tasks.feedback.pulling import annotator_salt, pull_labels
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import BaseModelRef, FeedbackBatch, FileRef, LabelDataset, ModelVersion
from tasks.rounds import write_stage
from tasks.settings.feedback import HumanFeedbackSettings

RECORDS = 60
REPOSITORY = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
from tasks.config import load_config
from tasks.feedback.pulling import pull_labels
from tasks.home import find_home
print("pulling", flush=True)
pull_labels(load_config(Path(sys.argv[1])), find_home())
"""


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


@pytest.fixture
def config(connection: ArgillaConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    monkeypatch.setenv("ARGILLA_API_KEY", connection.api_key)
    asked = HumanFeedbackSettings(argilla=connection.url, workspace=connection.workspace)
    return Config(name="d", questions="questions.jsonl", human_feedback=asked, root=tmp_path)


@pytest.fixture
def asked(push: Callable[..., PushedDataset], connection: ArgillaConnection, home: Home) -> PushedDataset:
    """Requests that the domain's third round put before people."""
    requests = make_requests(RECORDS)
    pushed = push(requests)
    dataset = LabelDataset(
        id=pushed.id,
        name=NAME,
        workspace=connection.workspace,
        url=pushed.url,
        audit=False,
        requests=write_rows(home.objects, requests),
    )
    base = BaseModelRef(id="tiny", path="/tiny", sha256="b" * 64)
    nothing = FileRef(sha256="0" * 64, rows=0)
    batch = FeedbackBatch(
        round=3,
        model_version=ModelVersion(name="d", version=1, base=base),
        candidates=nothing,
        feedback=nothing,
        questions=0,
        preferences={},
        label_datasets=(dataset,),
    )
    write_stage(home.round("d", 3), "collect", "k", batch)
    return pushed


def answer_all(person: Person, pushed: PushedDataset, requests: list[LabelRequest], preference: str = "a") -> None:
    for request in requests:
        person.answer(person.record(pushed.id, request), preference=preference)


def test_pulling_twice_adds_nothing_and_an_edit_or_a_discard_is_one_row(
    asked: PushedDataset, config: Config, home: Home, make_person: Callable[[], Person]
) -> None:
    ann, requests = make_person(), make_requests(5)
    answer_all(ann, asked, requests)
    assert pull_labels(config, home).new == 5
    before = log.segments(home, "d")
    assert pull_labels(config, home).new == 0
    (home.feedback_log("d") / "pulled" / f"{asked.id}.json").unlink()  # so that all is fetched again
    assert pull_labels(config, home).new == 0
    assert log.segments(home, "d") == before

    ann.answer(ann.record(asked.id, requests[0]), preference="both_bad", correction="What it should have said.")
    assert pull_labels(config, home).new == 1
    edited = [row for row in log.read(home, "d") if row.correction]
    assert [row.preference for row in edited] == ["both_bad"]
    assert len(log.read(home, "d")) == 5


def test_processes_that_pull_at_once_leave_one_row_for_each_answer(
    asked: PushedDataset, config: Config, home: Home, make_person: Callable[[], Person], tmp_path: Path
) -> None:
    answer_all(make_person(), asked, make_requests(8))
    path = write_config(config, tmp_path)
    processes = [start(path, home) for _ in range(3)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    assert len(log.read(home, "d")) == 8
    assert sum(segment.read_text().count("\n") for segment in home.feedback_log("d").glob("*.jsonl")) == 8


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.15, 0.4])
def test_a_pull_that_is_killed_is_made_good_by_the_next(
    asked: PushedDataset,
    config: Config,
    home: Home,
    make_person: Callable[[], Person],
    tmp_path: Path,
    delay_s: float,
) -> None:
    answer_all(make_person(), asked, make_requests(4))
    process = start(write_config(config, tmp_path), home)
    assert process.stdout is not None and process.stdout.readline() == b"pulling\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    pull_labels(config, home)
    assert len(log.read(home, "d")) == 4
    assert pull_labels(config, home).new == 0


def test_a_deleted_dataset_is_named_once_and_its_answers_stay(
    asked: PushedDataset,
    config: Config,
    home: Home,
    make_person: Callable[[], Person],
    client: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer_all(make_person(), asked, make_requests(2))
    pull_labels(config, home)
    call(client, "DELETE", f"/api/v1/datasets/{asked.id}")
    pulled = pull_labels(config, home)
    assert pull_labels(config, home) == pulled
    assert (pulled.new, pulled.missing) == (0, (NAME,))
    assert capsys.readouterr().err.count(f"{NAME} is no longer in Argilla") == 1
    assert len(log.read(home, "d")) == 2


def test_a_damaged_note_of_the_last_pull_costs_a_pull_and_nothing_else(
    asked: PushedDataset, config: Config, home: Home, make_person: Callable[[], Person]
) -> None:
    answer_all(make_person(), asked, make_requests(2))
    pull_labels(config, home)
    (home.feedback_log("d") / "pulled" / f"{asked.id}.json").write_text('{"activ')
    assert pull_labels(config, home).new == 0
    assert len(log.read(home, "d")) == 2


def test_a_question_whose_choices_somebody_changed_stops_the_pull_and_the_log_is_whole(
    asked: PushedDataset, config: Config, home: Home, make_person: Callable[[], Person], client: Any
) -> None:
    ann = make_person()
    answer_all(ann, asked, make_requests(2))
    pull_labels(config, home)
    questions = call(client, "GET", f"/api/v1/datasets/{asked.id}/questions")["items"]
    preference = next(each for each in questions if each["name"] == "preference")
    changed = {**preference["settings"], "options": list(reversed(preference["settings"]["options"]))}
    changed["options"][0]["text"] = "Answer A is worse"
    call(client, "PATCH", f"/api/v1/questions/{preference['id']}", body={"settings": changed})
    answer_all(ann, asked, make_requests(3)[:1])
    with pytest.raises(ArgillaError, match="no longer asks what it was made to ask"):
        pull_labels(config, home)
    assert len(log.read(home, "d")) == 2


def test_an_argilla_that_is_down_at_pull_is_said_so_and_the_log_is_whole(
    asked: PushedDataset, config: Config, home: Home, make_person: Callable[[], Person]
) -> None:
    answer_all(make_person(), asked, make_requests(2))
    pull_labels(config, home)
    away = config.human_feedback.model_copy(update={"argilla": "http://127.0.0.1:9"})
    with pytest.raises(UnreachableError, match="does not answer"):
        pull_labels(config.model_copy(update={"human_feedback": away}), home)
    assert len(log.read(home, "d")) == 2


def test_the_salt_is_made_once_and_is_its_owners_alone(home: Home) -> None:
    salt = annotator_salt(home)
    assert len(salt) == 64 and annotator_salt(home) == salt
    assert (home.root / "annotator_salt").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.root.iterdir()] == ["annotator_salt"]


def write_config(config: Config, folder: Path) -> Path:
    path = folder / "d.yaml"
    path.write_text(config.model_dump_json(), encoding="utf-8")  # JSON is YAML
    return path


def start(config: Path, home: Home) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(config)],
        env={**os.environ, "RATCHET_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
    )
