"""The commands about the models that came of it."""

from typing import Annotated

import typer

from flows.options import ConfigOption, load
from flows.printing import AsJson, show

app = typer.Typer()

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="who says so; default: your user name")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="why")]


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
    """Explain a version, and decide about it again from the stored answers; exit status 1 when that differs."""
    from flows.inspection import explain_version

    explained, lines = explain_version(load(config)[0], version)
    show(explained, lines, as_json)
    if explained["replay"] is not None and not explained["replay"]["same"]:
        raise typer.Exit(1)


@app.command(epilog="Example: ratchet approve 2 --reason 'read 20 of its answers'")
def approve(
    version: Annotated[int | None, typer.Argument(min=1, help="default: the one that waits for approval")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="never promote it")] = False,
    by: By = None,
    reason: Reason = "",
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Approve or reject a version that passed every check, where `promote.approval` is `approve`; that is final."""
    from flows.champion import approve as say_so

    show(*say_so(load(config)[0], version, approved=not reject, by=by, reason=reason), as_json)


@app.command(epilog="Example: ratchet rollback --to 2 --reason 'too wordy'")
def rollback(
    to: Annotated[
        int | None, typer.Option("--to", metavar="VERSION", min=1, help="default: the one it took over from")
    ] = None,
    by: By = None,
    reason: Reason = "",
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Give consumers the previous champion again, or an earlier one."""
    from flows.champion import roll_back

    show(*roll_back(load(config)[0], to=to, by=by, reason=reason), as_json)


@app.command(epilog='Example: ratchet ask "What does itertools.chain do in Python?"')
def ask(
    question: Annotated[str, typer.Argument(help="the question to put to the champion")],
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Put a question to the champion."""
    from flows.champion import ask_champion

    show(*ask_champion(load(config)[0], question), as_json)
