"""`ratchet up`, `down`, `services` and `deploy`: the system that runs by itself, on this machine or on work pools."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import CollectSchedule, ConfigOption, ConfigPath, MonitorSchedule, Schedule
from flows.printing import AsJson, align, format_megabytes, show

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.deployments import Schedules
    from tasks.home import Home
    from tasks.services.health import Health

app = typer.Typer()


@app.command(epilog="Example: ratchet up --config my-domain/ratchet.yaml --schedule '0 3 * * 0'")
def up(
    config: ConfigOption = None,
    schedule: Schedule = None,
    collect_schedule: CollectSchedule = None,
    monitor_schedule: MonitorSchedule = None,
    argilla: Annotated[bool, typer.Option(" /--no-argilla", help="leave the embedded Argilla out")] = True,
    as_json: AsJson = False,
) -> None:
    """Start Prefect, MLflow, Argilla and a watcher that runs the rounds, or repair what died.

    All answer on this machine only and go on until `ratchet down`. Without schedules: those it had, at first collect
    each night, a look at production each morning and a round each Sunday.
    """
    from tasks.home import find_home, make_writable
    from tasks.services.lifecycle import bring_up

    home = find_home()
    make_writable(home)  # Prefect, which reads the schedules, warns of a folder that it cannot make
    path = _config_path(config, home)
    done = bring_up(home, path, _schedules(home, collect_schedule, schedule, monitor_schedule), argilla=argilla)
    lines = [
        *(f"repaired: {sentence}" for sentence in done.repaired),
        *(_table(done.services)),
        f"All of it on one page: {done.page.as_uri()}",
    ]
    result = {
        "already_ran": not done.started,
        "started": list(done.started),
        "repaired": list(done.repaired),
        "page": str(done.page),
        "services": _as_json(done.services),
    }
    show(result, lines, as_json)


@app.command(epilog="Example: ratchet down")
def down(as_json: AsJson = False) -> None:
    """Stop what `ratchet up` started; data, ports and schedules stay for the next time."""
    from tasks.home import find_home
    from tasks.services.lifecycle import take_down

    ended = take_down(find_home())
    lines = [f"Ended: {', '.join(ended)}; their data stay." if ended else "Nothing was running."]
    show({"ended": ended}, lines, as_json)


@app.command(epilog="Example: ratchet services")
def services(as_json: AsJson = False) -> None:
    """Show whether what `ratchet up` started works.

    Each service is asked. The exit status is 1 unless all work.
    """
    from tasks.home import find_home
    from tasks.services.lifecycle import look
    from tasks.services.state import status_page

    home = find_home()
    found = look(home)
    works = bool(found) and all(each.works for each in found)
    last = "All work." if works else "`ratchet up` repairs it; logs are in " + str(home.root / "logs")
    if not found:
        last = "Nothing was started in this home yet: run `ratchet up`."
    result = {"works": works, "services": _as_json(found), "page": str(status_page(home)) if found else None}
    show(result, [*(_table(found) if found else []), last], as_json)
    if not works:
        raise typer.Exit(1)


@app.command(epilog="Example: ratchet deploy my-domain/ratchet.yaml --pool gpu --schedule '0 3 * * 0'")
def deploy(
    config: ConfigPath,
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="NAME", help="the work pool whose workers run the rounds")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="what a Docker or Kubernetes pool runs; see deploy/Dockerfile")
    ] = None,
    schedule: Schedule = None,
    collect_schedule: CollectSchedule = None,
    monitor_schedule: MonitorSchedule = None,
    as_json: AsJson = False,
) -> None:
    """Bring the domain's deployments up to date at the Prefect server, with their schedules and triggers.

    Without --pool, `ratchet watch` runs them. Without schedules: collect each night, a look at production each morning
    and a round each Sunday. Run it where the paths of config and home are those of the runs.
    """
    from flows import deployments
    from tasks.config import load_config
    from tasks.errors import ConfigError
    from tasks.home import find_home, make_writable

    if image is not None and pool is None:
        raise ConfigError("--image says what a work pool's containers run, and no pool is named: add --pool.")
    domain, home = load_config(config).name, find_home()
    make_writable(home)  # as in `up`
    schedules = _schedules(home, collect_schedule, schedule, monitor_schedule)
    server = deployments.find_server()
    described = deployments.describe(domain, config, schedules).values()
    if pool is not None:
        deployments.put_in_pool(described, domain, pool, home=home, config_path=config, image=image)
    ids = {each.full_name: str(deployments.register(each)) for each in described}
    by_whom = f"work pool {pool}, queue {domain}" if pool else f"`ratchet watch {config}`"
    lines = [f"{name} is at {server}, run by {by_whom}" for name in ids]
    show({"server": server, "deployments": ids, "pool": pool}, lines, as_json)


def _config_path(option: "Path | None", home: "Home") -> "Path":
    from pathlib import Path

    from tasks.planning import find_config
    from tasks.services.state import read_state

    watched = read_state(home).watched
    if option is None and watched is not None and not Path("ratchet.yaml").exists():
        return Path(watched.config)
    return option or find_config(home)


def _schedules(home: "Home", collect: str | None, improve: str | None, monitor: str | None) -> "Schedules":
    """The schedules given, else those that `ratchet up` was given last in this home, else the defaults.

    Raises:
        ConfigError: when one is no cron expression.
    """
    from tasks.deployments import DEFAULT_SCHEDULES, Schedules
    from tasks.services.state import read_state

    for given in (collect, improve, monitor):
        if given is not None:
            from flows.deployments import read_cron

            read_cron(given)
    watched = read_state(home).watched
    before = DEFAULT_SCHEDULES if watched is None else watched.schedules
    return Schedules(collect, improve, monitor).otherwise(before)


def _table(found: "Sequence[Health]") -> list[str]:
    rows = [["service", "state", "where", "process", "memory", ""]]
    for each in found:
        memory = format_megabytes(each.memory_bytes)
        rows.append([each.service, each.state, each.url or "-", str(each.pid or "-"), memory, each.detail])
    return align(rows)


def _as_json(found: "Sequence[Health]") -> dict[str, Any]:
    return {
        each.service: {
            "state": each.state,
            "detail": each.detail,
            "url": each.url,
            "pid": each.pid,
            "memory_bytes": each.memory_bytes,
        }
        for each in found
    }
