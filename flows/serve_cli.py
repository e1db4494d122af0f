"""The command that serves the champion."""

import json
import sys
from typing import Annotated, Any

import typer

from flows.options import ConfigOption, load
from flows.printing import AsJson

app = typer.Typer()


@app.command(epilog="Example: ratchet serve --port 8000")
def serve(
    config: ConfigOption = None,
    host: Annotated[str, typer.Option("--host", help="the address to listen on; others than this need keys")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free")] = 8000,
    as_json: AsJson = False,
) -> None:
    """Serve the champion through OpenAI's API, whichever version that is; Ctrl-C or SIGTERM ends it."""
    settings, _ = load(config)
    from tasks.home import find_home
    from tasks.serve.server import serve as run

    def announce(started: dict[str, Any]) -> None:
        line = json.dumps(started, ensure_ascii=False) if as_json else "\n".join(_lines(started))
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    run(settings, find_home(), host, port, announce)


def _lines(started: dict[str, Any]) -> list[str]:
    return [
        f"Version {started['version']} of {started['model']} answers on {started['url']} ({started['arm']}).",
        f"Traces go to the MLflow experiment {started['experiment']!r}; rounds learn from its thumbs when "
        "end_users.mlflow_experiment names it.",
    ]
