"""A listener for Argilla's webhooks: a message with the right signature wakes the watcher, and does nothing else.

What people answered is fetched from Argilla itself, so a forged or repeated message could at most cause one look more.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tasks.errors import RatchetError

BODY_LIMIT = 1 << 20  # bytes; a message holds one response with its record and dataset
READ_TIMEOUT_S = 10.0
END_WITHIN_S = 0.1


@contextmanager
def listen(host: str, port: int, secret: Callable[[], str | None], kick: Callable[[], None]) -> Iterator[str]:
    """Listens while the block runs; yields the URL to give to Argilla.

    Args:
        port: 0 for any that is free.
        secret: Argilla's secret for this webhook; until there is one, every message is refused.
        kick: called for each message with the right signature.

    Raises:
        RatchetError: when the address cannot be listened on.
    """
    try:
        server = _Server((host, port), _handler(secret, kick))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RatchetError(
            f"The webhook cannot listen on {host}:{port} ({reason}): name another --webhook-port or --webhook-host."
        ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": END_WITHIN_S}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def is_signed(secret: str | None, body: bytes, headers: dict[str, str]) -> bool:
    """Whether the message is signed with the secret, after the Standard Webhooks, within the last five minutes."""
    from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

    if not secret:
        return False
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (EmptyWebhookSecretError, WebhookVerificationError):
        return False
    except ValueError:  # no UTF-8, no base64, or no version before the signature
        return False
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing for a caller who hung up; a traceback, as ever, for a mistake of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(secret: Callable[[], str | None], kick: Callable[[], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = READ_TIMEOUT_S

        def do_POST(self) -> None:
            self.close_connection = True
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal():
                self._answer(HTTPStatus.LENGTH_REQUIRED)
            elif len(length) > 9 or int(length) > BODY_LIMIT:
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            elif not is_signed(secret(), self.rfile.read(int(length)), dict(self.headers.items())):
                self._answer(HTTPStatus.UNAUTHORIZED)
            else:
                kick()
                self._answer(HTTPStatus.NO_CONTENT)

        def _answer(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def version_string(self) -> str:
            return "ratchet"

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: a message a label would drown what the watcher has to say."""

    return Handler
