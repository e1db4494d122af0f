"""The commands about the models that came of it."""

from typing import Annotated

import typer

from flows.options import ConfigOption, load
from flows.printing import AsJson, show

app = typer.Typer()


@app.command(epilog="Example: ratchet history")
def history(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """List the registered versions, their aliases, and which took over from which."""
    from flows.inspection import version_history

    show(*version_history(load(config)[0]), as_json)


@app.command(epilog="Example: ratchet why 2")
def why(
    version: Annotated[int, typer.Argument(min=1, help="a version number, as `ratchet history` lists them")],
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Explain a version: the checks of its certificate, with their figures, and what it was trained on."""
    from flows.inspection import explain_version

    show(*explain_version(load(config)[0], version), as_json)


@app.command(epilog="Example: ratchet rollback")
def rollback(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Give consumers the previous champion again."""
    from flows.champion import roll_back

    show(*roll_back(load(config)[0]), as_json)


@app.command(epilog='Example: ratchet ask "What does itertools.chain do in Python?"')
def ask(
    question: Annotated[str, typer.Argument(help="the question to put to the champion")],
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Put a question to the champion."""
    from flows.champion import ask_champion

    show(*ask_champion(load(config)[0], question), as_json)
