"""What the command line shows of the people who label: each function returns a JSON object and lines of text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.printing import align
from tasks.config import Config
from tasks.evaluation.report_win_rates import win_rate_lines
from tasks.evaluation.round_win_rates import read_win_rates
from tasks.feedback import log
from tasks.feedback.end_users import END_USER, count_table, end_user_counts
from tasks.feedback.ingesting import LabelCounts, label_counts
from tasks.feedback.labels import LabelRequest
from tasks.feedback.pulling import pull_labels
from tasks.files import read_rows
from tasks.home import Home, find_home
from tasks.records import ArmReport, LabelDataset
from tasks.rounds import read_label_datasets, read_last

Shown = tuple[dict[str, Any], list[str]]


def fetch_labels(config: Config) -> Shown:
    """Brings the labels of people into the log, and shows how far the labelling has come.

    Raises:
        RatchetError: when people are not asked, or Argilla cannot be asked.
    """
    home = find_home()
    pulled = pull_labels(config, home)
    result, lines = labels_so_far(config, home)
    renewed, renewed_lines = renew(config, home)
    on_tests = [f"{pulled.test} new labels on test answers"] if pulled.test else []
    missing = [f"{name} is no longer in Argilla" for name in pulled.missing]
    result |= {"pull": pulled.model_dump(mode="json"), **renewed}
    return result, [f"{pulled.new} new labels", *on_tests, *missing, *lines, *renewed_lines]


def renew(config: Config, home: Home) -> Shown:
    """Writes the reports anew whose labels on test answers are others by now, and says which, with their win rates."""
    from tasks.evaluation.round_report import renew_reports

    renewed, lines = renew_reports(config, home), []
    for number in renewed:
        folder = home.round(config.name, number)
        lines += ["", f"Labels on test answers: the report of round {number} is written anew.", *_rates(folder)]
        lines.append(f"report: {folder / 'report' / 'report.html'}")
    return {"renewed_reports": renewed}, lines


def _rates(round_folder: Path) -> list[str]:
    report = read_last(round_folder, "evaluate", ArmReport)
    return win_rate_lines(read_win_rates(round_folder), report.head_to_head if report else None)


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
    """The labels that are in the logs, by round and annotator, those on test answers apart; all empty when people were
    never asked.
    """
    asked, on_tests = read_label_datasets(home, config.name)
    counts = _count_labels(home, config.name, asked)
    test_counts = _count_labels(home, log.for_tests(config.name), on_tests)
    result = {
        "labels": [each.model_dump(mode="json") for each in counts],
        "datasets": [each.model_dump(mode="json") for each in asked],
        "test_labels": [each.model_dump(mode="json") for each in test_counts],
        "test_datasets": [each.model_dump(mode="json") for each in on_tests],
    }
    tables = [*_table("labels of round", counts), *_table("labels on test answers of round", test_counts)]
    return result, tables


def _count_labels(home: Home, log_name: str, datasets: Sequence[LabelDataset]) -> list[LabelCounts]:
    if not datasets:
        return []
    requests = [row for dataset in datasets for row in read_rows(home.objects, dataset.requests, LabelRequest)]
    return label_counts(requests, log.read_last_words(home, log_name))


def _table(title: str, counts: Sequence[LabelCounts]) -> list[str]:
    rows = [[title, "annotator", "pushed", "answered", "agreed", "discarded"], *map(_row, counts)]
    return align(rows) if counts else []


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
