"""A server that does not start at once is said and left to the flow, which starts one itself."""

import pytest

from flows import startup


def test_a_server_that_fails_to_start_is_said_and_does_not_end_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.server.api.server import SubprocessASGIServer

    def fail(self: SubprocessASGIServer, timeout: int | None = None) -> None:
        raise RuntimeError("no port is free")

    monkeypatch.setattr(SubprocessASGIServer, "start", fail)
    startup.start_server_and_import(())
    told = capsys.readouterr().err
    assert told == "Prefect's temporary server did not start at once (no port is free); trying again\n"
