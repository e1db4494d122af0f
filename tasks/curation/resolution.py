"""Which judgements are heard on a pair of candidates: people before judges, and of people the majority."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tasks.curation.tallies import tally
from tasks.feedback.event_frames import with_canonical_ties
from tasks.feedback.sources import PEOPLE

REASONS = (
    "judgements_outranked_by_people",
    "judgements_superseded",
    "judgements_outvoted",
    "judgements_repeated",
    "judgements_undecided",
    "pairs_people_undecided",
)
PAIR = ("question_id", "low", "high")

_EPOCH = pl.lit(0).cast(pl.Datetime("us", "UTC"))


@dataclass(frozen=True)
class Resolved:
    """What is heard.

    Attributes:
        judgements: EVENTS with `voices_a` and `voices_b`, the weighted voices on the pair for each of the candidates
            (null where nobody has one), and `behind`, the sorted ids of the judgements that say what the row says.
        dropped: TALLIES of what is not heard, by rule.
    """

    judgements: pl.DataFrame
    dropped: pl.DataFrame


def resolve_judgements(events: pl.DataFrame, weights: Mapping[str, float] | None = None) -> Resolved:
    """One voice for each pair that people judged, and what was left out, by rule; the order changes nothing.

    A pair is a question and two candidates, whichever way round they were shown.

    judgements_outranked_by_people  Where people judged a pair, judges (and end users) are not heard on it, not even
                                    where people are undecided.
    judgements_superseded           A person has one vote on a pair: their latest answer.
    judgements_outvoted             The preference with strictly most votes wins, and its share of the votes is the
                                    confidence of the one judgement that stays.
    judgements_repeated             Votes for the winner besides that one.
    judgements_undecided            Votes on pairs where no preference wins; `pairs_people_undecided` counts the pairs.

    A correction outlives its author's vote: a row with one stays in any case, and where it is not the pair's voice, it
    says `tie`, so that it is counted for nothing but its correction. Such rows are not among those left out.
    Judgements on pairs that no person judged stay as they are, however many judges there are.

    Args:
        events: EVENTS, one row for each id, without retracted ones.
        weights: what a voice counts in `voices_a` and `voices_b`, 0 to 1, by source or by what stands before its
            colon, as `judge` for all judges; 1 for others.
    """
    rows = _oriented(events)
    votes = latest_votes(rows)
    outcomes = _outcomes(votes)
    supporters = votes.join(outcomes, on=PAIR).filter(pl.col("said") == pl.col("winner"))
    # Of equal voices one with a correction, so that a lone judgement stays the row that it is.
    spoken = supporters.sort(pl.col("correction").is_null(), "id").unique(PAIR, keep="first", maintain_order=True)
    behind = supporters.sort("id").group_by(PAIR, maintain_order=True).agg(behind="id")
    voices = spoken.join(behind, on=PAIR).select("id", "behind", share=pl.col("for_winner") / pl.col("votes"))
    marked = (
        rows.join(outcomes, on=PAIR, how="left")
        .join(voices, on="id", how="left")
        .join(votes.select("id", voted=True), on="id", how="left")
        .with_columns(judged=pl.col("votes").is_not_null(), is_voice=pl.col("share").is_not_null())
    )
    heard = ~pl.col("judged") | pl.col("is_voice") | pl.col("correction").is_not_null()
    kept = (
        marked.filter(heard)
        .with_columns(
            confidence=pl.coalesce("share", "confidence"),
            preference=pl.when(pl.col("judged") & ~pl.col("is_voice")).then(pl.lit("tie")).otherwise("preference"),
            behind=pl.coalesce("behind", pl.concat_list("id")),
        )
        .join(_count_voices(rows, votes, weights or {}), on=PAIR, how="left")
        .with_columns(
            voices_a=pl.when("turned").then("voices_high").otherwise("voices_low"),
            voices_b=pl.when("turned").then("voices_low").otherwise("voices_high"),
        )
        .select(*events.columns, "voices_a", "voices_b", "behind")
    )
    dropped = marked.filter(~heard).with_columns(reason=_why_dropped())
    undecided = outcomes.filter(pl.col("winner").is_null())
    return Resolved(kept, pl.concat([tally(dropped), tally(undecided, "pairs_people_undecided")]))


def latest_votes(rows: pl.DataFrame) -> pl.DataFrame:
    """People's rows, of each person the latest on a pair: the one edited last, whichever round asked."""
    people = rows.filter("person").with_columns(who=who(), edited=pl.col("given_at").fill_null(_EPOCH))
    once = (*PAIR, "source", "who")
    return latest(people, once)


def latest(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Of the rows with equal `by` the one given last; `rows` has `edited`, the time."""
    recency = ("edited", "round")
    tied = with_canonical_ties(rows, (*by, *recency))
    return tied.sort(*recency, "canonical").unique(by, keep="last", maintain_order=True).drop("canonical")


def who() -> pl.Expr:
    """Who gave a judgement, beside its source; one without an annotator is somebody's of its own."""
    named = pl.col("annotator").is_not_null() & (pl.col("annotator") != "")
    return pl.when(named).then("annotator").otherwise("id")


def _oriented(events: pl.DataFrame) -> pl.DataFrame:
    """The rows with their pair, smaller candidate id first, and what each says of it: `a` is the smaller."""
    turned = pl.col("candidate_a") > pl.col("candidate_b")
    opposite = pl.col("preference").replace({"a": "b", "b": "a"})
    return events.with_columns(
        person=pl.col("source").is_in(PEOPLE),
        turned=turned,
        low=pl.when(turned).then("candidate_b").otherwise("candidate_a"),
        high=pl.when(turned).then("candidate_a").otherwise("candidate_b"),
        said=pl.when(turned).then(opposite).otherwise("preference"),
    )


def _outcomes(votes: pl.DataFrame) -> pl.DataFrame:
    """For each pair that people judged `winner` (null where none has most votes), `for_winner` and `votes`."""
    counted = votes.group_by(*PAIR, "said").agg(n=pl.len())
    most = pl.col("n") == pl.col("n").max()
    return counted.group_by(PAIR).agg(
        winner=pl.when(most.sum() == 1).then(pl.col("said").filter(most).first()),
        for_winner=pl.col("n").max(),
        votes=pl.col("n").sum(),
    )


def _count_voices(rows: pl.DataFrame, votes: pl.DataFrame, weights: Mapping[str, float]) -> pl.DataFrame:
    """`voices_low` and `voices_high` of each pair: all who prefer one, judges whom people outrank among them."""
    others = rows.filter(~pl.col("person"))
    # In millionths: sums of whole numbers do not depend on the order of the rows.
    millionths = {source: round(weight * 1e6) for source, weight in weights.items()}
    before_colon = pl.col("source").str.split(":").list.first()
    of_kind = before_colon.replace_strict(millionths, default=1_000_000, return_dtype=pl.Int64)
    weight = pl.col("source").replace_strict(millionths, default=of_kind, return_dtype=pl.Int64)
    voices = pl.concat([votes.select(rows.columns), others]).filter(pl.col("said").is_in(["a", "b"]))
    return (
        voices.with_columns(weight=weight)
        .group_by(PAIR)
        .agg(
            voices_low=pl.col("weight").filter(pl.col("said") == "a").sum() / 1e6,
            voices_high=pl.col("weight").filter(pl.col("said") == "b").sum() / 1e6,
        )
    )


def _why_dropped() -> pl.Expr:
    return (
        pl.when(~pl.col("person"))
        .then(pl.lit("judgements_outranked_by_people"))
        .when(pl.col("voted").is_null())
        .then(pl.lit("judgements_superseded"))
        .when(pl.col("winner").is_null())
        .then(pl.lit("judgements_undecided"))
        .when(pl.col("said") == pl.col("winner"))
        .then(pl.lit("judgements_repeated"))
        .otherwise(pl.lit("judgements_outvoted"))
    )
