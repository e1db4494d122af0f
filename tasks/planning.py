"""Whether a round is due, and opening and closing it."""

import json
from collections.abc import Sequence
from pathlib import Path

from tasks.config import Config
from tasks.curation.summary import read_summary
from tasks.domain.loading import describe_questions, load_domain
from tasks.errors import ConfigError
from tasks.feedback.withdrawals import Withdrawn, read_left_out
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.progress import say
from tasks.records import Record
from tasks.registry.mlflow_registry import ensure_champion
from tasks.rounds import Round, begin_round, end_round, inputs_sha256, read_rounds


class Plan(Record):
    """What to do next with a domain."""

    number: int
    due: bool
    unfinished: Round | None = None
    why: str


def remember_config(home: Home, path: Path) -> None:
    """Notes which config the last round used, for the commands that are given none."""
    write_atomically(home.root / "last_config.json", canonical_json({"config": str(path.resolve())}).encode())


def find_config(home: Home) -> Path:
    """`ratchet.yaml` in the current folder, or the config of the last round in this home.

    Raises:
        ConfigError: when there is neither.
    """
    here, note = Path("ratchet.yaml"), home.root / "last_config.json"
    if here.exists():
        return here
    if note.exists():
        return Path(json.loads(note.read_text(encoding="utf-8"))["config"])
    raise ConfigError(f"There is no ratchet.yaml here and no round in {home.root} yet: name the config with --config.")


def plan_round(config: Config, home: Home, rounds: int | None) -> Plan:
    """Which round is due, if any: an unfinished one first, then a new one.

    With `rounds` a new one is due until that many are finished in all. Without it, one is due when the config,
    the questions, the documents or the feedback have changed since the last round ended, or `ratchet monitor` has
    proposed questions since.

    Raises:
        DomainError: when the questions or documents cannot be used.
    """
    history = list(read_rounds(home, config.name))
    if history and history[-1][1] is None:
        number = history[-1][0].number
        return Plan(number=number, due=True, unfinished=history[-1][0], why=f"round {number} is unfinished")
    finished = len(history)
    if rounds is not None:
        return Plan(number=finished + 1, due=finished < rounds, why=f"{finished} of {rounds} rounds are finished")
    if not history:
        return Plan(number=1, due=True, why="no round has been run yet")
    last, end = history[-1]
    now = _inputs(config, home)
    changed = end is not None and end.inputs_sha256 != now
    if not changed:
        # Polars, which it needs, would cost each command that only looks for its config 0.15 s.
        from tasks.monitoring.proposals import are_waiting

        if are_waiting(config, home, last.number):
            why = f"questions of production were proposed since round {last.number}"
            return Plan(number=finished + 1, due=True, why=why)
    state = "has changed" if changed else "is as it was"
    why = f"the config, questions, documents or feedback {state} since round {last.number}"
    return Plan(number=finished + 1, due=changed, why=why)


def open_round(config: Config, home: Home, plan: Plan) -> Round:
    """The unfinished round, or a new one that starts from today's domain and champion.

    Raises:
        DomainError: when the questions or documents cannot be used.
        ModelError: when the base model cannot be found or loaded.
    """
    if plan.unfinished is not None:
        say(f"round {plan.number}: going on where it stopped")
        return plan.unfinished
    domain = load_domain(config, home)
    base = resolve_base(config.model, home)
    champion = ensure_champion(config, home, base)
    say(
        f"round {plan.number} of {domain.name}: {describe_questions(domain)}, {domain.documents.rows} documents; the "
        f"champion is version {champion.version}"
    )
    return begin_round(home, plan.number, domain, champion)


def close_round(config: Config, home: Home, opened: Round) -> None:
    """Marks the round as finished, and what it learned from as learned.

    That is the domain as it began with and the feedback as it was curated: what came in meanwhile is new.
    """
    name = opened.domain.name
    summary = read_summary(home.round(name, opened.number))
    segments = summary.segments if summary else ()
    learned = _log_sha256(home, name, segments, read_left_out(home.round(name, opened.number)))
    end_round(home, opened, inputs_sha256(config, opened.domain, learned), segments)


def _inputs(config: Config, home: Home) -> str:
    return inputs_sha256(config, load_domain(config, home), _log_sha256(home, config.name))


def _log_sha256(
    home: Home, domain: str, segments: Sequence[str] | None = None, left_out: Withdrawn | None = None
) -> str:
    from tasks.curation.incremental.digests import log_sha256

    return log_sha256(home, domain, segments, left_out)
