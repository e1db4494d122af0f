"""Which Argilla a domain's people answer in, and the key to it."""

import os
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import ArgillaError, ConfigError
from tasks.home import Home
from tasks.registry.connection import without_password
from tasks.secret_blocks import read_secret

if TYPE_CHECKING:
    from tasks.feedback.argilla_connection import ArgillaConnection

KEY_VARIABLE = "ARGILLA_API_KEY"


def find_connection(config: Config, home: Home) -> "ArgillaConnection":
    """The address and key of the Argilla that the config names.

    Raises:
        ConfigError: when the config names none, or the key is nowhere to be found.
        ArgillaError: when it names the embedded one, and that was never brought up in this home.
    """
    from tasks.feedback.argilla_connection import ArgillaConnection

    settings = config.human_feedback
    if settings.argilla is None:
        raise ConfigError(
            "human_feedback.argilla is null, so no people are asked: set it to `embedded`, or to a server's URL."
        )
    if settings.argilla == "embedded":
        from tasks.embedded_argilla.connection import connection_of

        embedded = connection_of(home)
        if embedded is None:
            raise ArgillaError(f"There is no embedded Argilla in {home.root} yet: run `ratchet argilla up`.")
        key_from = "the embedded Argilla's own credentials"
        return ArgillaConnection(embedded.url, embedded.api_key, settings.workspace, key_from)
    if settings.api_key_secret is not None:
        key = read_secret(settings.api_key_secret, "human_feedback.api_key_secret")
        key_from = f"the Prefect Secret {settings.api_key_secret!r}"
    else:
        key, key_from = os.environ.get(KEY_VARIABLE, ""), f"the variable {KEY_VARIABLE}"
    if not key:
        raise ConfigError(
            f"There is no API key for {without_password(settings.argilla)} in {key_from}: set it, or name a Prefect "
            "Secret block in human_feedback.api_key_secret."
        )
    return ArgillaConnection(settings.argilla, key, settings.workspace, key_from)
