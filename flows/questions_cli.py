"""`ratchet questions`: question-answer pairs from documents, where people have written too few."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.options import ConfigPath
from flows.printing import AsJson, show

app = typer.Typer()


@app.command(epilog="Example: ratchet questions my-domain/ratchet.yaml --count 50 --out my-domain/synthetic.jsonl")
def questions(
    config: ConfigPath,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, help="questions to write, at most")] = 100,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="write them there, too; default: below RATCHET_HOME alone"),
    ] = None,
    writer: Annotated[
        Literal["model", "templates"] | None,
        typer.Option("--writer", help="who writes; default: the config's `writer` where it has one, else templates"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="write FILE anew when it is there; never one with people's questions")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write synthetic questions with answers from the documents, each with its source and marked as synthetic.

    Kept are questions that bring their own passage back from the domain's retrieval, and that nobody has asked.
    """
    from flows.questions import write_questions

    result, lines = write_questions(config, count, out, force=force, writer=writer)
    show(result, lines, as_json)
