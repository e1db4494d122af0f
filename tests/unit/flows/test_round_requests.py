"""Documents call for a round once, when nobody is copying any more and none is about to start."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flows import round_requests
from flows.round_requests import ask_because_of_documents
from flows.watched import Watch
from tasks.config import Config
from tasks.deployments import DOCUMENTS_CHANGED
from tasks.domain.loading import load_domain
from tasks.errors import UnreachableError
from tasks.feedback.new_labels import notes_folder
from tasks.home import Home, lock
from tasks.records import BaseModelRef, ModelVersion
from tasks.rounds import begin_round, end_round


class Server:
    """What the watcher asks of Prefect, and what it was told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.under_way = False
        self.away = False

    def emit(self, event: str, domain: str, payload: dict[str, Any]) -> None:
        assert domain == "tiny" and payload["after_round"] == 1
        if self.away:
            raise UnreachableError("away")
        self.events.append(event)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(round_requests.deployments, "emit", server.emit)
    monkeypatch.setattr(round_requests.deployed_runs, "is_under_way", lambda *_, **__: server.under_way)
    return server


@pytest.fixture
def watched(tmp_path: Path, ratchet_home: Path) -> Watch:
    """A domain after its first round, with documents that have changed since."""
    (tmp_path / "one.md").write_text("The first.\n", encoding="utf-8")
    questions = [f'{{"question": "{each}?", "answer": "A.", "split": "{each}"}}\n' for each in ("train", "test")]
    (tmp_path / "q.jsonl").write_text("".join(questions), encoding="utf-8")
    settings = {"name": "tiny", "questions": "q.jsonl", "documents": ["*.md"], "root": tmp_path}
    config, home = Config.model_validate(settings), Home(ratchet_home)
    champion = ModelVersion(name="tiny", version=1, base=BaseModelRef(id="tiny", path="/tiny", sha256="b" * 64))
    end_round(home, begin_round(home, 1, load_domain(config, home), champion), "a" * 64)
    notes_folder(home).mkdir()
    (tmp_path / "two.md").write_text("The second.\n", encoding="utf-8")
    return Watch(config, tmp_path / "ratchet.yaml", home, {}, as_json=False, ids={"improve": UUID(int=1)})


def look(watched: Watch, times: int = 1) -> None:
    for _ in range(times):
        ask_because_of_documents(watched)


def test_changed_documents_are_told_once_however_often_one_looks(watched: Watch, server: Server) -> None:
    look(watched, 5)
    assert server.events == [DOCUMENTS_CHANGED]


def test_while_files_change_from_look_to_look_nothing_is_told(watched: Watch, server: Server) -> None:
    look(watched)
    for number in range(3):
        (watched.config.root / f"more{number}.md").write_text("More.\n", encoding="utf-8")
        look(watched)
    assert len(server.events) == 1
    look(watched)
    assert len(server.events) == 2


def test_while_a_round_is_about_to_start_nothing_is_told_and_then_it_is(watched: Watch, server: Server) -> None:
    server.under_way = True
    look(watched, 3)
    assert server.events == []
    server.under_way = False
    look(watched)
    assert server.events == [DOCUMENTS_CHANGED]


def test_a_round_that_a_worker_runs_in_this_home_is_waited_for(watched: Watch, server: Server) -> None:
    watched.leave_rounds = True
    with lock(watched.home, "a round"):
        look(watched, 3)
    assert server.events == []
    look(watched)
    assert server.events == [DOCUMENTS_CHANGED]


def test_a_server_that_was_away_is_told_later(watched: Watch, server: Server) -> None:
    server.away = True
    for _ in range(2):
        with pytest.raises(UnreachableError):
            look(watched)
    server.away = False
    look(watched, 2)
    assert server.events == [DOCUMENTS_CHANGED]


def test_a_domain_without_documents_is_not_looked_at(watched: Watch, server: Server) -> None:
    watched.config = watched.config.model_copy(update={"documents": ()})
    look(watched, 2)
    assert server.events == []
