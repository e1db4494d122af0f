"""The API key of an LLM's endpoint, and a text without it."""

import os
from dataclasses import dataclass, field

from tasks.errors import ConfigError
from tasks.secret_blocks import read_secret
from tasks.settings.endpoint import EndpointSettings


@dataclass(frozen=True)
class ApiKey:
    """A key, which no message, log or file shows.

    Attributes:
        value: empty when there is none, which many an endpoint of one's own does not mind.
        found_in: where it is looked for, in words; empty when the settings name no place.
    """

    value: str = field(default="", repr=False)
    found_in: str = ""

    def taken_out(self, text: str) -> str:
        """The text with `***` in the key's place; some servers repeat it in their messages."""
        return text.replace(self.value, "***") if self.value else text


def find_api_key(settings: EndpointSettings, section: str) -> ApiKey:
    """The key that the settings name, if they name one; an unset variable is none.

    Args:
        section: where in the config they are, such as `writer`; begins the error's sentence.

    Raises:
        ConfigError: when Prefect has no Secret block of that name, or the key is one that no request can carry.
    """
    if settings.api_key_secret is None and settings.api_key_variable is None:
        return ApiKey()
    value, found_in = "", ""
    if settings.api_key_secret is not None:
        value = read_secret(settings.api_key_secret, f"{section}: api_key_secret")
        found_in = f"the Prefect Secret {settings.api_key_secret!r}"
    elif settings.api_key_variable is not None:
        value = os.environ.get(settings.api_key_variable, "")
        found_in = f"the variable {settings.api_key_variable}"
    value = value.strip()
    if any(not "!" <= character <= "~" for character in value):
        raise ConfigError(
            f"{section}: the API key in {found_in} holds a space or a character outside ASCII, which no key has: "
            "set it anew."
        )
    return ApiKey(value, found_in)
