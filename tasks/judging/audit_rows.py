"""Of all judgements, the few that judges and people are measured by: a log can hold a million."""

from typing import TYPE_CHECKING

from tasks.feedback.sources import PEOPLE
from tasks.feedback.withdrawals import Withdrawn, without_withdrawn
from tasks.judging.calibration import POSITION_PAIRS

if TYPE_CHECKING:
    import polars as pl

_PAIR = ("question_id", "low", "high")


def rows_to_measure(said: "pl.LazyFrame", left_out: Withdrawn) -> "pl.DataFrame":
    """The judgements that stand and that measuring takes, one row for each id, sorted by id:

    all of people's; judges' on the pairs that people judged on the audit slice; and of each judge the first so many by
    id that it gave in both orders as position bias is measured on. A judge with none of these has one row all the
    same, so that it is not forgotten. `tasks.judging.calibration` finds the same on them as on all judgements.

    Args:
        said: judgements with the columns of WHOLE (tasks/feedback/event_frames.py), in any order, also such as were
            given anew or taken back since.
        left_out: what was withdrawn.
    """
    import polars as pl

    from tasks.feedback.event_frames import WHOLE, last_words

    heard = without_withdrawn(said.select(WHOLE.names()), left_out)
    compares = pl.col("candidate_a") != pl.col("candidate_b")
    judges = heard.filter(pl.col("source").str.starts_with("judge:") & compares)
    people = last_words(heard.filter(pl.col("source").is_in(PEOPLE)).collect())
    audited = _with_pair(people.filter(pl.col("audit") & ~pl.col("retracted") & compares)).select(_PAIR).unique()
    of_questions = pl.col("question_id").is_in(audited["question_id"].unique().implode())
    on_audit = _with_pair(judges.filter(of_questions).collect()).join(audited, on=_PAIR, how="semi")
    in_both_orders = judges.filter(pl.col("both_orders").is_not_null())
    ids = pl.concat([_first(in_both_orders, POSITION_PAIRS), _first(judges, 1)])
    first = judges.filter(pl.col("id").is_in(ids.implode())).collect()
    found = last_words(pl.concat([people, on_audit.select(WHOLE.names()), first]).unique())
    return found.filter(~pl.col("retracted"))


def _first(judges: "pl.LazyFrame", count: int) -> "pl.Series":
    """The ids of each judge's first verdicts."""
    import polars as pl

    ids = judges.select("source", "id").unique().group_by("source").agg(pl.col("id").bottom_k(count))
    return ids.collect()["id"].explode(empty_as_null=False)


def _with_pair(events: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    a, b = pl.col("candidate_a"), pl.col("candidate_b")
    return events.with_columns(low=pl.min_horizontal(a, b), high=pl.max_horizontal(a, b))
