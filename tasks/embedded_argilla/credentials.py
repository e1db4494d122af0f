"""Who signs in to the embedded Argilla: random, made once, readable by the home's owner only."""

import secrets

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.embedded_argilla.layout import Layout
from tasks.errors import IntegrityError
from tasks.files import canonical_json, write_atomically


class Credentials(BaseModel):
    """The owner of the embedded Argilla; secrets do not show when the record is printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str
    password: str = Field(repr=False)
    api_key: str = Field(repr=False)
    session_key: str = Field(repr=False)  # what the server signs the browsers' sessions with


def find_credentials(layout: Layout) -> Credentials | None:
    """The credentials, or None when the embedded Argilla was never brought up.

    Raises:
        IntegrityError: when the file is damaged.
    """
    try:
        return Credentials.model_validate_json(layout.credentials.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        # Without the validation's own words: they quote the file.
        raise IntegrityError(
            f"{layout.credentials} is damaged: restore it, or delete it and `ratchet argilla up` makes a new owner."
        ) from error


def make_credentials(layout: Layout) -> Credentials:
    """The credentials; made and stored the first time, the same ever after.

    Raises:
        IntegrityError: when the file is damaged.
        HomeError: when it cannot be written.
    """
    found = find_credentials(layout)
    if found is not None:
        return found
    made = Credentials(
        username=f"ratchet-{secrets.token_hex(3)}",
        password=secrets.token_urlsafe(18),
        api_key=secrets.token_urlsafe(32),
        session_key=secrets.token_hex(32),
    )
    layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(layout.credentials, canonical_json(made).encode("utf-8"))
    return made
