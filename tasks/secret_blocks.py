"""Secrets that are kept in Prefect's Secret blocks, so that no config file holds one."""

from typing import cast

from tasks.errors import ConfigError


def read_secret(block: str, setting: str) -> str:
    """The value of a Prefect Secret block.

    Args:
        setting: the key of the config that names the block, for the message.

    Raises:
        ConfigError: when Prefect has no such block.
    """
    from prefect.blocks.system import Secret

    try:
        # Without a running event loop `load` gives the block itself; its type says that it may be a coroutine, too.
        return str(cast("Secret[str]", Secret.load(block)).get())
    except ValueError as error:
        raise ConfigError(
            f"{setting}: Prefect has no Secret block {block!r}: create it, or correct the name."
        ) from error
