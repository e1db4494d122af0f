"""`ratchet watch`: fetches labels as they come in, and has a round run whenever enough of them are new.

    Argilla ── every few seconds, or at once when its webhook calls ──► feedback log
    feedback log, ledger ── enough new labels ──► Prefect event `ratchet.labels.ready`
    Prefect ── the trigger of deployment improve/<domain> ──► a run ──► this process runs the round

One thread does one thing after the other: while a round runs, no labels are fetched. People go on labelling in
Argilla meanwhile, and what they have said by then counts when the round has ended.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flows import serving
from flows.webhook_listener import listen
from tasks.config import Config, load_config
from tasks.errors import ArgillaError, ConfigError, HomeError, RatchetError, UnreachableError
from tasks.evaluation.round_report import renew_reports
from tasks.feedback import log, new_labels
from tasks.feedback.new_labels import NewLabels
from tasks.feedback.pulling import pull_labels
from tasks.home import Home, find_home, lock, make_writable
from tasks.progress import say

if TYPE_CHECKING:
    from argilla import Argilla
    from prefect.deployments.runner import RunnerDeployment

POLL_S = 5.0  # how often Prefect is asked for runs to start
SETTLE_S = 1.0  # a burst of webhook calls costs one look at Argilla
FIRST_BACKOFF_S, LAST_BACKOFF_S = 10.0, 300.0
WEBHOOK_EVENTS = ("response.created", "response.updated", "response.deleted")


@dataclass
class Outage:
    """Something that cannot be done for now, and when to try again (seconds of the monotonic clock)."""

    attempts: int
    problem: type[RatchetError]
    until: float


@dataclass
class Watch:
    """What the watcher works on, and what it remembers from one look to the next.

    Attributes:
        woken: set by the webhook.
        outages: what cannot be done for now, by what it is.
        webhook_url: where Argilla is to call; None: nowhere.
        webhook_secret: None until Argilla knows the webhook.
        counted: the state of log and ledger that was counted last, and the count.
    """

    config: Config
    config_path: Path
    home: Home
    deployment: "RunnerDeployment"
    deployment_id: UUID
    as_json: bool
    woken: threading.Event = field(default_factory=threading.Event)
    outages: dict[str, Outage] = field(default_factory=dict)
    webhook_url: str | None = None
    webhook_secret: str | None = None
    counted: tuple[Any, NewLabels] | None = None


def watch(config_path: Path, every_s: float, webhook: tuple[str, int] | None, as_json: bool) -> None:
    """Watches a domain until SIGINT or SIGTERM.

    Args:
        every_s: seconds between two looks at Argilla.
        webhook: host and port to listen on for Argilla's calls; None: don't.
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
    server = serving.find_server()
    deployment = serving.describe_deployment(config.name, config_path)
    # Prefect imports what lies in a run's folder before what is installed: there must be no package in it.
    with _ended_by_signals(), chdir(notes), ExitStack() as stack:
        watched = Watch(config, config_path, home, deployment, serving.register(deployment), as_json)
        if webhook is not None:
            heard = listen(*webhook, lambda: watched.webhook_secret, watched.woken.set)
            watched.webhook_url = stack.enter_context(heard)
            stack.callback(_forget_webhook, watched)
        _say_hello(watched, server)
        _allow_again(watched)
        _keep_watching(watched, every_s)
    _tell(watched, "ended", "watching has ended")


def _keep_watching(watched: Watch, every_s: float) -> None:
    looked_s = -every_s
    while True:
        due = time.monotonic() - looked_s >= every_s or "fetching labels" in watched.outages
        if due or watched.woken.is_set():
            watched.woken.clear()
            _attempt(watched, "fetching labels", lambda: _fetch_labels(watched))
            looked_s = time.monotonic()
        _attempt(watched, "starting rounds", lambda: _start_rounds(watched))
        if watched.woken.wait(POLL_S if every_s > POLL_S else every_s):
            time.sleep(SETTLE_S)


def _attempt(watched: Watch, what: str, step: Callable[[], None]) -> None:
    """Does the step, or says once that it cannot be done and tries it again later, less and less often."""
    outage = watched.outages.get(what)
    if outage is not None and time.monotonic() < outage.until:
        return
    try:
        step()
    except (UnreachableError, ArgillaError, HomeError) as error:
        if outage is None or outage.problem is not type(error):
            _tell(watched, "stopped", f"{what} has to wait: {error}", what=what, errors=list(error.problems))
        attempts = outage.attempts + 1 if outage is not None else 1
        watched.outages[what] = Outage(attempts, type(error), time.monotonic() + backoff_s(attempts))
    else:
        if watched.outages.pop(what, None) is not None:
            _tell(watched, "resumed", f"{what} works again", what=what)


def backoff_s(attempts: int) -> float:
    """Seconds to wait after this many failures in a row: ten, twice as long each time, at most five minutes."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(attempts - 1, 10), LAST_BACKOFF_S)


def _fetch_labels(watched: Watch) -> None:
    if watched.webhook_url is not None and watched.webhook_secret is None:
        from tasks.feedback.argilla_webhooks import ensure_webhook

        watched.webhook_secret = ensure_webhook(_argilla(watched), watched.webhook_url, WEBHOOK_EVENTS)
        _tell(watched, "webhook", f"Argilla calls {watched.webhook_url} when people answer", url=watched.webhook_url)
    pulled = pull_labels(watched.config, watched.home)
    for number in renew_reports(watched.config, watched.home):
        _tell(watched, "report", f"labels on test answers: the report of round {number} is written anew", round=number)
    if pulled.new:
        count, enough = _count(watched).count, watched.config.human_feedback.round_after
        _tell(watched, "labels", f"{count} of {enough} new labels are in", new=pulled.new, count=count)


def _start_rounds(watched: Watch) -> None:
    if "starting rounds" in watched.outages:
        # It may be another server by now, or the same one with an empty database.
        watched.deployment_id = serving.register(watched.deployment)
    _ask_for_round(watched)
    if due := serving.due_runs(watched.deployment_id):
        before = _count(watched).after_round
        _tell(watched, "run", f"a run of improve/{watched.config.name} starts")
        serving.run_due(watched.deployment)
        for run_id in due:
            if (ended := serving.how_it_ended(run_id)) is not None:
                _tell_outcome(watched, before, ended)


def _ask_for_round(watched: Watch) -> None:
    config, home = watched.config, watched.home
    new, asked, now = _count(watched), new_labels.read_request(home, config.name), datetime.now(UTC)
    enough = config.human_feedback.round_after
    if not new_labels.is_round_wanted(new, enough, asked, now) or serving.has_waiting_runs(watched.deployment_id):
        return
    facts = {"labels": new.count, "round_after": enough, "after_round": new.after_round}
    serving.emit_ready(config.name, facts)
    # Noted only now: an event too many finds that no round is due, one too few would never be missed.
    new_labels.write_request(home, config.name, new_labels.ask(new, asked, now))
    _tell(watched, "ready", f"{new.count} new labels: asking Prefect for a round", **facts)


def _tell_outcome(watched: Watch, before: int, ended: serving.Ended) -> None:
    from flows.inspection import domain_status

    config, home = watched.config, watched.home
    if (last := _count(watched).after_round) > before:
        outcome = domain_status(config, watched.config_path)[0]["rounds"][last - 1]["outcome"]
        _tell(watched, "round", f"round {last} is finished: {outcome}", round=last, outcome=outcome)
        return
    asked, when = new_labels.read_request(home, config.name), "when more labels are in"
    if asked is not None and asked.after_round == last:
        asked = new_labels.postpone(asked, datetime.now(UTC), ended.cancelled)
        new_labels.write_request(home, config.name, asked)
        if asked.again_at is not None:
            when = f"in {_in_words(new_labels.retry_delay(asked.failures))}, or {when}"
    if ended.completed:
        _tell(watched, "nothing_due", "the run found that no round was due")
        return
    remedy = f"it is tried again {when}; `ratchet round {watched.config_path}` goes on with it at once"
    _tell(watched, "failed", f"the round did not end ({ended.sentence}): {remedy}", why=ended.sentence)


def _in_words(delay: timedelta) -> str:
    minutes = int(delay.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _allow_again(watched: Watch) -> None:
    """A round that was asked for and does not run any more may be asked for at once."""
    asked = new_labels.read_request(watched.home, watched.config.name)
    if asked is None:
        return
    # Prefect may still think that a run goes on that was killed; nobody holds the lock for the dead.
    with suppress(HomeError), lock(watched.home, "starting to watch"):
        now = datetime.now(UTC)
        new_labels.write_request(watched.home, watched.config.name, asked.model_copy(update={"again_at": now}))


def _count(watched: Watch) -> NewLabels:
    """The labels that are new; read again only when a segment or the end of a round has been added since."""
    name, home = watched.config.name, watched.home
    state = (log.segments(home, name), sorted(home.rounds(name).glob("*/end.json")))
    if watched.counted is None or watched.counted[0] != state:
        watched.counted = (state, new_labels.read_new_labels(home, name))
    return watched.counted[1]


def _say_hello(watched: Watch, server: str) -> None:
    name, settings, new = watched.config.name, watched.config.human_feedback, _count(watched)
    _tell(
        watched,
        "watching",
        f"watching {name}: a round starts when {settings.round_after} new labels are in; {new.count} are; "
        f"deployment improve/{name} at {server}",
        domain=name,
        deployment=str(watched.deployment_id),
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


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """The block ends quietly at SIGINT or SIGTERM; a second one does not disturb the tidying up after the first."""
    signals = (signal.SIGINT, signal.SIGTERM)

    def end(_number: int, _frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, end) for each in signals}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell(watched: Watch, event: str, sentence: str, **facts: Any) -> None:
    say(sentence)
    if watched.as_json:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        sys.stdout.write(json.dumps({"event": event, "at": moment, **facts}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
