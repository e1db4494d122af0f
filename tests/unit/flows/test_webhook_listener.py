"""Argilla's calls: signed ones wake the watcher, all others are refused, and nothing is ever printed."""

import base64
import http.client
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from standardwebhooks.webhooks import Webhook

from flows.webhook_listener import BODY_LIMIT, is_signed, listen
from tasks.errors import RatchetError

SECRET = base64.b64encode(b"a secret of the test, 32 bytes  ").decode()
BODY = b'{"type": "response.created", "version": 1, "data": {}}'


@dataclass
class Listener:
    """A listener on a free port, and how often it was woken."""

    port: int = 0
    secret: str | None = SECRET
    kicks: list[int] = field(default_factory=list)

    def send(self, method: str, body: bytes, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        try:
            connection.request(method, "/", body=body, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    with listen("127.0.0.1", 0, lambda: found.secret, lambda: found.kicks.append(1)) as url:
        found.port = int(urlsplit(url).port or 0)
        yield found


def signed(body: bytes = BODY, secret: str = SECRET, age: timedelta = timedelta(0)) -> dict[str, str]:
    """The headers that Argilla sends."""
    moment = datetime.now(UTC) - age
    signature = Webhook(secret).sign("msg_1", moment, body.decode())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


def test_a_signed_message_wakes_the_watcher(listener: Listener) -> None:
    assert listener.send("POST", BODY, signed()) == 204
    assert listener.send("POST", BODY, signed()) == 204
    assert len(listener.kicks) == 2


OTHER_SECRET = base64.b64encode(b"somebody else's").decode()
# Signed when they are sent: a moment ahead of now would not stay so while other tests run.
FORGED: dict[str, Callable[[], dict[str, str]]] = {
    "no signature": dict,
    "another secret": lambda: signed(secret=OTHER_SECRET),
    "another body": lambda: signed(body=b"{}"),
    "six minutes old": lambda: signed(age=timedelta(minutes=6)),
    "six minutes ahead": lambda: signed(age=timedelta(minutes=-6)),
    "no version": lambda: signed() | {"webhook-signature": "nonsense"},
    "no base64": lambda: signed() | {"webhook-signature": "v1,###"},
    "another version": lambda: signed() | {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")},
    "no time": lambda: signed() | {"webhook-timestamp": "yesterday"},
    "a time without end": lambda: signed() | {"webhook-timestamp": "1e400"},
}


@pytest.mark.parametrize("case", FORGED)
def test_any_other_message_is_refused_and_wakes_nobody(
    listener: Listener, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert listener.send("POST", BODY, FORGED[case]()) == 401
    assert listener.kicks == []
    assert capfd.readouterr() == ("", "")


def test_until_argilla_has_given_a_secret_every_message_is_refused(listener: Listener) -> None:
    listener.secret = None
    assert listener.send("POST", BODY, signed()) == 401
    listener.secret = SECRET
    assert listener.send("POST", BODY, signed()) == 204


def test_bytes_that_are_no_text_are_refused(listener: Listener, capfd: pytest.CaptureFixture[str]) -> None:
    assert listener.send("POST", b"\xff\xfe\x00", signed()) == 401
    assert capfd.readouterr() == ("", "")


def test_a_body_is_read_up_to_its_limit_only(listener: Listener) -> None:
    largest = b" " * BODY_LIMIT

    assert listener.send("POST", largest, signed(largest)) == 204
    for length in (BODY_LIMIT + 1, 10**30):
        with socket.create_connection(("127.0.0.1", listener.port), timeout=10.0) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.0 413 ")


@pytest.mark.parametrize("length", ["", "-1", "many", "1.5"])
def test_a_message_must_say_how_long_it_is(listener: Listener, length: str) -> None:
    header = f"Content-Length: {length}\r\n" if length else ""
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10.0) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.0 411 ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_messages_are_answered(listener: Listener, method: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert listener.send(method, b"", signed()) == 501
    assert listener.kicks == []
    assert capfd.readouterr() == ("", "")


def test_one_who_hangs_up_in_the_middle_disturbs_nobody(listener: Listener, capfd: pytest.CaptureFixture[str]) -> None:
    at_once = struct.pack("ii", 1, 0)  # closing resets the connection: reading from it fails
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", listener.port), timeout=10.0) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf of")
            time.sleep(0.05)  # the listener is reading by then
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    assert listener.send("POST", BODY, signed()) == 204
    assert capfd.readouterr() == ("", "")


def test_an_address_in_use_is_named_with_the_remedy(listener: Listener) -> None:
    with pytest.raises(RatchetError) as refused, listen("127.0.0.1", listener.port, lambda: None, lambda: None):
        pass

    assert str(refused.value) == (
        f"The webhook cannot listen on 127.0.0.1:{listener.port} (Address already in use): name another "
        "--webhook-port or --webhook-host."
    )


def test_nobody_listens_any_more_when_the_block_has_ended() -> None:
    with listen("127.0.0.1", 0, lambda: SECRET, lambda: None) as url:
        port = int(urlsplit(url).port or 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10.0)


@pytest.mark.parametrize("secret", [None, "", "whsec_"])
def test_without_a_secret_nothing_is_signed(secret: str | None) -> None:
    assert not is_signed(secret, BODY, signed())
