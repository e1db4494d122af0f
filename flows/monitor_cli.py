"""`ratchet monitor`: whether production is still what it was."""

from typing import Annotated

import typer

from flows.options import ConfigPath
from flows.printing import AsJson, show

app = typer.Typer()


@app.command(epilog="Example: ratchet monitor my-domain/ratchet.yaml --days 7")
def monitor(
    config: ConfigPath,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=3650, help="up to now; default: `monitor.days`")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare production with the weeks before: questions, thumbs, abstentions, latency, unanswered topics.

    What is new raises an event at Prefect, is sent to `monitor.notify`, and proposes questions for the next collect.
    """
    from flows.leftovers import end_orphaned_servers
    from flows.production import last_look
    from flows.startup import start_server_and_import
    from tasks.config import load_config
    from tasks.home import find_home, make_writable

    load_config(config)  # a config that cannot be used is refused before Prefect is imported
    make_writable(find_home())
    end_orphaned_servers()
    start_server_and_import(("flows.monitor", "mlflow", "sentence_transformers"))
    from flows.monitor import monitor as look

    look(str(config), days)
    show(*last_look(config), as_json)
