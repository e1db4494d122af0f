"""The commands about feedback: who gives it, what it is worth, and where it went."""

from typing import Annotated

import typer

from flows.options import ConfigOption, ConfigPath, load
from flows.printing import AsJson, show

app = typer.Typer()


@app.command(epilog="Example: ratchet labels")
def labels(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Fetch what people have answered in Argilla, and show it by round and annotator."""
    from flows.people import fetch_labels

    show(*fetch_labels(load(config)[0]), as_json)


@app.command(epilog="Example: ratchet annotator ann")
def annotator(
    username: Annotated[str, typer.Argument(help="the name they sign in with")],
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Make an Argilla account for somebody who labels; the password is shown once."""
    from flows.people import add_annotator

    show(*add_annotator(load(config)[0], username), as_json)


@app.command(epilog="Example: ratchet oracle demo-human/ratchet.yaml")
def oracle(config: ConfigPath, as_json: AsJson = False) -> None:
    """Answer what people were asked from the reference answers, marked as scripted: for demos and tests."""
    from flows.people import let_oracle_answer
    from tasks.config import load_config

    show(*let_oracle_answer(load_config(config)), as_json)


@app.command(epilog="Example: ratchet judges")
def judges(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Show how far each judge agrees with people, its biases, and the weight that it has earned."""
    from flows.judges import show_judges

    show(*show_judges(load(config)[0]), as_json)


@app.command(epilog="Example: ratchet trace 3f9ac2d1")
def trace(
    feedback: Annotated[str, typer.Argument(help="a feedback id, or its first digits", metavar="FEEDBACK_ID")],
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """List the snapshots, adapters and model versions that saw a judgement."""
    from flows.lineage import trace as follow

    show(*follow(load(config)[0], feedback), as_json)


@app.command(epilog="Example: ratchet withdraw --user 5b1e77aa")
def withdraw(
    user: Annotated[str | None, typer.Option("--user", metavar="U", help="all of one person, now and later")] = None,
    feedback: Annotated[str | None, typer.Option("--feedback", metavar="ID", help="one judgement")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="take the withdrawal back")] = False,
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Keep feedback out of all later snapshots, and name the versions that have learned from it."""
    from flows.lineage import withdraw as take_out

    if (user is None) == (feedback is None):
        raise typer.BadParameter("give --user or --feedback, one of the two")
    show(*take_out(*load(config), user, feedback, undo), as_json)
