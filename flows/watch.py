"""`ratchet watch`: looks for what calls for a round, and has Prefect start one.

    Argilla ── every few seconds, or at once when its webhook calls ──► feedback log
    feedback log, ledger ── enough new labels ──► Prefect event `ratchet.labels.ready`
    files of documents ── others than in the last round ──► Prefect event `ratchet.documents.changed`
    Prefect ── a schedule, or the event's trigger ──► a run ──► this process runs the round, or a work pool's worker

One thread does one thing after the other: while it runs a round, no labels are fetched. People go on labelling in
Argilla meanwhile, and what they have said by then counts when the round has ended.
"""

import os
import time
from contextlib import ExitStack, chdir, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows import deployed_runs, deployments
from flows.deployed_runs import Registered
from flows.round_requests import (
    allow_again,
    ask_because_of_documents,
    ask_because_of_labels,
    count_labels,
    tell_ended,
)
from flows.watched import Watch, attempt, ended_by_signals, sign, tell
from flows.webhook_listener import listen
from tasks.config import load_config
from tasks.deployments import Kind, Schedules
from tasks.errors import ArgillaError, ConfigError, UnreachableError
from tasks.evaluation.round_report import renew_reports
from tasks.feedback import new_labels
from tasks.feedback.pulling import pull_labels
from tasks.home import find_home, make_writable
from tasks.progress import say

if TYPE_CHECKING:
    from uuid import UUID

    from argilla import Argilla

POLL_S = 5.0  # how often Prefect is asked for runs to start
SETTLE_S = 1.0  # a burst of webhook calls costs one look at Argilla
_IN_ORDER: tuple[Kind, ...] = ("collect", "improve", "monitor")  # a round whose candidates are there is gone on with
WEBHOOK_EVENTS = ("response.created", "response.updated", "response.deleted")


def watch(
    config_path: Path,
    *,
    every_s: float,
    webhook: tuple[str, int] | None,
    schedules: Schedules,
    leave_rounds: bool,
    as_json: bool,
) -> None:
    """Watches a domain until SIGINT or SIGTERM.

    Args:
        every_s: seconds between two looks at Argilla, and at the documents.
        webhook: host and port to listen on for Argilla's calls; None: don't.
        leave_rounds: only ask for rounds, which the workers of the deployments' work pool run.
        as_json: also print one JSON object a line to stdout for each thing that happens.

    Raises:
        RatchetError: when the config cannot be used, there is no Prefect server, or the log or ledger is damaged.
    """
    config, home = load_config(config_path), find_home()
    if webhook is not None and config.human_feedback.argilla is None:
        raise ConfigError(
            f"{config_path}: human_feedback.argilla is null, so no webhook calls: leave --webhook-port out."
        )
    make_writable(home)
    notes = new_labels.notes_folder(home)
    notes.mkdir(exist_ok=True)
    os.environ["RATCHET_HOME"] = str(home.root)  # runs inherit it, and the current folder
    server = deployments.find_server()
    described = deployments.describe(config.name, config_path, schedules)
    # Prefect imports what lies in a run's folder before what is installed: there must be no package in it.
    with ended_by_signals(), chdir(notes), ExitStack() as stack:
        watched = Watch(config, config_path, home, described, as_json, leave_rounds)
        _register(watched)
        if webhook is not None:
            heard = listen(*webhook, lambda: watched.webhook_secret, watched.woken.set)
            watched.webhook_url = stack.enter_context(heard)
            stack.callback(_forget_webhook, watched)
        _say_hello(watched, server)
        allow_again(watched)
        _keep_watching(watched, every_s)
    tell(watched, "ended", "watching has ended")


def _keep_watching(watched: Watch, every_s: float) -> None:
    looked_s = -every_s
    watched.rounds_told = count_labels(watched).after_round
    while True:
        due = time.monotonic() - looked_s >= every_s or "fetching labels" in watched.outages
        if due or watched.woken.is_set():
            watched.woken.clear()
            attempt(watched, "fetching labels", lambda: _fetch_labels(watched))
            attempt(watched, "looking at the documents", lambda: ask_because_of_documents(watched))
            looked_s = time.monotonic()
        attempt(watched, "starting rounds", lambda: _start_rounds(watched))
        sign(watched)
        if watched.woken.wait(POLL_S if every_s > POLL_S else every_s):
            time.sleep(SETTLE_S)


def _register(watched: Watch) -> None:
    described = watched.deployments.items()
    if watched.leave_rounds:
        watched.ids = {kind: deployments.find_in_pool(each.full_name) for kind, each in described}
    else:
        watched.ids = {kind: deployments.register(each) for kind, each in described}


def _start_rounds(watched: Watch) -> None:
    if "starting rounds" in watched.outages:
        # It may be another server by now, or the same one with an empty database.
        _register(watched)
    ask_because_of_labels(watched)
    if watched.leave_rounds:
        _tell_what_ended(watched)
        return
    for kind in _IN_ORDER:
        deployment, deployment_id = watched.deployments[kind], watched.ids[kind]
        if due := deployed_runs.due_runs(deployment_id):
            tell(watched, "run", f"a run of {deployment.full_name} starts", deployment=deployment.full_name)
            _run(watched, kind, Registered(deployment_id, deployment.name), due)


def _run(watched: Watch, kind: Kind, deployment: Registered, due: "list[UUID]") -> None:
    watched.rounds_told = count_labels(watched).after_round
    sign(watched, running=True)
    deployed_runs.run_due(deployment)
    for run_id in due:
        if (ended := deployed_runs.how_it_ended(run_id)) is not None:
            tell_ended(watched, kind, ended)


def _tell_what_ended(watched: Watch) -> None:
    since, watched.ended_before = watched.ended_before, datetime.now(UTC)
    for kind in _IN_ORDER:
        for run_id in deployed_runs.runs_ended_since(watched.ids[kind], since):
            if (ended := deployed_runs.how_it_ended(run_id)) is not None:
                tell_ended(watched, kind, ended)


def _fetch_labels(watched: Watch) -> None:
    if watched.webhook_url is not None and watched.webhook_secret is None:
        from tasks.feedback.argilla_webhooks import ensure_webhook

        watched.webhook_secret = ensure_webhook(_argilla(watched), watched.webhook_url, WEBHOOK_EVENTS)
        tell(watched, "webhook", f"Argilla calls {watched.webhook_url} when people answer", url=watched.webhook_url)
    pulled = pull_labels(watched.config, watched.home)
    for number in renew_reports(watched.config, watched.home):
        tell(watched, "report", f"labels on test answers: the report of round {number} is written anew", round=number)
    if pulled.new:
        count, enough = count_labels(watched).count, watched.config.human_feedback.round_after
        tell(watched, "labels", f"{count} of {enough} new labels are in", new=pulled.new, count=count)


def _say_hello(watched: Watch, server: str) -> None:
    name, settings, new = watched.config.name, watched.config.human_feedback, count_labels(watched)
    tell(
        watched,
        "watching",
        f"watching {name}: a round starts when {settings.round_after} new labels are in; {new.count} are; "
        f"deployment improve/{name} at {server}",
        domain=name,
        deployment=str(watched.ids["improve"]),
        count=new.count,
        round_after=settings.round_after,
    )
    if settings.argilla is None:
        say("human_feedback.argilla is null: people are not asked, only labels brought in otherwise count")
    elif new.after_round == 0:
        say(f"no round has finished yet: `ratchet round {watched.config_path}` puts the first answers before people")


def _argilla(watched: Watch) -> "Argilla":
    from tasks.feedback.argilla_store import connect
    from tasks.feedback.label_server import find_connection

    return connect(find_connection(watched.config, watched.home))


def _forget_webhook(watched: Watch) -> None:
    from tasks.feedback.argilla_webhooks import delete_webhook

    # An Argilla that is away keeps the webhook, and calls in vain until the next watcher takes it over.
    if watched.webhook_url is not None and watched.webhook_secret is not None:
        with suppress(UnreachableError, ArgillaError):
            delete_webhook(_argilla(watched), watched.webhook_url)
