"""What the command line shows of where feedback went, and taking it back: JSON objects and lines of text."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.people import renew
from flows.printing import align
from tasks.config import Config
from tasks.errors import RatchetError
from tasks.feedback import log
from tasks.feedback.withdrawals import withdraw as write_withdrawal
from tasks.feedback.withdrawals import withdrawn
from tasks.home import Home, find_home
from tasks.records import ModelVersion

if TYPE_CHECKING:
    import polars as pl

    from tasks.lineage.tracing import Trace

Shown = tuple[dict[str, Any], list[str]]


def trace(config: Config, feedback: str) -> Shown:
    """What saw a judgement: snapshots, adapters and versions.

    Args:
        feedback: its id, or at least the first 8 digits of it.

    Raises:
        RatchetError: when no judgement, or more than one, has such an id.
    """
    from tasks.lineage.judgements import find_feedback, read_judgements

    home = find_home()
    judgements, on_tests = read_judgements(home, config.name), read_judgements(home, log.for_tests(config.name))
    everything = judgements.vstack(on_tests)
    feedback_id = find_feedback(everything, feedback)
    (facts, *_) = (
        everything.filter(everything["id"] == feedback_id).sort("round", descending=True).iter_rows(named=True)
    )
    only_measures = feedback_id in on_tests["id"]
    left_out = withdrawn(home, config.name)
    found = _trace(config, home, frozenset({feedback_id}), judgements)
    gone = feedback_id in left_out.feedback or facts["annotator"] in left_out.annotators
    state = "withdrawn" if gone else "retracted by its author" if facts["retracted"] else "counts"
    lines = [
        f"Feedback {feedback_id}",
        f"  {_whose(facts['source'], facts['annotator'])} on question {facts['question_id']}, round {facts['round']}; "
        f"{state}",
        *([_only_measures(facts["round"])] if only_measures else _trace_lines(found)),
    ]
    named = {name: facts[name] for name in ("source", "annotator", "question_id", "round", "retracted")}
    named |= {"withdrawn": gone, "only_measures": only_measures}
    return {"feedback": feedback_id, **named, **found.model_dump(mode="json")}, lines


def _only_measures(round_number: int) -> str:
    return (
        "  it only measures: given on the answers of challenger and champion to a test question, it counts for the win "
        f"rates of round {round_number}, and no snapshot, adapter or version learns from it"
    )


def withdraw(config: Config, config_path: Path, user: str | None, feedback: str | None, undo: bool) -> Shown:
    """Keeps a judgement, or all of a person's, out of every later snapshot, or lets it in again.

    Args:
        user: an opaque id, an end user's name, or a username in Argilla.
        feedback: a judgement's id, or at least the first 8 digits of it; this or `user`.

    Raises:
        RatchetError: when it is nobody's name, or no judgement's id.
    """
    from tasks.feedback.annotators import find_annotator
    from tasks.lineage.judgements import find_feedback, ids_of_annotators, read_judgements

    if (user is None) == (feedback is None):
        raise RatchetError("Nothing, or too much, is named to be withdrawn: give either a user or a feedback id.")
    home = find_home()
    judgements = read_judgements(home, config.name)
    everything = judgements.vstack(read_judgements(home, log.for_tests(config.name)))
    if user is not None:
        annotator = find_annotator(config, home, user, set(everything["annotator"].drop_nulls().to_list()))
        ids = ids_of_annotators(everything, (annotator,))
        subject: dict[str, Any] = {"annotator": annotator}
        what = f"{len(ids)} judgements of annotator {annotator}, and any that may come"
    else:
        assert feedback is not None
        feedback_id = find_feedback(everything, feedback)
        ids, subject, what = frozenset({feedback_id}), {"feedback_id": feedback_id}, f"feedback {feedback_id}"
    changed = write_withdrawal(home, config.name, **subject, restored=undo)
    found = _trace(config, home, ids, judgements)
    done = ("Restored" if changed else "Not withdrawn") if undo else ("Withdrawn" if changed else "Withdrawn before")
    result = {**subject, "judgements": len(ids), "withdrawn": not undo, "changed": changed}
    command = f"ratchet round {config_path}"
    next_step = [f"The next round learns from it again: `{command}`."]
    if not undo:
        next_step = _rebuild_lines(config, home, found, command)
    renewed, renewed_lines = renew(config, home)
    lines = [f"{done}: {what}", *_trace_lines(found), *next_step, *renewed_lines]
    return {**result, **found.model_dump(mode="json"), "rebuild": command, **renewed}, lines


def feedback_behind_version(config: Config, home: Home, version: ModelVersion) -> Shown:
    """The feedback that a version learned from, itself or by descent: by source and annotator; with ids in JSON.

    Raises:
        IntegrityError: when a segment of the log is damaged.
        RatchetError: when MLflow cannot be reached.
    """
    from tasks.lineage.behind import feedback_behind
    from tasks.lineage.judgements import read_judgements
    from tasks.lineage.tracing import known_adapters
    from tasks.registry.mlflow_registry import list_versions

    adapters = known_adapters(home, config.name, list_versions(config, home))
    judgements, left_out = read_judgements(home, config.name), withdrawn(home, config.name)
    behind = feedback_behind(home, version, adapters, judgements, left_out)
    rows = [["feedback behind it", "annotator", "own", "inherited"]]
    rows += [[each.source, each.annotator or "-", str(each.own), str(each.inherited)] for each in behind.shares]
    lines = align(rows) if behind.shares else ["No feedback is behind it: it learned from reference answers alone."]
    if behind.withdrawn:
        lines.append(f"{len(behind.withdrawn)} of these judgements were withdrawn since: a new round leaves them out.")
    return behind.model_dump(mode="json"), [*lines, *behind.unknown]


def _trace(config: Config, home: Home, ids: frozenset[str], judgements: "pl.DataFrame") -> "Trace":
    from tasks.lineage.tracing import trace as trace_ids
    from tasks.registry.mlflow_registry import list_versions

    return trace_ids(home, config.name, ids, judgements, list_versions(config, home))


def _whose(source: str, annotator: str | None) -> str:
    return f"by {source}" if annotator is None else f"by {source} {annotator}"


def _trace_lines(found: "Trace") -> list[str]:
    """A line for each snapshot, adapter and version; what cannot be read comes last."""
    lines = []
    for each in found.snapshots:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in each.rows.items())
        rounds = f" (round {', '.join(map(str, each.rounds))})" if each.rounds else ""
        use = f"rows that come from it: {kinds}" if kinds else "read it, and no row comes from it"
        lines.append(f"  snapshot {each.sha256[:12]}{rounds}: {use}")
    for adapter in found.adapters:
        how = "descends from one that was trained on it" if adapter.inherited else "trained on it"
        lines.append(f"  adapter {adapter.sha256[:12]} (round {adapter.round}): {how}")
    for version in found.versions:
        aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
        how = "descends from one that learned from it" if version.inherited else "learned from it"
        lines.append(f"  version {version.version}{aliases}: {how}")
    return [*(lines or ["  nothing has seen it"]), *(f"  unknown: {sentence}" for sentence in found.unknown)]


def _rebuild_lines(config: Config, home: Home, found: "Trace", command: str) -> list[str]:
    """Who still gets a model that learned from what was withdrawn, and which command makes one that did not."""
    from tasks.lineage.starting import choose_start
    from tasks.registry import mlflow_registry as registry

    champion = registry.read_alias(config, home, registry.CHAMPION_ALIAS)
    affected = {each.version for each in found.versions}
    if champion is None or champion.version not in affected:
        learned = "No version learned from it" if not affected else "The champion did not learn from it"
        return [f"{learned}; later snapshots are built without it: `{command}` when there are to be new ones."]
    start = choose_start(config, home, champion)
    origin = "the base model" if start.adapter is None else f"version {start.version}"
    lines = [
        f"The champion, version {champion.version}, learned from it. To rebuild: `{command}` curates without it,",
        f"trains from {origin}, and promotes what comes of it when it is proven better than the champion.",
    ]
    entries = {each.version.version: each for each in registry.list_versions(config, home)}
    previous = entries[champion.version].previous_champion
    if previous is not None:
        how = "learned from it as well" if previous in affected else "did not learn from it"
        lines.append(f"At once: `ratchet rollback` gives consumers version {previous} again, which {how}.")
    return lines
