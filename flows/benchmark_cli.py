"""`ratchet benchmark`: retrieval, fine-tuning, or both?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.options import ConfigPath
from flows.printing import AsJson, show
from tasks.records import BENCHMARK_ARMS

app = typer.Typer()

ALL = ",".join(BENCHMARK_ARMS)


@app.command(epilog="Example: ratchet benchmark my-domain/ratchet.yaml --arms base,rag")
def benchmark(
    config: ConfigPath,
    arms: Annotated[str, typer.Option("--arms", metavar="LIST", help="which arms to compare")] = ALL,
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="V", min=1, help="whose adapter ft and rag_ft use; default: the champion's"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="copy the report there, from below RATCHET_HOME"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare retrieval and fine-tuning: base, rag, ft and rag_ft on the same unseen questions, with costs.

    A benchmark that ran before with the same domain, models and settings is shown again, not run again.
    """
    from tasks.evaluation.benchmark.plan import parse_arms

    try:
        chosen = parse_arms(arms)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--arms'") from error
    page, fresh = _run(config, chosen, version)
    result, lines = _describe(page.parent, out, config, fresh)
    show(result, lines, as_json)


def _run(config: Path, arms: tuple[str, ...], version: int | None) -> tuple[Path, bool]:
    """The report's page, and whether it was written now."""
    from flows.benchmark_summary import finished_benchmark
    from flows.leftovers import end_orphaned_servers
    from flows.startup import BENCHMARK_LIBRARIES, start_server_and_import
    from tasks.home import find_home, lock

    # Asked before Prefect is imported, as for a round.
    page = finished_benchmark(config, arms, version)
    if page is not None:
        return page, False
    with lock(find_home(), "starting a benchmark"):
        end_orphaned_servers()
    start_server_and_import(BENCHMARK_LIBRARIES)
    from flows.benchmark import benchmark as run

    return Path(run(str(config), arms, version)), True


def _describe(folder: Path, out: Path | None, config: Path, fresh: bool) -> tuple[dict[str, Any], list[str]]:
    from flows.benchmark_summary import summarise_benchmark
    from tasks.evaluation.benchmark.report import copy_report

    page = copy_report(folder, out) if out is not None else folder / "report.html"
    result, lines = summarise_benchmark(page)
    return result, lines if fresh else [f"Nothing has changed since this benchmark of {config} was run.", "", *lines]
