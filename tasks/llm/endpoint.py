"""An OpenAI-compatible endpoint, and what its refusals mean: for this try, for this call, or for all of them."""

import email.utils
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from tasks.errors import EndpointError, RatchetError, UnreachableError, first_line
from tasks.llm.api_key import ApiKey
from tasks.registry.connection import without_password

DeclineReason = Literal["refusal", "too_long", "request_refused"]

_TOO_LONG = ("context_length", "context length", "context size", "exceed_context", "too long", "too large", "n_ctx")
_OBJECTIONABLE = ("content_filter", "content_policy", "content policy", "content management policy", "safety")
_NO_CREDIT = ("insufficient_quota", "insufficient credit", "billing", "exceeded your current quota")
_TRY_AGAIN = (408, 409, 425, 429)


@dataclass(frozen=True)
class Endpoint:
    """Where an LLM is asked, and how.

    Attributes:
        role: what it is asked as, such as `judge`; for errors.
        model: what the endpoint calls the model.
        timeout_s: seconds for one try, from connecting to the last byte.
        max_tokens: tokens of a reply.
        weights_sha256: of the file that it serves, if that is known.
    """

    role: str
    url: str
    model: str
    key: ApiKey
    timeout_s: float
    max_tokens: int
    weights_sha256: str | None = None

    @property
    def named(self) -> str:
        """Which endpoint it is, as errors begin."""
        return f"The {self.role}'s endpoint {self.shown}"

    @property
    def shown(self) -> str:
        """The URL without password and query, which can hold a key."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def check_url(endpoint: Endpoint) -> None:
    """Raises EndpointError when nobody can be at the URL; HTTP clients find out late, and each in its own way."""
    try:
        parts = urlsplit(endpoint.url)
        usable = bool(parts.hostname) and re.fullmatch(r"[\w.:%-]+", parts.hostname or "") and parts.port != 0
        fault = "it has no host" if not parts.hostname else "its host or port is none"
    except ValueError as error:
        usable, fault = False, first_line(error)
    if not usable:
        raise EndpointError(
            f"The {endpoint.role}'s url {without_password(endpoint.url)} cannot be used ({fault}): correct it."
        )


class UnansweredError(Exception):
    """A try without an answer; the next one may have one.

    Attributes:
        may_have_cost: the endpoint may have begun to work, and charge for it.
        unreachable: not even a connection was made.
        retry_after_s: the wait that the endpoint asked for.
    """

    def __init__(
        self, why: str, *, may_have_cost: bool, unreachable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(why)
        self.may_have_cost = may_have_cost
        self.unreachable = unreachable
        self.retry_after_s = retry_after_s


class DeclinedError(Exception):
    """The endpoint will not take this call, now or later; it may take others."""

    def __init__(self, reason: DeclineReason, why: str) -> None:
        super().__init__(why)
        self.reason: DeclineReason = reason


def translate_status(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], error: BaseException
) -> RatchetError | UnansweredError | DeclinedError:
    """What a status of 400 and above means; `error` is the SDK's, with the endpoint's own words."""
    said = quoted(endpoint, error)
    text = f"{getattr(error, 'code', '')} {getattr(error, 'type', '')} {error}".casefold()
    who = endpoint.named
    if status == 402 or (status == 429 and any(mark in text for mark in _NO_CREDIT)):
        return EndpointError(
            f"{who} says that the account has no credit ({said}): top it up, and run the command again."
        )
    if status in (401, 403):
        return EndpointError(f"{who} {_key_problem(endpoint, f'{status}: {said}')}")
    if status == 404 or "model_not_found" in text:
        return EndpointError(
            f"{who} does not know the model {endpoint.model!r} ({status}: {said}): correct the {endpoint.role}'s "
            "model, or its url, which most often ends in /v1."
        )
    if status in _TRY_AGAIN or status >= 500:
        wait = _retry_after_s(headers)
        return UnansweredError(f"{status}: {said}", may_have_cost=False, retry_after_s=wait)
    if status == 413 or any(mark in text for mark in _TOO_LONG):
        return DeclinedError("too_long", f"{status}: {said}")
    return DeclinedError(
        "refusal" if any(mark in text for mark in _OBJECTIONABLE) else "request_refused", f"{status}: {said}"
    )


def _key_problem(endpoint: Endpoint, said: str) -> str:
    if endpoint.key.value:
        return f"refuses the API key in {endpoint.key.found_in} ({said}): set the right one, and run the command again."
    if not endpoint.key.found_in:
        return (
            f"asks for an API key ({said}), and the {endpoint.role}'s settings name none: name an environment variable "
            "in its api_key_variable, or a Prefect Secret block in its api_key_secret."
        )
    return (
        f"asks for an API key ({said}), and there is none in {endpoint.key.found_in}: set it, or name a Prefect Secret "
        f"block in the {endpoint.role}'s api_key_secret."
    )


def translate_connection(endpoint: Endpoint, error: BaseException) -> RatchetError | UnansweredError:
    """What a connection that was not made, or broke, means."""
    causes = list(_chain(error))
    text = " ".join(str(cause) for cause in causes)
    names = {type(cause).__name__ for cause in causes}
    who = endpoint.named
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes) or "CERTIFICATE_VERIFY_FAILED" in text:
        return EndpointError(
            f"{who} has a certificate that is not trusted ({_certificate_fault(causes)}): correct the url, or name the "
            "file of its authority in SSL_CERT_FILE."
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes) and "ConnectError" in names:
        return EndpointError(
            f"{who} does not speak TLS as it should ({quoted(endpoint, causes[-1])}): correct the url."
        )
    if names & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError", "TooManyRedirects"}:
        return EndpointError(
            f"{who} cannot be asked ({quoted(endpoint, causes[-1])}): correct the {endpoint.role}'s url."
        )
    unreachable = bool(names & {"ConnectError", "ConnectTimeout", "ProxyError"})
    why = quoted(endpoint, causes[-1])
    return UnansweredError(why, may_have_cost=not unreachable, unreachable=unreachable)


def unreachable_error(endpoint: Endpoint, why: str) -> RatchetError:
    """The sentence for an endpoint that does not answer, however often it is asked."""
    return UnreachableError(
        f"{endpoint.named} does not answer ({why}): start it or correct the {endpoint.role}'s url, and run "
        "the command again; what was answered is kept."
    )


def _certificate_fault(causes: list[BaseException]) -> str:
    named = (getattr(cause, "verify_message", "") for cause in causes)
    return next((fault for fault in named if fault), "it cannot be verified")


def quoted(endpoint: Endpoint, error: BaseException) -> str:
    """The error in one line, without the API key: that is taken out first, since cut in two it would not be known."""
    message = getattr(error, "body", None)
    text = message.get("message") if isinstance(message, dict) else None
    return first_line(endpoint.key.taken_out(str(text or error).strip() or type(error).__name__))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` as a number or a date; None when neither says so."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            seconds = float(text) * unit_s
        except ValueError:
            continue
        if seconds >= 0:  # no number is not
            return seconds
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
