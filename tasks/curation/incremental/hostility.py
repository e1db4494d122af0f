"""Who disagrees with everyone, kept up to date: agreement is counted again only for questions with news.

The rule is that of tasks/curation/annotators.py; how often people agree adds up over questions.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from tasks.curation.annotators import STATISTICS, add_agreement, annotator_agreement, hostile_annotators
from tasks.curation.frames import EVENTS
from tasks.curation.incremental import runs
from tasks.curation.incremental.index import Index
from tasks.feedback.event_frames import last_words
from tasks.feedback.sources import PEOPLE
from tasks.feedback.withdrawals import Withdrawn, without_withdrawn
from tasks.records import FileRef
from tasks.settings.curation import AnnotatorSettings


def count_agreement(
    folder: Path, before: Index, events: Sequence[FileRef], left_out: Withdrawn, touched: Collection[str]
) -> pl.DataFrame:
    """STATISTICS of all people's words in `events`, from those that `before` has and the touched questions.

    Args:
        touched: questions on which something was said or withdrawn since `before`.
    """
    by_people = pl.col("source").is_in(PEOPLE)
    if before.agreement is None:
        return annotator_agreement(_standing([runs.scan(folder, events, EVENTS).filter(by_people).collect()], left_out))
    places = runs.with_place(pl.DataFrame({"question_id": sorted(touched)}, schema={"question_id": pl.String}))["place"]
    wanted = by_people & pl.col("place").is_in(places.implode())
    # Most runs are read for both.
    said = {run: runs.scan(folder, [run], EVENTS).filter(wanted).collect() for run in {*before.events, *events}}
    was = annotator_agreement(_standing([said[run] for run in before.events], before.left.withdrawn))
    now = annotator_agreement(_standing([said[run] for run in events], left_out))
    known = pl.read_parquet(runs.run_path(folder, before.agreement)).select(STATISTICS.names())
    gone = was.with_columns(-pl.col("comparisons"), -pl.col("agreed"))
    return add_agreement(known, gone, now).filter(pl.col("comparisons") > 0)


def find_hostile(statistics: pl.DataFrame, settings: AnnotatorSettings) -> tuple[tuple[str, str, str], ...]:
    """Source, opaque id and reason of annotators who disagree with everyone, sorted."""
    flagged = hostile_annotators(
        statistics, min_comparisons=settings.min_comparisons, min_agreement=settings.min_agreement
    )
    return tuple(flagged.select("source", "annotator", "why").sort(pl.all()).iter_rows())


def _standing(said: Sequence[pl.DataFrame], left_out: Withdrawn) -> pl.DataFrame:
    """EVENTS that stand."""
    words = last_words(pl.concat([EVENTS.to_frame(), *(each.select(EVENTS.names()) for each in said)]))
    return without_withdrawn(words.filter(~pl.col("retracted")), left_out)
