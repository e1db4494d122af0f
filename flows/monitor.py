"""monitor: one look at production, as a flow that a schedule or `ratchet monitor` runs."""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from flows.artifacts import publish_monitor_report
from flows.environment import prepare_environment
from flows.failed_runs import tell_of_failure
from flows.monitor_events import raise_events
from flows.retries import network_task, plain_task
from tasks.config import load_config
from tasks.home import find_home
from tasks.models.hardware import choose_hardware, use_threads
from tasks.monitoring.answers import read_answers
from tasks.monitoring.history import keep_look, one_look_at_a_time, read_watched
from tasks.monitoring.looking import look, periods
from tasks.monitoring.telling import message
from tasks.notifications import notify

read = network_task(read_answers, "read production's answers")
examine = plain_task(look, "compare now with before")
tell = plain_task(raise_events, "raise events")
keep = plain_task(keep_look, "keep the report")
send = plain_task(notify, "notify people")


@flow(name="monitor", on_failure=[tell_of_failure])
def monitor(config_path: str, days: int | None = None) -> None:
    """Looks at a domain's production, and raises an event for each thing that is not as it was.

    Args:
        config_path: the domain's config file.
        days: up to now, whose answers are looked at; None: `monitor.days`.

    Raises:
        RatchetError: when the config, the domain or MLflow cannot be used.
    """
    config, home = load_config(Path(config_path)), find_home()
    prepare_environment(home)  # a deployment runs the flow in a process of its own, without the command line
    use_threads(choose_hardware(config.model))
    with one_look_at_a_time(home, config.name):
        at = datetime.now(UTC)
        answers = read(config, home, periods(config, at, days))
        found = examine(config, home, answers, at, days, read_watched(home, config.name))
        watched = tell(config.name, found.watched)
        keep(home, found.report, watched)
    publish_monitor_report(found.report)
    if (told := message(found.report)) is not None and config.monitor.notify:
        send(config.monitor.notify, told.subject, told.body, config.monitor.notify_timeout_s)
