"""What the command line shows of the people who label: each function returns a JSON object and lines of text."""

from typing import Any

from flows.printing import align
from tasks.config import Config
from tasks.feedback import log
from tasks.feedback.end_users import END_USER, count_table, end_user_counts
from tasks.feedback.ingesting import LabelCounts, label_counts
from tasks.feedback.labels import LabelRequest
from tasks.feedback.pulling import pull_labels
from tasks.files import read_rows
from tasks.home import Home, find_home
from tasks.rounds import read_batches

Shown = tuple[dict[str, Any], list[str]]


def fetch_labels(config: Config) -> Shown:
    """Brings the labels of people into the log, and shows how far the labelling has come.

    Raises:
        RatchetError: when people are not asked, or Argilla cannot be asked.
    """
    home = find_home()
    pulled = pull_labels(config, home)
    result, lines = labels_so_far(config, home)
    missing = [f"{name} is no longer in Argilla" for name in pulled.missing]
    return {**result, "pull": pulled.model_dump(mode="json")}, [f"{pulled.new} new labels", *missing, *lines]


def let_oracle_answer(config: Config) -> Shown:
    """Has the oracle answer what people were asked, in their place.

    Raises:
        RatchetError: when nothing was asked, or Argilla cannot be reached.
    """
    from tasks.feedback.oracle import answer_as_oracle

    answered = answer_as_oracle(config, find_home())
    return {"domain": config.name, "answered": answered}, [f"The oracle answered {answered} records."]


def add_annotator(config: Config, username: str) -> Shown:
    """Makes an account for somebody who labels; its password is shown this once.

    Raises:
        RatchetError: when people are not asked, or Argilla refuses or cannot be reached.
    """
    from tasks.feedback.argilla_connection import connect
    from tasks.feedback.argilla_people import create_annotator
    from tasks.feedback.label_server import find_connection

    connection = find_connection(config, find_home())
    password = create_annotator(connect(connection), connection, username)
    result = {"url": connection.shown_url, "username": username, "password": password}
    where = f"{username} may label in workspace {connection.workspace} at {connection.shown_url}"
    lines = [where, f"password: {password}" if password else "The account was there before and keeps its password."]
    return result, lines


def labels_so_far(config: Config, home: Home) -> Shown:
    """The labels that are in the log, by round and annotator; both empty when people were never asked."""
    datasets = [dataset for batch in read_batches(home, config.name) for dataset in batch.label_datasets]
    if not datasets:
        return {"labels": [], "datasets": []}, []
    requests = [row for dataset in datasets for row in read_rows(home.objects, dataset.requests, LabelRequest)]
    counts = label_counts(requests, log.read_last_words(home, config.name))
    result = {
        "labels": [each.model_dump(mode="json") for each in counts],
        "datasets": [each.model_dump(mode="json") for each in datasets],
    }
    rows = [["labels of round", "annotator", "pushed", "answered", "agreed", "discarded"], *map(_row, counts)]
    return result, align(rows)


def end_users_so_far(config: Config, home: Home) -> Shown:
    """The thumbs and edits of end users that are in the log, by month; no lines when there are none."""
    from tasks.feedback.event_frames import to_records

    events = log.read_frame(home, config.name)
    counts = end_user_counts(to_records(events.filter(events["source"] == END_USER)))
    result = {"end_users": [each.model_dump(mode="json") for each in counts]}
    return result, align(count_table(counts)) if counts else []


def _row(counts: LabelCounts) -> list[str]:
    figures = (counts.pushed, counts.answered, counts.agreed, counts.discarded)
    return [str(counts.round), counts.annotator or "everyone", *map(str, figures)]
