"""The judgements that judges and people are measured by: few of a million, found in the index of curation."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.curation.frames import EVENTS
from tasks.curation.incremental import runs
from tasks.curation.incremental.index import index_folder, read_index
from tasks.feedback.event_frames import WHOLE, last_words
from tasks.feedback.sources import PEOPLE
from tasks.feedback.withdrawals import Withdrawn, without_withdrawn
from tasks.home import Home
from tasks.judging.calibration import POSITION_PAIRS
from tasks.records import FileRef

_PAIR = ("question_id", "low", "high")


def read_measured(home: Home, domain: str) -> pl.DataFrame:
    """`measured_events` of a domain as it was curated last."""
    folder = index_folder(home, domain)
    index = read_index(folder)
    return measured_events(folder, index.events, index.left.withdrawn)


def measured_events(folder: Path, events: Sequence[FileRef], left_out: Withdrawn) -> pl.DataFrame:
    """EVENTS and what else a record has, of judgements that stand, one row for each id, sorted by id:

    all of people's; judges' on the pairs that people judged on the audit slice; and of each judge the first so many
    by id as position bias is measured on, and as many that it gave in both orders. On all judgements
    `tasks.judging.calibration` would find the same.

    Args:
        folder: where the index is.
        events: its runs of judgements.
    """
    said = runs.scan(folder, events, WHOLE).drop("place")
    judges = said.filter(pl.col("source").str.starts_with("judge:"))
    people = last_words(said.filter(pl.col("source").is_in(PEOPLE)).collect())
    audited = _with_pair(people.filter("audit")).select(_PAIR).unique()
    on_audit = _with_pair(
        judges.filter(pl.col("question_id").is_in(audited["question_id"].unique().implode())).collect()
    )
    ids = [_first(each) for each in (judges, judges.filter(pl.col("both_orders").is_not_null()))]
    first = judges.filter(pl.col("id").is_in(pl.concat(ids).implode())).collect()
    of_judges = [on_audit.join(audited, on=_PAIR, how="semi").select(WHOLE.names()), first]
    found = last_words(pl.concat([people, *of_judges]).unique())
    return without_withdrawn(found.filter(~pl.col("retracted")), left_out)


def count_judgements(home: Home, domain: str) -> dict[str, int]:
    """How many judgements stood, by source, when the domain was curated last."""
    folder = index_folder(home, domain)
    index = read_index(folder)
    rows = runs.scan(folder, index.events, EVENTS).drop("place").collect()
    standing = without_withdrawn(last_words(rows).filter(~pl.col("retracted")), index.left.withdrawn)
    counted = standing.group_by("source").agg(pl.len()).sort("source")
    return dict(zip(counted["source"], counted["len"], strict=True))


def _first(judges: pl.LazyFrame) -> pl.Series:
    """The ids of each judge's first verdicts."""
    ids = judges.select("source", "id").unique().group_by("source").agg(pl.col("id").bottom_k(POSITION_PAIRS))
    return ids.collect()["id"].explode(empty_as_null=False)


def _with_pair(events: pl.DataFrame) -> pl.DataFrame:
    a, b = pl.col("candidate_a"), pl.col("candidate_b")
    return events.with_columns(low=pl.min_horizontal(a, b), high=pl.max_horizontal(a, b))
