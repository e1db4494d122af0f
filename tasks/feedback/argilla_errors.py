"""What can go wrong on the way to Argilla, in one sentence each that holds no key and none of its data."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tasks.errors import ArgillaError, UnreachableError, first_line
from tasks.registry.connection import without_password

if TYPE_CHECKING:
    import httpx

    from tasks.feedback.argilla_connection import ArgillaConnection


class ForbiddenError(ArgillaError):
    """The owner of the key may not do this."""


class NotFoundError(ArgillaError):
    """The server has no such thing.

    Attributes:
        detail: what it says it does not have.
    """

    def __init__(self, problem: str, detail: str = "") -> None:
        super().__init__(problem)
        self.detail = detail


class ConflictError(ArgillaError):
    """The server has it already."""


class TransientError(UnreachableError):
    """A failure that may pass.

    Attributes:
        refused: whether the server did nothing, so that anything may be asked again.
        wait_s: seconds that the server asked to wait; None: it did not say.
        at_once: whether to ask again within the same call.
    """

    def __init__(
        self, problem: str, *, refused: bool = False, wait_s: float | None = None, at_once: bool = True
    ) -> None:
        super().__init__(problem)
        self.refused = refused
        self.wait_s = wait_s
        self.at_once = at_once


@contextmanager
def errors_of(url: str) -> Iterator[None]:
    """What the HTTP client raises inside the block leaves as one sentence, without a request's headers.

    Raises:
        TransientError: when the server does not answer, or not as Argilla does.
    """
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = "timed out" if isinstance(error, httpx.TimeoutException) else first_line(error)
        raise TransientError(
            f"Argilla at {shown_address(url)} does not answer ({kind}): start it (the embedded one with "
            "`ratchet argilla up`), or correct human_feedback.argilla.",
            refused=isinstance(error, httpx.ConnectError | httpx.ConnectTimeout),
            # A server that took the whole time is busy with the request; another one would not help it.
            at_once=not isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout),
        ) from None
    except (ValueError, TypeError, KeyError):
        # Nothing of the error is quoted or chained: it holds what the server sent, which may be a key.
        raise TransientError(
            f"Argilla at {shown_address(url)} answered with something that cannot be read as its own: check what "
            "stands between it and this machine."
        ) from None


def check_response(connection: "ArgillaConnection", response: "httpx.Response") -> None:
    """Returns when the response is one of Argilla's own and no refusal.

    Raises:
        TransientError: when the server is busy or broken.
        ArgillaError: when it refuses, or is not Argilla; `ForbiddenError`, `NotFoundError`, `ConflictError` say how.
    """
    status, url = response.status_code, connection.shown_url
    asked = f"{response.request.method} {response.request.url.path}"
    kind = response.headers.get("content-type", "")
    if response.is_redirect:
        target = response.headers.get("location", "").split("?")[0]
        raise ArgillaError(
            f"Argilla at {url} sends us to {_clean(connection, target)}: set human_feedback.argilla to Argilla's own "
            "address, and let this machine past a login that stands before it."
        )
    if status == 429 or status >= 500:
        raise TransientError(
            f"Argilla at {url} is not able to answer {asked} now (HTTP {status}): wait a moment, and see its log "
            "when it lasts.",
            refused=status == 429,
            wait_s=_retry_after(response),
        )
    if status == 401:
        raise ArgillaError(
            f"Argilla at {url} does not accept the API key from {connection.key_from}: set it to the key that Argilla "
            "shows its user under `My settings`."
        )
    if kind.split(";")[0] != "application/json" and status != 204:
        raise ArgillaError(
            f"{url} answered {asked} with {kind or 'nothing'} (HTTP {status}), which Argilla does not: correct "
            "human_feedback.argilla, and let this machine past a proxy or login that stands before it."
        )
    if response.is_success:
        return
    response.read()
    detail = _clean(connection, _detail(response))
    if status == 403:
        raise ForbiddenError(
            f"Argilla at {url} does not allow {asked} to the user whose key is in {connection.key_from}: use the key "
            f"of an owner, or of an admin who is a member of workspace {connection.workspace!r}."
        )
    sentence = f"Argilla at {url} refused {asked} (HTTP {status}: {detail}): correct what it names."
    if status == 404:
        raise NotFoundError(sentence, detail)
    raise ConflictError(sentence) if status == 409 else ArgillaError(sentence)


def _detail(response: "httpx.Response") -> str:
    """What the server found wrong, without the values it found it in: those may be answers and names."""
    try:
        detail = response.json()["detail"]
        if isinstance(detail, str):
            return detail
        problems = detail["params"]["errors"]
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems)
    except (ValueError, TypeError, KeyError):
        return "no reason given"


def _retry_after(response: "httpx.Response") -> float | None:
    """Seconds to wait by the Retry-After header, which is a number of them or a date."""
    text = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def shown_address(url: str) -> str:
    """The address as it may be shown: without a password."""
    return without_password(url).rstrip("/")


def _clean(connection: "ArgillaConnection", text: str) -> str:
    """The text for use within a sentence, without the key should the server have sent it back."""
    return " ".join(without_password(text.replace(connection.api_key, "***")).split())[:200] or "no reason given"
