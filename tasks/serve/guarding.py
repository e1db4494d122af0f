"""What a request must pass before it is looked at: the host it was sent to, the key, the length and the time."""

import asyncio
from typing import TYPE_CHECKING

from tasks.serve.errors import RequestError
from tasks.serve.keys import Keys, host_of, is_loopback
from tasks.settings.serve import ServeSettings

_READ_ON = 8  # times the limit of which is read, and thrown away, before the connection is closed

if TYPE_CHECKING:
    from starlette.requests import Request


def check_client(request: "Request", keys: Keys) -> None:
    """Returns when the client may ask.

    Without keys only requests to a loopback name are answered: a web page elsewhere can have a browser on this machine
    send one to a name of its own that leads here.

    Raises:
        RequestError: 401 or 403.
    """
    if not keys.admit(request.headers.get("authorization")):
        given = "is not one of this server's" if "authorization" in request.headers else "is missing"
        raise RequestError(
            401, f"The API key {given}: send a valid one as `Authorization: Bearer KEY`.", code="invalid_api_key"
        )
    if not len(keys) and not is_loopback(host_of(request.headers.get("host", ""))):
        raise RequestError(403, "Without API keys this server answers to 127.0.0.1 and localhost only: ask it there.")


async def read_body(request: "Request", settings: ServeSettings) -> bytes:
    """The body, as JSON's bytes.

    Raises:
        RequestError: 408, 413 or 415; 400 when the client went away.
    """
    from starlette.requests import ClientDisconnect

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A form of a web page elsewhere cannot send this type without asking first.
    if kind != "application/json":
        raise RequestError(415, "The body's type is not application/json: set the header `Content-Type` to that.")
    try:
        async with asyncio.timeout(settings.read_timeout_s):
            return await _read(request, settings.max_body_bytes)
    except TimeoutError as error:
        sentence = f"The request did not arrive within {settings.read_timeout_s:g} s: send it faster, or in parts."
        raise RequestError(408, sentence) from error
    except ClientDisconnect as error:
        raise RequestError(400, "The client went away before its request was complete.") from error


async def _read(request: "Request", limit: int) -> bytes:
    body, length = bytearray(), 0
    async for part in request.stream():
        length += len(part)
        if length <= limit:
            body += part
        elif length > _READ_ON * limit:
            break
    # Said when the client has sent it all, if that is not far too much: while it sends, it does not listen.
    if length > limit:
        raise RequestError(413, f"The body is longer than {limit} bytes: send less of the conversation.")
    return bytes(body)
