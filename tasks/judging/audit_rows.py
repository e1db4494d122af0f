"""Of all judgements, the few that calibrating judges takes: records are slow to make, and a log can hold a million."""

from typing import TYPE_CHECKING

from tasks.feedback.sources import PEOPLE
from tasks.judging.calibration import POSITION_PAIRS
from tasks.records import Feedback

if TYPE_CHECKING:
    import polars as pl

_PAIR = ("question_id", "low", "high")


def rows_to_calibrate(events: "pl.DataFrame") -> list[Feedback]:
    """The judgements of a feedback log that `calibrate` looks at; on all of them it would find the same.

    People's on the audit slice, judges' on the same pairs, and judges' on so many pairs in both orders as position
    bias is measured on. A judge with none of these has one row all the same, so that it is not forgotten.

    Args:
        events: one row for each id, with `both_orders`, as `log.read_frame` gives it; retracted ones are left out.
    """
    import polars as pl

    from tasks.feedback.event_frames import to_records

    standing = events.filter(~pl.col("retracted") & (pl.col("candidate_a") != pl.col("candidate_b"))).with_columns(
        low=pl.min_horizontal("candidate_a", "candidate_b"), high=pl.max_horizontal("candidate_a", "candidate_b")
    )
    people = standing.filter(pl.col("source").is_in(PEOPLE) & pl.col("audit"))
    judges = standing.filter(pl.col("source").str.starts_with("judge:")).sort("id")
    in_both_orders = judges.filter(pl.col("both_orders").is_not_null()).group_by("source").head(POSITION_PAIRS)
    on_audit = judges.join(people.select(_PAIR).unique(), on=_PAIR, how="semi")
    one_of_each = judges.unique("source", keep="first", maintain_order=True)
    chosen = pl.concat(part.select(events.columns) for part in (people, on_audit, in_both_orders, one_of_each))
    return to_records(chosen.unique("id").sort("id"))
