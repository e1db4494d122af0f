"""`ratchet argilla`: a real Argilla on this machine, for those who have none."""

from typing import Annotated

import typer

from flows.printing import AsJson, align, format_megabytes, show

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run a real Argilla server on this machine.")


@app.command(epilog="Example: ratchet argilla up")
def up(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65535, help="default: the one it had; at first 6900, or the next that is free"
        ),
    ] = None,
    reindex: Annotated[bool, typer.Option("--reindex", help="build the search index from the database again")] = False,
    as_json: AsJson = False,
) -> None:
    """Start Argilla, or repair it.

    The first time it is installed below RATCHET_HOME, which takes a minute or two. It goes on until
    `ratchet argilla down`, answers on this machine only, and keeps what people label.
    """
    from tasks.embedded_argilla.layout import layout_of
    from tasks.embedded_argilla.lifecycle import bring_up
    from tasks.home import find_home

    home = find_home()
    done = bring_up(home, port, reindex=reindex)
    url, username = done.connection.url, done.connection.username
    how = "runs already" if done.already_ran else "runs"
    lines = [
        *(f"repaired: {sentence}" for sentence in done.repaired),
        f"Argilla {how} at {url}",
        f"sign in as {username}; `ratchet argilla credentials` shows the password and the API key",
    ]
    result = {
        "url": url,
        "username": username,
        "credentials": str(layout_of(home).credentials),
        "already_ran": done.already_ran,
        "repaired": list(done.repaired),
    }
    show(result, lines, as_json)


@app.command(epilog="Example: ratchet argilla down")
def down(as_json: AsJson = False) -> None:
    """Stop Argilla.

    What people labelled stays, and is there after the next `up`.
    """
    from tasks.embedded_argilla.lifecycle import take_down
    from tasks.home import find_home

    ended = take_down(find_home())
    lines = [f"Argilla has ended ({', '.join(ended)}); its data stay." if ended else "Argilla was not running."]
    show({"ended": ended}, lines, as_json)


@app.command(epilog="Example: ratchet argilla status")
def status(as_json: AsJson = False) -> None:
    """Show whether Argilla works.

    Each service is asked. The exit status is 1 unless all work.
    """
    from tasks.embedded_argilla.connection import connection_of
    from tasks.embedded_argilla.layout import layout_of
    from tasks.embedded_argilla.lifecycle import examine
    from tasks.home import find_home

    home = find_home()
    connection, found = connection_of(home), examine(home)
    works = all(health.state == "running" for health in found)
    rows = [["service", "state", "process", "memory", ""]]
    for health in found:
        memory = format_megabytes(health.memory_bytes)
        rows.append([health.service, health.state, str(health.pid or "-"), memory, health.detail])
    if works and connection is not None:
        last = f"Argilla works at {connection.url}"
    elif all(health.state == "stopped" for health in found):
        last = "Argilla does not run: `ratchet argilla up` starts it"
    else:
        last = f"Argilla does not work: `ratchet argilla up` repairs it; logs are in {layout_of(home).logs}"
    result = {
        "works": works,
        "url": connection.url if connection is not None else None,
        "services": {
            health.service: {
                "state": health.state,
                "detail": health.detail,
                "pid": health.pid,
                "memory_bytes": health.memory_bytes,
            }
            for health in found
        },
        "logs": str(layout_of(home).logs),
    }
    show(result, [*align(rows), last], as_json)
    if not works:
        raise typer.Exit(1)


@app.command(epilog="Example: ratchet argilla credentials")
def credentials(as_json: AsJson = False) -> None:
    """Show the password and API key."""
    from tasks.embedded_argilla.connection import connection_of
    from tasks.errors import RatchetError
    from tasks.home import find_home

    home = find_home()
    connection = connection_of(home)
    if connection is None:
        raise RatchetError(f"There is no Argilla in {home.root} yet: run `ratchet argilla up`.")
    result = {
        "url": connection.url,
        "username": connection.username,
        "password": connection.password,
        "api_key": connection.api_key,
    }
    show(result, [f"{name.replace('_', ' ')}: {value}" for name, value in result.items()], as_json)
