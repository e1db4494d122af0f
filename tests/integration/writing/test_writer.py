"""What an LLM writes, asked over real HTTP: once for each text, and never for ever."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from example_documents import make_config
from scripted_endpoint import (
    KEY,
    Fault,
    Messages,
    ScriptedEndpoint,
    cut_in_body,
    drip,
    hang,
    raw,
    reply,
    reset,
    serve,
    status,
)

from tasks.errors import ConfigError, EndpointError
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import Message
from tasks.settings.models import ModelSettings
from tasks.settings.writing import WriterSettings
from tasks.writing.writer import Write, identify_writer, load_writer

HARDWARE = Hardware("cpu", "float32", 1)
MakeWriter = Callable[..., AbstractContextManager[Write]]


def prompt(text: str) -> tuple[Message, ...]:
    return (Message(role="system", content="Shout."), Message(role="user", content=text))


def shout(messages: Messages) -> str:
    return messages[-1]["content"].upper() + "\n"


def test_each_text_is_written_and_asked_for_once_ever(make_writer: MakeWriter) -> None:
    with serve(ScriptedEndpoint(shout)) as endpoint:
        with make_writer(endpoint) as write:
            assert write([prompt("a"), prompt("b"), prompt("a")]) == ["A", "B", "A"]
            assert write([prompt("b"), prompt("c")]) == ["B", "C"]
        with make_writer(endpoint) as write:
            assert write([prompt("c"), prompt("a")]) == ["C", "A"]
            assert write([]) == []
        assert sorted(asked.messages[-1]["content"] for asked in endpoint.asked) == ["a", "b", "c"]
        body = endpoint.asked[0].body
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0.0, 200, "m")
    assert "response_format" not in body


@pytest.mark.parametrize("other", [{"model": "n"}, {"max_tokens": 10}])
def test_another_model_or_another_setting_writes_anew(make_writer: MakeWriter, other: dict[str, Any]) -> None:
    with serve(ScriptedEndpoint(shout)) as endpoint:
        for settings in ({}, other, {}, other):
            with make_writer(endpoint, **settings) as write:
                assert write([prompt("a")]) == ["A"]
        assert len(endpoint.asked) == 2


def test_where_the_model_is_asked_is_no_part_of_what_it_writes(make_writer: MakeWriter) -> None:
    with serve(ScriptedEndpoint(shout)) as endpoint, make_writer(endpoint) as write:
        write([prompt("a")])
    with serve(ScriptedEndpoint(shout)) as moved, make_writer(moved) as write:
        assert write([prompt("a")]) == ["A"]
        assert not moved.asked


def test_calls_are_under_way_at_once_but_no_more_than_wanted(make_writer: MakeWriter) -> None:
    with serve(ScriptedEndpoint(shout, delay_s=0.05)) as endpoint, make_writer(endpoint, concurrency=3) as write:
        write([prompt(str(number)) for number in range(9)])
        assert endpoint.most_at_once == 3


@pytest.mark.parametrize(
    "fault",
    [status(429), status(500), status(503, retry_after="0"), raw(b"<html>"), cut_in_body, reset, drip, hang],
)
def test_a_call_that_failed_is_tried_again(
    make_writer: MakeWriter, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(ScriptedEndpoint(shout, faults=[fault])) as endpoint, make_writer(endpoint, timeout_s=0.5) as write:
        assert write([prompt("a")]) == ["A"]
        assert len(endpoint.asked) == 2
    assert "not written" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (reply(""), "1 empty reply"),
        (reply("  \n"), "1 empty reply"),
        (reply(refusal="I would rather not."), "1 refusal"),
        (reply("half", finish_reason="content_filter"), "1 refusal"),
        (status(400, "maximum context length is 8"), "1 too long"),
        (status(422, "what is this?"), "1 request refused"),
    ],
)
def test_a_text_that_cannot_be_had_is_empty_counted_and_asked_for_again(
    make_writer: MakeWriter, fault: Fault, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        serve(ScriptedEndpoint(shout, faults=[None, fault])) as endpoint,
        make_writer(endpoint, concurrency=1) as write,
    ):
        assert write([prompt("a"), prompt("b"), prompt("c")]) == ["A", "", "C"]
        assert f"1 of 3 texts were not written: {reason}\n" in capsys.readouterr().err
        assert write([prompt("a"), prompt("b"), prompt("c")]) == ["A", "B", "C"]
        assert len(endpoint.asked) == 4


def test_an_endpoint_that_never_answers_is_given_up_soon_and_the_rest_goes_on_without(
    make_writer: MakeWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        serve(ScriptedEndpoint(faults=[hang] * 50)) as endpoint,
        make_writer(endpoint, timeout_s=0.2, retries=1, concurrency=2) as write,
    ):
        started = time.monotonic()
        assert write([prompt(str(number)) for number in range(40)]) == [""] * 40
        assert write([prompt("more")]) == [""]
        assert time.monotonic() - started < 5.0
        assert len(endpoint.asked) <= 8
    said = capsys.readouterr().err
    assert said.count("warning: The writer's endpoint http://127.0.0.1:") == 1
    assert "does not answer (no reply within 0.2 s): start it or correct the writer's url" in said
    assert "40 of 40 texts were not written: 40 no answer\n" in said
    assert "1 of 1 texts were not written: 1 no answer\n" in said


def test_nobody_there_is_found_out_by_the_first_call(
    make_writer: MakeWriter, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = ScriptedEndpoint(url=f"http://127.0.0.1:{free_port()}/v1")
    with make_writer(nobody, retries=0, concurrency=1) as write:
        assert write([prompt("a"), prompt("b")]) == ["", ""]
    assert "2 of 2 texts were not written: 2 no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (status(401), "refuses the API key in the variable WRITER_KEY"),
        (status(404, "no model m"), r"does not know the model 'm' \(404: no model m\): correct the writer's model, or"),
        (status(402, "pay first"), "says that the account has no credit"),
    ],
)
def test_an_endpoint_that_refuses_everything_ends_the_work_with_one_sentence_without_the_key(
    make_writer: MakeWriter, fault: Fault, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITER_KEY", KEY)
    with (
        serve(ScriptedEndpoint(shout, faults=[None, *[fault] * 9])) as endpoint,
        make_writer(endpoint, concurrency=1, api_key_variable="WRITER_KEY") as write,
    ):
        with pytest.raises(EndpointError, match=rf"^The writer's endpoint http\S+ {sentence}") as caught:
            write([prompt("a"), prompt("b"), prompt("c")])
        assert KEY not in str(caught.value)
        assert endpoint.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert len(endpoint.asked) == 2
        assert write([prompt("a")]) == ["A"]  # what was written before is kept


def test_a_damaged_text_is_written_again(
    make_writer: MakeWriter, ratchet_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(ScriptedEndpoint(shout)) as endpoint:
        with make_writer(endpoint) as write:
            write([prompt("a"), prompt("b")])
        [journal] = (ratchet_home / "written").iterdir()
        assert journal.stat().st_mode & 0o077 == 0
        journal.write_bytes(journal.read_bytes().replace(b'"A"', b'"X"'))
        with make_writer(endpoint) as write:
            assert write([prompt("a"), prompt("b")]) == ["A", "B"]
        assert len(endpoint.asked) == 3
    assert "1 kept texts were damaged, and are written again" in capsys.readouterr().err


CHILD = """
import sys
from pathlib import Path
from tasks.config import Config
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import Message
from tasks.writing.writer import load_writer

url, home = sys.argv[1:]
writer = {"url": url, "model": "m", "concurrency": 3}
config = Config.model_validate({"name": "d", "questions": "q", "root": home, "writer": writer})
with load_writer(config, Home(Path(home)), Hardware("cpu", "float32", 1)) as write:
    write([(Message(role="user", content=str(number)),) for number in range(30)])
"""


def test_a_kill_costs_at_most_the_calls_under_way(make_writer: MakeWriter, ratchet_home: Path, tmp_path: Path) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with serve(ScriptedEndpoint(shout, delay_s=0.05)) as endpoint:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, endpoint.url, str(ratchet_home)],
            env={**os.environ, "PYTHONPATH": path},
            stderr=(tmp_path / "child.log").open("w"),
        )
        try:
            deadline = time.monotonic() + 60
            while len(endpoint.asked) < 10:
                assert child.poll() is None and time.monotonic() < deadline, (tmp_path / "child.log").read_text()
                time.sleep(0.005)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        assert len(endpoint.asked) < 30
        with make_writer(endpoint) as write:
            prompts = [(Message(role="user", content=str(number)),) for number in range(30)]
            assert write(prompts) == [str(number) for number in range(30)]
        assert 30 <= len(endpoint.asked) <= 33


def test_without_a_writer_there_is_none(ratchet_home: Path) -> None:
    with load_writer(make_config(), Home(ratchet_home), HARDWARE) as write:
        assert write is None
    assert identify_writer(make_config(), Home(ratchet_home)) is None
    assert not ratchet_home.exists()


@pytest.mark.parametrize("url", ["local", "embedded"])
def test_a_model_that_is_not_there_is_named_before_anything_is_asked(ratchet_home: Path, url: str) -> None:
    settings = WriterSettings(url=url, model="missing.gguf")
    config = make_config().model_copy(update={"writer": settings, "model": ModelSettings(base="./missing")})
    with (
        pytest.raises(Exception, match=r"missing.* (is no folder here|does not exist)"),
        load_writer(config, Home(ratchet_home), HARDWARE),
    ):
        pass


def test_the_base_model_writes_in_this_process_once_and_long_prompts_are_counted(
    tiny_model: Path, ratchet_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config().model_copy(
        update={"writer": WriterSettings(url="local", max_tokens=4), "model": ModelSettings(base=str(tiny_model))}
    )
    prompts = [prompt("What does it do?"), prompt("on and on " * 900), prompt("It returns.")]
    with load_writer(config, Home(ratchet_home), HARDWARE) as write:
        assert write is not None
        first, too_long, third = write(prompts)
    assert first and third and not too_long
    said = capsys.readouterr().err
    assert "1 of 3 texts were not written: 1 too long\n" in said
    name = identify_writer(config, Home(ratchet_home))
    assert name is not None and name.startswith("tiny@")
    lines = (ratchet_home / "written" / f"{name}.journal").read_text().splitlines()
    assert {json.loads(line.partition(" ")[2])["text"] for line in lines} == {first, third}


def test_the_embedded_model_writes_through_its_server_and_is_not_started_for_what_is_kept(ratchet_home: Path) -> None:
    config = make_config().model_copy(update={"writer": WriterSettings(max_tokens=12, timeout_s=300.0, retries=0)})
    home = Home(ratchet_home)
    ask = (Message(role="user", content="Write one short question about cats."),)
    with load_writer(config, home, HARDWARE) as write:
        assert write is not None
        [text] = write([ask])
    assert text
    log = ratchet_home / "logs"
    said = {path: path.stat().st_size for path in log.iterdir()}
    with load_writer(config, home, HARDWARE) as write:
        assert write is not None
        assert write([ask]) == [text]
    assert {path: path.stat().st_size for path in log.iterdir()} == said
    with pytest.raises(ConfigError, match="does not exist: name a GGUF file"):
        identify_writer(config.model_copy(update={"writer": WriterSettings(model="/nowhere.gguf")}), home)
