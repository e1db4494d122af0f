"""What `ratchet up` leaves for the next command is whole or refused, and for its owner only."""

import os
from pathlib import Path

import psutil
import pytest

from tasks.deployments import Schedules
from tasks.errors import HomeError, IntegrityError
from tasks.home import Home
from tasks.services.processes import ProcessRecord
from tasks.services.state import State, Watched, api_url, folder, read_state, running_api_url, url_of, write_state

WATCHED = Watched(
    config="/d/ratchet.yaml", domain="d", schedules=Schedules(improve="0 3 * * 0"), prefect="http://x/api"
)
ALIVE = ProcessRecord(pid=os.getpid(), started=psutil.Process().create_time())
GONE = ProcessRecord(pid=os.getpid(), started=psutil.Process().create_time() - 100.0)


def test_it_comes_back_as_it_was_written_and_nobody_else_can_read_it(home: Home) -> None:
    assert read_state(home) == State()
    state = State(watched=WATCHED, argilla=True).with_port("prefect", 4200).with_process("prefect", ALIVE)
    write_state(home, state)
    assert read_state(home) == state
    assert (folder(home) / "state.json").stat().st_mode & 0o777 == 0o600


def test_ports_stay_when_processes_go() -> None:
    state = State().with_port("mlflow", 5000).with_process("mlflow", ALIVE).with_process("mlflow", None)
    assert state == State(ports={"mlflow": 5000})
    assert url_of(state, "mlflow") == "http://127.0.0.1:5000"
    assert url_of(state, "prefect") is None and api_url(state) is None


@pytest.mark.parametrize("content", ["", "{", '{"ports": {"redis": 1}}', '{"argilla": "perhaps"}', '{"more": 1}'])
def test_a_damaged_one_is_refused_with_the_remedy(home: Home, content: str) -> None:
    folder(home).mkdir(parents=True)
    path = folder(home) / "state.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(IntegrityError) as refused:
        read_state(home)
    assert refused.value.problems == (f"{path} is damaged: delete it, and run `ratchet down` and `ratchet up` again.",)


def test_a_home_that_cannot_be_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert read_state(Home(tmp_path / "file" / "home")) == State()


def test_one_that_may_not_be_read_is_refused_with_the_remedy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # whoever is root may read everything
    with pytest.raises(HomeError) as caught:
        read_state(home)
    path = home.root / "services" / "state.json"
    assert caught.value.problems == (f"{path} cannot be read: it is another user's; set RATCHET_HOME elsewhere.",)


@pytest.mark.parametrize(("record", "url"), [(ALIVE, "http://127.0.0.1:4200/api"), (GONE, None)])
def test_commands_use_the_homes_own_prefect_while_it_lives(home: Home, record: ProcessRecord, url: str | None) -> None:
    write_state(home, State().with_port("prefect", 4200).with_process("prefect", record))
    assert running_api_url(home) == url
