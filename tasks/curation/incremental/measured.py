"""The judgements that judges and people are measured by: few of a million, found in the index of curation."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.curation.frames import EVENTS
from tasks.curation.incremental import runs
from tasks.curation.incremental.index import index_folder, read_index
from tasks.feedback.event_frames import WHOLE, last_words
from tasks.feedback.withdrawals import Withdrawn, without_withdrawn
from tasks.home import Home
from tasks.judging.audit_rows import rows_to_measure
from tasks.records import FileRef


def read_measured(home: Home, domain: str) -> pl.DataFrame:
    """`measured_events` of a domain as it was curated last."""
    folder = index_folder(home, domain)
    index = read_index(folder)
    return measured_events(folder, index.events, index.left.withdrawn)


def measured_events(folder: Path, events: Sequence[FileRef], left_out: Withdrawn) -> pl.DataFrame:
    """`rows_to_measure` of the index in `folder`, of its runs of judgements `events`."""
    return rows_to_measure(runs.scan(folder, events, WHOLE).drop("place"), left_out)


def count_judgements(home: Home, domain: str) -> dict[str, int]:
    """How many judgements stood, by source, when the domain was curated last."""
    folder = index_folder(home, domain)
    index = read_index(folder)
    rows = runs.scan(folder, index.events, EVENTS).drop("place").collect()
    standing = without_withdrawn(last_words(rows).filter(~pl.col("retracted")), index.left.withdrawn)
    counted = standing.group_by("source").agg(pl.len()).sort("source")
    return dict(zip(counted["source"], counted["len"], strict=True))
