"""What end users said of production answers: fetching it from MLflow and from files into the feedback log.

Any number of pulls, at once or killed midway, leave the same feedback. Questions and candidates are kept before the
feedback that speaks of them, and the notes of what was read are written last: what a killed pull did not note is read
again by the next one, and is no news where it had reached the log.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import AwareDatetime, Field

from tasks.config import Config
from tasks.domain.questions import read_questions
from tasks.errors import DomainError, raise_collected
from tasks.feedback.end_user_log import Adding, add, append, last_words
from tasks.feedback.end_users import take, taken_back, texts_of
from tasks.feedback.production_files import FileSeen, match_files, read_drop
from tasks.feedback.pull_lock import one_pull_at_a_time
from tasks.feedback.pulling import annotator_salt
from tasks.files import canonical_json, sha256_of, write_atomically
from tasks.home import Home
from tasks.progress import listed, say, track
from tasks.records import Count, Feedback, Record, Sha256
from tasks.registry.connection import connect, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tasks.feedback.production_traces import TraceReactions

_TRACES_AT_ONCE = 100  # whose contents are in memory together
_LINES_AT_ONCE = 20_000  # of a file, whose feedback is in memory together

NoteType = TypeVar("NoteType", bound=Record)
Item = TypeVar("Item")


class EndUserPull(Record):
    """What one look at production brought.

    Attributes:
        new: thumbs, edits, changes of them and retractions that the log did not have.
        skipped: what could not be used, by reason.
    """

    new: Count
    skipped: dict[str, Count]


class FilesNote(Record):
    """The files as they were read last, by path relative to the config's folder."""

    files: dict[str, FileSeen] = Field(default_factory=dict)


class TraceNote(Record):
    """A rated trace as it was read last.

    Attributes:
        rows: the judgements it gave, and when by the log's last word each was given.
    """

    requested_at: AwareDatetime
    fingerprint: str
    rows: dict[Sha256, AwareDatetime]


class TracesNote(Record):
    """The rated traces of an experiment that began within the look-back, by id."""

    traces: dict[str, TraceNote] = Field(default_factory=dict)


def pull_end_user_feedback(config: Config, home: Home) -> EndUserPull:
    """Brings the thumbs and edits since the last pull into the feedback log, and says what it could not use.

    A file that did not grow is not opened. MLflow is asked for the rated traces that began in the last
    `end_users.look_back_days` (the first time: ever), and only those with other assessments than before are read: a
    thumb that comes, changes or goes later than that after its answer is not seen.

    Raises:
        DomainError: when the domain's questions cannot be used, or with every problem of the files; what other files
            and MLflow hold is in the log then.
        ConfigError: when MLflow has no such experiment, or it is the domain's own.
        UnreachableError: when the MLflow server does not answer.
        RatchetError: when MLflow refuses.
        HomeError: when the home cannot be written.
    """
    settings = config.end_users
    if settings.mlflow_experiment is None and not settings.files:
        return EndUserPull(new=0, skipped={})
    texts = texts_of(read_questions(config.question_files, config.test_share))
    with one_pull_at_a_time(home, config.name):
        into = Adding(home, config.name, texts, annotator_salt(home))
        problems = _pull_files(into, config.root, settings.files)
        if settings.mlflow_experiment is not None:
            _pull_traces(into, config, timedelta(days=settings.look_back_days))
    skipped = dict(+into.skipped)
    if into.new or skipped:
        say(f"end users: {into.new} new ({listed(skipped) or 'none'} skipped)")
    raise_collected(DomainError, problems)
    return EndUserPull(new=into.new, skipped=skipped)


def _pull_files(into: Adding, root: Path, globs: Sequence[str]) -> list[str]:
    """Adds what is new in the files; returns the problems of those that cannot be used, which are left as they are."""
    path = _notes(into) / "end_user_files.json"
    note = _read_note(path, FilesNote) or FilesNote()
    problems: list[str] = []
    files, unmatched = match_files(root, globs)
    for pattern in unmatched:
        say(f"end users: no file matches {pattern!r} in {root}")
    for name, file in files.items():
        try:
            drop = read_drop(file, note.files.get(name))
        except DomainError as error:
            problems += error.problems
            continue
        if drop is None:
            continue
        for part in _batches(drop.reactions, _LINES_AT_ONCE):
            add(into, [take(part, into.texts, into.salt)])
        into.skipped["unfinished_lines"] += drop.unfinished
        note = FilesNote(files={**note.files, name: drop.seen})
        write_atomically(path, canonical_json(note).encode())
    return problems


def _pull_traces(into: Adding, config: Config, look_back: timedelta) -> None:
    from tasks.feedback.production_traces import find_production_experiment, find_rated, read_rated

    start = datetime.now(UTC) - look_back
    with connect(config, into.home) as client:
        experiment = find_production_experiment(client, config)
        server = without_password(str(client.tracking_uri))
        path = _notes(into) / f"end_user_traces-{sha256_of([server, experiment])[:16]}.json"
        note = _read_note(path, TracesNote)
        known = note.traces if note else {}
        traces = dict(known)
        listed_now: set[str] = set()
        changed: list[str] = []
        for trace in find_rated(client, experiment, start if note else None):
            listed_now.add(trace.id)
            if trace.id not in known or known[trace.id].fingerprint != trace.fingerprint:
                changed.append(trace.id)
        # What is no longer listed has lost its thumbs and edits, or is gone with them.
        vanished = [name for name, each in known.items() if name not in listed_now and each.requested_at >= start]
        undone: dict[str, datetime] = {}
        for batch in _tracked([*changed, *vanished]):
            found = read_rated(client, experiment, batch)
            into.skipped["unreadable_traces"] += len(listed_now.intersection(batch) - {each.trace.id for each in found})
            noted = _add_traces(into, found)
            _find_undone(noted, known, undone)
            traces |= noted
        for name in vanished:
            del traces[name]  # once it is rated again it is listed again
        if undone:
            _take_back(into, client, experiment, undone, traces)
    kept = TracesNote(traces={name: each for name, each in traces.items() if each.requested_at >= start})
    if kept != note:
        write_atomically(path, canonical_json(kept).encode())


def _add_traces(into: Adding, found: Sequence["TraceReactions"]) -> dict[str, TraceNote]:
    """Adds what was said of some traces; returns how they are now, by id."""
    taken = [take(each.reactions, into.texts, into.salt) for each in found]
    for each in found:
        into.skipped.update(each.skipped)
    words = add(into, taken)
    return {each.trace.id: _note(each, rows.feedback, words) for each, rows in zip(found, taken, strict=True)}


def _find_undone(noted: Mapping[str, TraceNote], known: Mapping[str, TraceNote], undone: dict[str, datetime]) -> None:
    """Adds to `undone` the judgements on these traces whose last word is gone, and when it was given."""
    for name in noted.keys() & known.keys():
        for judgement, given_at in known[name].rows.items():
            left = noted[name].rows.get(judgement)
            if left is None or left < given_at:
                undone[judgement] = max(given_at, undone.get(judgement, given_at))


def _take_back(
    into: Adding,
    client: "MlflowClient",
    experiment: str,
    undone: Mapping[str, datetime],
    traces: dict[str, TraceNote],
) -> None:
    """Makes the log say what is left of judgements whose last word was deleted, be it on another trace."""
    from tasks.feedback.production_traces import read_rated

    others = [name for name, each in traces.items() if not each.rows.keys().isdisjoint(undone)]
    found = [each for batch in _batches(others, _TRACES_AT_ONCE) for each in read_rated(client, experiment, batch)]
    said = [take(each.reactions, into.texts, into.salt).feedback for each in found]
    present = [row for rows in said for row in rows]
    append(into, taken_back(undone, present, last_words(into, undone)))
    words = last_words(into, [row.id for row in present])
    traces |= {each.trace.id: _note(each, rows, words) for each, rows in zip(found, said, strict=True)}


def _note(found: "TraceReactions", rows: Iterable[Feedback], words: Mapping[str, Feedback]) -> TraceNote:
    noted = {}
    for row in rows:
        last = words.get(row.id, row)
        # A word that counts again after a later one was deleted stands in the log with a later time.
        restored = last.model_copy(update={"given_at": row.given_at}) == row
        given_at = last.given_at if restored else row.given_at
        if given_at is not None:
            noted[row.id] = given_at
    return TraceNote(requested_at=found.trace.requested_at, fingerprint=found.trace.fingerprint, rows=noted)


def _notes(into: Adding) -> Path:
    return into.home.feedback_log(into.domain) / "pulled"


def _read_note(path: Path, note_type: type[NoteType]) -> NoteType | None:
    """The note; None when there is none that can be read, and everything is read as if for the first time."""
    try:
        return note_type.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _tracked(trace_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The traces in batches; shows how far they are read when there are several."""
    if len(trace_ids) <= _TRACES_AT_ONCE:
        yield from _batches(trace_ids, _TRACES_AT_ONCE)
        return
    with track("production traces", len(trace_ids)) as advance:
        for batch in _batches(trace_ids, _TRACES_AT_ONCE):
            yield batch
            advance(len(batch))


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
