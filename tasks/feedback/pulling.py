"""What people answered: fetching it from Argilla into the feedback log, and waiting for it."""

import os
import secrets
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.feedback import log
from tasks.feedback.ingesting import reconcile
from tasks.feedback.label_server import find_connection
from tasks.feedback.labels import LabelRequest
from tasks.feedback.pull_lock import one_pull_at_a_time
from tasks.feedback.sources import is_person
from tasks.files import canonical_json, read_rows, write_atomically
from tasks.home import Home, make_writable
from tasks.progress import listed, say
from tasks.records import Count, FeedbackBatch, LabelDataset, Record
from tasks.rounds import read_label_datasets

if TYPE_CHECKING:
    from argilla import Argilla

POLL_S = 3.0


class LabelPull(Record):
    """What one look at Argilla brought.

    Attributes:
        new: judgements, edits and retractions that the log did not have.
        test: the same, on the answers to test questions; they are in a log of their own.
        skipped: what could not be used, by reason.
        missing: names of datasets that are no longer in Argilla; what was said in them stays in the log.
    """

    new: Count
    test: Count = 0
    skipped: dict[str, Count]
    missing: tuple[str, ...] = ()


class _Seen(Record):
    """How a dataset was when it was last pulled.

    Attributes:
        activity: the last activity in it, by Argilla's clock; None: it was gone.
    """

    activity: AwareDatetime | None


def pull_labels(config: Config, home: Home) -> LabelPull:
    """Brings what people have submitted, edited or taken back since the last pull into the feedback logs: what is said
    of answers to test questions into a log of its own, for it measures and nothing learns from it.

    Any number of pulls, at once or killed midway, leave the same judgements in the log. A dataset in which nothing
    happened costs one request.

    Raises:
        UnreachableError: when Argilla does not answer.
        ArgillaError: when it refuses, or somebody changed a dataset's questions.
    """
    datasets = _asked_in(home, config.name)
    if config.human_feedback.argilla is None or not datasets:
        return LabelPull(new=0, skipped={})
    from tasks.feedback.argilla_store import connect

    client = connect(find_connection(config, home))
    new, skipped, missing = Counter[str](), Counter[str](), []
    for log_name, dataset in datasets:
        with one_pull_at_a_time(home, config.name):
            pulled = _pull_dataset(client, home, log_name, dataset)
        if pulled is None:
            missing.append(dataset.name)
        else:
            new[log_name] += pulled[0]
            skipped.update(pulled[1])
    test = new[log.for_tests(config.name)]
    if new.total() or skipped:
        on_test = f", {test} of them on test answers" if test else ""
        say(f"labels: {new.total()} new{on_test} ({listed(skipped) or 'none'} skipped)")
    return LabelPull(new=new[config.name], test=test, skipped=dict(skipped), missing=tuple(missing))


def _asked_in(home: Home, domain: str) -> list[tuple[str, LabelDataset]]:
    """Every dataset that people were asked in, with the name of the log that their answers belong in."""
    asked, on_tests = read_label_datasets(home, domain)
    return [*((domain, dataset) for dataset in asked), *((log.for_tests(domain), dataset) for dataset in on_tests)]


def wait_for_labels(config: Config, home: Home, batch: FeedbackBatch, needed: int) -> None:
    """Returns when people have given `needed` labels in this round; shows how many there are and where to give them.

    Raises:
        ConfigError: when people are not asked, or were asked for fewer labels than that.
        UnreachableError: when Argilla does not answer.
    """
    datasets = batch.label_datasets
    possible = sum(dataset.requests.rows * (2 if dataset.audit else 1) for dataset in datasets)
    if needed > possible:
        raise ConfigError(
            f"Round {batch.round} asks people for {possible} labels, fewer than the {needed} to wait for: "
            "wait for fewer, or raise human_feedback.labels for the next round."
        )
    for dataset in datasets:
        say(f"labels: {dataset.requests.rows} records to answer at {dataset.url}")
    given, counted = -1, None
    while given < needed:
        if counted is not None:
            time.sleep(POLL_S)
        pull_labels(config, home)
        # Another process may have pulled, too, so the log says whether there is anything to count again.
        if (segments := log.segments(home, config.name)) == counted:
            continue
        counted, before = segments, given
        given = sum(is_person(row) and row.round == batch.round for row in log.read(home, config.name, segments))
        if given != before:
            say(f"labels: {min(given, needed)} of {needed} given" + ("" if given >= needed else ", waiting"))


def _pull_dataset(
    client: "Argilla", home: Home, log_name: str, dataset: LabelDataset
) -> tuple[int, dict[str, int]] | None:
    """How many rows were new and what was skipped; None when the dataset is gone."""
    from tasks.feedback.argilla_store import dataset_activity, pull_responses

    note = home.feedback_log(log_name) / "pulled" / f"{dataset.id}.json"
    before = _read_note(note)
    # Read before the responses: what is said in between is fetched again by the next pull, not missed.
    now = _Seen(activity=dataset_activity(client, dataset.id))
    if now.activity is None:
        if before != now:
            say(f"labels: {dataset.name} is no longer in Argilla: its labels stay in the log, and no others come")
            write_atomically(note, canonical_json(now).encode())
        return None
    if before == now:
        return 0, {}
    pulled = pull_responses(client, dataset.id)
    rows, skipped = reconcile(
        read_rows(home.objects, dataset.requests, LabelRequest),
        pulled.responses,
        log.read_last_words(home, log_name),
        dataset=dataset,
        present_users=pulled.present_users,
        present_records=pulled.present_records,
        as_of=now.activity,
        salt=annotator_salt(home),
    )
    if rows:
        log.append(home, log_name, rows)
    write_atomically(note, canonical_json(now).encode())
    return len(rows), skipped


def _read_note(note: Path) -> _Seen | None:
    """The note; None when there is none that can be read, and the dataset is pulled as if for the first time."""
    try:
        return _Seen.model_validate_json(note.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def annotator_salt(home: Home) -> str:
    """The home's secret from which the opaque ids of annotators are made, so that nobody can tell them from a list.

    Raises:
        HomeError: when the home cannot be written.
    """
    path = home.root / "annotator_salt"
    if not path.exists():
        make_writable(home)
        descriptor, temporary = tempfile.mkstemp(dir=home.root)  # readable by its owner only
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        # A link, for it fails where another process was faster: there can be one salt only.
        with suppress(FileExistsError):
            os.link(temporary, path)
        Path(temporary).unlink()
    return path.read_text(encoding="ascii")
