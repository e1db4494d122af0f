"""A server that does not start at once is said and left to the flow, which starts one itself."""

import os

import pytest

from flows import startup
from flows.leftovers import OWNER


def test_a_server_that_fails_to_start_is_said_and_does_not_end_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.server.api.server import SubprocessASGIServer

    def fail(self: SubprocessASGIServer, timeout: int | None = None) -> None:
        raise RuntimeError("no port is free")

    monkeypatch.setenv(OWNER, "")  # so that the mark is gone after the test
    monkeypatch.setattr(SubprocessASGIServer, "start", fail)
    startup.start_server_and_import(())
    told = capsys.readouterr().err
    assert told == "Prefect's temporary server did not start at once (no port is free); trying again\n"


def test_a_server_that_is_started_is_marked_as_this_process_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.server.api.server import SubprocessASGIServer

    owners: list[str | None] = []
    monkeypatch.setenv(OWNER, "of another")
    monkeypatch.setattr(SubprocessASGIServer, "start", lambda _: owners.append(os.environ.get(OWNER)))
    startup.start_server_and_import(())

    assert owners == [str(os.getpid())]
