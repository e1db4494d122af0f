"""How to reach the embedded Argilla."""

from dataclasses import dataclass, field

from tasks.embedded_argilla.credentials import find_credentials
from tasks.embedded_argilla.layout import layout_of
from tasks.embedded_argilla.state import read_state
from tasks.home import Home
from tasks.services.ports import HOST


@dataclass(frozen=True)
class EmbeddedArgilla:
    """Address and owner of the embedded Argilla; the secrets do not show when it is printed."""

    url: str
    username: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


def connection_of(home: Home) -> EmbeddedArgilla | None:
    """How to reach the home's embedded Argilla, running or not; None when it was never brought up. Asks no server.

    Raises:
        IntegrityError: when its credentials or its state are damaged.
    """
    layout = layout_of(home)
    credentials, port = find_credentials(layout), read_state(layout).port
    if credentials is None or port is None:
        return None
    return EmbeddedArgilla(f"http://{HOST}:{port}", credentials.username, credentials.password, credentials.api_key)
