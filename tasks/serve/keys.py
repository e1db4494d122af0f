"""Who may ask: API keys, and addresses that only this machine reaches."""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence

from tasks.errors import ConfigError, RatchetError
from tasks.llm.api_key import find_api_key
from tasks.settings.endpoint import EndpointSettings
from tasks.settings.serve import ServeSettings


class Keys:
    """The keys of those who may ask; kept as hashes, so that no log or traceback can show one."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Without any key everybody may ask."""
        self._digests = tuple(_digest(key) for key in keys)

    def __len__(self) -> int:
        return len(self._digests)

    def admit(self, authorization: str | None) -> bool:
        """Whether the value of an `Authorization` header has one of the keys; always true when there are none.

        Takes as long for a wrong key as for a right one, whichever it is.
        """
        if not self._digests:
            return True
        scheme, _, key = (authorization or "").partition(" ")
        given = _digest(key.strip())
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        return scheme.lower() == "bearer" and any(matches)


def find_keys(settings: ServeSettings) -> Keys:
    """The keys in the Secret block or the variable that the settings name; none when they name neither.

    Raises:
        ConfigError: when the place that is named holds no key, or one that no request can carry.
    """
    where = EndpointSettings(api_key_secret=settings.api_key_secret, api_key_variable=settings.api_key_variable)
    found = find_api_key(where, "serve")
    keys = [key for key in found.value.split(",") if key]
    if found.found_in and not keys:
        raise ConfigError(
            f"serve: {found.found_in} holds no API key: set it to one or several, separated by commas without spaces."
        )
    return Keys(keys)


def check_host(host: str, keys: Keys) -> None:
    """Returns when the server may listen there.

    Raises:
        RatchetError: when others than this machine reach the address, and no key is set.
    """
    if not len(keys) and not is_loopback(host):
        raise RatchetError(
            f"--host {host}: without API keys only this machine may ask; name them with serve.api_key_variable or "
            "serve.api_key_secret, or use --host 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether a name or address, in brackets or not, is this machine's own and nobody else's."""
    name = host.removeprefix("[").removesuffix("]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def host_of(header: str) -> str:
    """The name in a `Host` header, without the port."""
    return header.partition("]")[0] + "]" if header.startswith("[") else header.partition(":")[0]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
