"""Asking Prefect for rounds, each thing that calls for one once, and telling what became of them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from flows import deployed_runs, deployments
from flows.production import last_look_in_short
from flows.watched import Watch, tell
from tasks.changed_documents import look_at_files, news_of_documents, write_news
from tasks.deployments import DOCUMENTS_CHANGED, LABELS_READY, Kind
from tasks.errors import HomeError
from tasks.feedback import log, new_labels
from tasks.feedback.new_labels import NewLabels
from tasks.home import lock


def ask_because_of_labels(watched: Watch) -> None:
    """Emits the event that enough labels are new, unless a round is about to start or runs.

    Raises:
        UnreachableError: when Prefect does not answer.
    """
    config, home = watched.config, watched.home
    new, asked, now = count_labels(watched), new_labels.read_request(home, config.name), datetime.now(UTC)
    enough = config.human_feedback.round_after
    if not new_labels.is_round_wanted(new, enough, asked, now) or _has_a_round(watched):
        return
    facts = {"labels": new.count, "round_after": enough, "after_round": new.after_round}
    deployments.emit(LABELS_READY, config.name, facts)
    # Noted only now: an event too many finds that no round is due, one too few would never be missed.
    new_labels.write_request(home, config.name, new_labels.ask(new, asked, now))
    tell(watched, "ready", f"{new.count} new labels: asking Prefect for a round", **facts)


def ask_because_of_documents(watched: Watch) -> None:
    """Emits the event that the documents have changed, unless a round is about to start or runs.

    Raises:
        DomainError: when a glob of documents matches no file.
        UnreachableError: when Prefect does not answer.
    """
    config, home = watched.config, watched.home
    if not config.documents:
        return
    files, (before, compared) = look_at_files(config), watched.files
    watched.files = (files, compared)
    # Read only when they were touched, and not while somebody is still copying.
    if files in (compared, "") or (files != before and before) or _has_a_round(watched):
        return
    if (news := news_of_documents(config, home)) is not None:
        facts = {"documents": news.documents, "after_round": count_labels(watched).after_round}
        deployments.emit(DOCUMENTS_CHANGED, config.name, facts)
        write_news(home, config.name, news)
        tell(watched, "documents", "the documents have changed: asking Prefect for a round", **facts)
    watched.files = (files, files)


def _has_a_round(watched: Watch) -> bool:
    if deployed_runs.is_under_way(watched.ids["improve"], workers=watched.leave_rounds):
        return True
    if not watched.leave_rounds:
        return False
    # A server believes of a worker that was killed that it still runs the round; nobody holds the lock for the dead.
    try:
        with lock(watched.home, "asking for a round"):
            return False
    except HomeError:
        return True


def tell_ended(watched: Watch, kind: Kind, ended: deployed_runs.Ended) -> None:
    """Tells how a run of one of the domain's deployments ended."""
    if kind == "improve":
        _tell_outcome(watched, ended)
    elif not ended.completed:
        tell(watched, "failed", f"the run of {kind} did not end ({ended.sentence})", why=ended.sentence)
    elif kind == "collect":
        tell(watched, "collected", "the run of collect has ended: the candidates are there, or no round was due")
    else:
        (found, (line, *_)) = last_look_in_short(watched.home, watched.config.name)
        tell(watched, "looked", line, **found)


def _tell_outcome(watched: Watch, ended: deployed_runs.Ended) -> None:
    """Tells how a run of improve ended, and when a round that failed is tried again."""
    from flows.inspection import domain_status

    config, home = watched.config, watched.home
    if (last := count_labels(watched).after_round) > watched.rounds_told:
        watched.rounds_told = last
        outcome = domain_status(config, watched.config_path)[0]["rounds"][last - 1]["outcome"]
        tell(watched, "round", f"round {last} is finished: {outcome}", round=last, outcome=outcome)
        return
    asked, when = new_labels.read_request(home, config.name), "when more labels are in"
    if asked is not None and asked.after_round == last:
        asked = new_labels.postpone(asked, datetime.now(UTC), ended.cancelled)
        new_labels.write_request(home, config.name, asked)
        if asked.again_at is not None:
            when = f"in {_in_words(new_labels.retry_delay(asked.failures))}, or {when}"
    if ended.completed:
        tell(watched, "nothing_due", "the run found that no round was due")
        return
    remedy = f"it is tried again {when}; `ratchet round {watched.config_path}` goes on with it at once"
    tell(watched, "failed", f"the round did not end ({ended.sentence}): {remedy}", why=ended.sentence)


def _in_words(delay: timedelta) -> str:
    minutes = int(delay.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def allow_again(watched: Watch) -> None:
    """A round that was asked for and does not run any more may be asked for at once."""
    asked = new_labels.read_request(watched.home, watched.config.name)
    if asked is None:
        return
    # Prefect may still think that a run goes on that was killed; nobody holds the lock for the dead.
    with suppress(HomeError), lock(watched.home, "starting to watch"):
        now = datetime.now(UTC)
        new_labels.write_request(watched.home, watched.config.name, asked.model_copy(update={"again_at": now}))


def count_labels(watched: Watch) -> NewLabels:
    """The labels that are new; read again only when a segment or the end of a round has been added since."""
    name, home = watched.config.name, watched.home
    state = (log.segments(home, name), sorted(home.rounds(name).glob("*/end.json")))
    if watched.counted is None or watched.counted[0] != state:
        watched.counted = (state, new_labels.read_new_labels(home, name))
    return watched.counted[1]
