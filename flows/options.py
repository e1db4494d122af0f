"""What commands have in common: the config they are given, or find."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tasks.config import Config

ConfigPath = Annotated[Path, typer.Argument(help="the domain's config file", metavar="CONFIG")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="CONFIG", help="default: ratchet.yaml here, or that of the last round"),
]
Schedule = Annotated[
    str | None,
    typer.Option("--schedule", metavar="CRON", help="when rounds run, in UTC, such as '0 3 * * 0'", show_default=False),
]
CollectSchedule = Annotated[
    str | None,
    typer.Option("--collect-schedule", metavar="CRON", help="when collect runs alone, in UTC", show_default=False),
]
MonitorSchedule = Annotated[
    str | None,
    typer.Option("--monitor-schedule", metavar="CRON", help="when production is looked at, in UTC", show_default=False),
]


def load(option: Path | None) -> "tuple[Config, Path]":
    """The config that `--config` names, or the one that is found without it, and its path.

    Raises:
        ConfigError: when there is none, or it cannot be used.
    """
    from tasks.config import load_config
    from tasks.home import find_home
    from tasks.planning import find_config

    path = option or find_config(find_home())
    return load_config(path), path
