"""The `ratchet` command.

Nothing heavy is imported here: each command imports what it runs, so that `ratchet --help` answers at once.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows import (
    argilla_cli,
    benchmark_cli,
    export_cli,
    feedback_cli,
    model_cli,
    monitor_cli,
    questions_cli,
    serve_cli,
    services_cli,
)
from flows.options import CollectSchedule, ConfigOption, ConfigPath, MonitorSchedule, Schedule, load
from flows.printing import AsJson, show
from tasks.errors import RatchetError
from tasks.records import Stage

app = typer.Typer(
    name="ratchet",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


WaitForLabels = Annotated[
    int,
    typer.Option("--wait-for-labels", metavar="N", min=0, help="wait until people have given N labels in this round"),
]


def main() -> None:
    """Runs the command line: exit status 0 done, 1 failed, 2 wrong use; no traceback without --debug."""
    # Taken out here, so that it may stand anywhere on the line and holds before the command is even known.
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        _prepare(debug)
        app(prog_name="ratchet")
    except RatchetError as error:
        if debug:
            raise
        _print_problems(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: run the same command again to go on from here.\n")
        sys.exit(1)


def _prepare(debug: bool) -> None:
    from flows.environment import prepare_environment
    from tasks.home import find_home

    prepare_environment(find_home(), debug=debug)


def _print_problems(error: RatchetError) -> None:
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"errors": list(error.problems)}, ensure_ascii=False) + "\n")
    for problem in error.problems:
        sys.stderr.write(f"error: {problem}\n")


@app.callback(epilog="Example: ratchet init --demo demo && ratchet round demo/ratchet.yaml")
def options(
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks and the libraries' own logs")] = False,
    version: Annotated[bool, typer.Option("--version", help="print the version", is_eager=True)] = False,
) -> None:
    """Keeps a domain LLM improving, and promotes a model only when it is provably better."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("ratchet-llm"))
        raise typer.Exit


@app.command(epilog="Example: ratchet init my-domain")
def init(
    directory: Annotated[Path, typer.Argument(help="the folder to write into; created when absent", metavar="DIR")],
    demo: Annotated[bool, typer.Option("--demo", help="the demo domain: Python's own docstrings")] = False,
    people: Annotated[bool, typer.Option("--people", help="ask people, through the embedded Argilla")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a commented config and example questions, or the demo domain; no file is overwritten."""
    from tasks.domain.scaffold import init_folder

    written = init_folder(directory, demo=demo, people=people)
    config = directory / "ratchet.yaml"
    lines = [f"{len(written)} files written to {directory}", f"next: ratchet doctor {config}"]
    show({"config": str(config), "files": [str(path) for path in written]}, lines, as_json)


@app.command(epilog="Example: ratchet doctor my-domain/ratchet.yaml")
def doctor(config: ConfigPath, as_json: AsJson = False) -> None:
    """Check a domain before a round does: questions, splits, documents, lengths, encoding."""
    from flows.inspection import examine_domain

    examination, lines = examine_domain(config)
    show(examination.model_dump(mode="json"), lines, as_json)
    if not examination.passed:
        raise typer.Exit(1)


@app.command("round", epilog="Example: ratchet round my-domain/ratchet.yaml --rounds 2")
def round_(
    config: ConfigPath,
    rounds: Annotated[
        int | None, typer.Option("--rounds", min=1, help="rounds to have finished in all; default: one, if any is due")
    ] = None,
    wait_for_labels: WaitForLabels = 0,
    as_json: AsJson = False,
) -> None:
    """Run a round: collect, curate, train, evaluate, promote. A killed round goes on where it stopped."""
    _run(config, rounds, "promote", as_json, wait_for_labels)


def _run(config: Path, rounds: int | None, until: Stage, as_json: bool, wait_for_labels: int = 0) -> None:
    from flows.inspection import due_round, round_summary
    from flows.leftovers import end_orphaned_servers
    from flows.startup import start_server_and_import
    from tasks.home import find_home, lock

    # Asked before Prefect is imported: a finished round is answered in a second.
    due, why = due_round(config, rounds, wait_for_labels)
    if due:
        # So is a home in use, or one that cannot be written. It is created here: Prefect makes its own folder in
        # it, at import, but not the home.
        with lock(find_home(), "starting a round"):
            end_orphaned_servers()
        start_server_and_import()
        from flows.improve import improve

        improve(str(config), rounds, until, wait_for_labels)
    result, lines = round_summary(config)
    show(result, lines if due else [f"Nothing to do: {why}.", "", *lines], as_json)


@app.command(epilog="Example: ratchet collect my-domain/ratchet.yaml")
def collect(config: ConfigPath, as_json: AsJson = False) -> None:
    """Run the current round up to collect: candidates from the champion, judged."""
    _run(config, None, "collect", as_json)


@app.command(epilog="Example: ratchet curate my-domain/ratchet.yaml")
def curate(config: ConfigPath, wait_for_labels: WaitForLabels = 0, as_json: AsJson = False) -> None:
    """Run the current round up to curate: demonstrations and preference pairs as a snapshot."""
    _run(config, None, "curate", as_json, wait_for_labels)


@app.command(epilog="Example: ratchet train my-domain/ratchet.yaml")
def train(config: ConfigPath, as_json: AsJson = False) -> None:
    """Run the current round up to train: SFT, then DPO."""
    _run(config, None, "train", as_json)


@app.command(epilog="Example: ratchet evaluate my-domain/ratchet.yaml")
def evaluate(config: ConfigPath, as_json: AsJson = False) -> None:
    """Run the current round up to evaluate: base, champion and challenger on the test set."""
    _run(config, None, "evaluate", as_json)


@app.command(epilog="Example: ratchet promote my-domain/ratchet.yaml")
def promote(config: ConfigPath, as_json: AsJson = False) -> None:
    """Run the current round to its end: the champion moves only when the gate's checks all pass."""
    _run(config, None, "promote", as_json)


@app.command(epilog="Example: ratchet watch my-domain/ratchet.yaml --webhook-port 8765")
def watch(  # noqa: PLR0913, PLR0917  a command's options
    config: ConfigPath,
    every: Annotated[float, typer.Option("--every", metavar="SECONDS", min=1, help="between looks at Argilla")] = 30.0,
    webhook_port: Annotated[
        int | None, typer.Option("--webhook-port", metavar="PORT", min=1, max=65535, help="have Argilla call there")
    ] = None,
    webhook_host: Annotated[str, typer.Option("--webhook-host", help="an address that Argilla reaches")] = "127.0.0.1",
    schedule: Schedule = None,
    collect_schedule: CollectSchedule = None,
    monitor_schedule: MonitorSchedule = None,
    leave_rounds: Annotated[
        bool, typer.Option("--leave-rounds", help="to the work pool that `ratchet deploy --pool` named")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print what happens as JSON, one object a line")] = False,
) -> None:
    """Watch for labels and documents, and run a round when enough are new; needs a Prefect server. Ctrl-C ends it.

    Rounds run by schedule, too, where one is given or set at the server.
    """
    from flows.watch import watch as keep_watching
    from tasks.deployments import Schedules

    keep_watching(
        config,
        every_s=every,
        webhook=None if webhook_port is None else (webhook_host, webhook_port),
        schedules=Schedules(collect_schedule, schedule, monitor_schedule),
        leave_rounds=leave_rounds,
        as_json=as_json,
    )


@app.command(epilog="Example: ratchet status")
def status(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Show the rounds so far, what the last one reached, and whether another is due."""
    from flows.inspection import domain_status

    show(*domain_status(*load(config)), as_json)


# Without a name their commands stand beside those above.
app.add_typer(benchmark_cli.app)
app.add_typer(export_cli.app)
app.add_typer(feedback_cli.app)
app.add_typer(model_cli.app)
app.add_typer(monitor_cli.app)
app.add_typer(questions_cli.app)
app.add_typer(serve_cli.app)
app.add_typer(services_cli.app)
app.add_typer(argilla_cli.app, name="argilla")


if __name__ == "__main__":
    main()
