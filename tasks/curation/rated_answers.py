"""Rated answers: prompts with one completion that was found good or bad, for KTO.

Thumbs on a single answer. An answer is its text: the same words sampled twice are one answer.
"""

import polars as pl

from tasks.curation.demonstrations import keep_first
from tasks.curation.filters.screening import Screened, screened
from tasks.curation.proposals import Proposed, row_columns
from tasks.curation.resolution import latest, who
from tasks.curation.tallies import tally
from tasks.curation.texts import comparable, is_blank

REASONS = (
    "ratings_on_unknown_questions",
    "ratings_on_test_questions",
    "ratings_on_unknown_candidates",
    "ratings_blank",
    "ratings_superseded",
    "ratings_outvoted",
    "ratings_repeated",
    "ratings_undecided",
    "rated_contradictory",
    "rated_duplicate",
)
_ANSWER = ("question", "_text")
_EPOCH = pl.lit(0).cast(pl.Datetime("us", "UTC"))


def propose_rated_answers(questions: pl.DataFrame, candidates: pl.DataFrame, events: pl.DataFrame) -> Proposed:
    """One row for each rated answer, and what was left out, by reason; the order of no frame changes anything.

    ratings_superseded  A person has one thumb on an answer: their latest.
    ratings_outvoted    Thumbs against the majority; its share of the thumbs is the row's confidence.
    ratings_repeated    Thumbs of the majority besides that one by which the row is named.
    ratings_undecided   Thumbs on answers with as many up as down.

    Args:
        questions: QUESTIONS.
        candidates: CANDIDATES, each id once.
        events: EVENTS, one row for each id, without retracted ones; those without a rating are passed over.
    """
    rated = _with_answers(questions, candidates, events.filter(pl.col("rating").is_not_null()))
    usable = rated.filter(pl.col("reason").is_null())
    thumbs = latest(usable, (*_ANSWER, "source", "_who"))
    up, down = (pl.col("rating") == "up").sum(), (pl.col("rating") == "down").sum()
    counted = (
        thumbs.group_by(_ANSWER)
        .agg(up=up.cast(pl.Int64), down=down.cast(pl.Int64))
        .with_columns(
            winner=pl.when(pl.col("up") > pl.col("down"))
            .then(pl.lit("up"))
            .when(pl.col("down") > pl.col("up"))
            .then(pl.lit("down"))
        )
    )
    decided = thumbs.join(counted, on=_ANSWER)
    winning = decided.filter(pl.col("rating") == pl.col("winner")).sort("id")
    voices = winning.group_by(_ANSWER, maintain_order=True).agg(
        pl.all().exclude("id").first(), pl.col("id").first(), behind=pl.col("id")
    )
    others = decided.join(voices.select("id"), on="id", how="anti").with_columns(
        reason=pl.when(pl.col("winner").is_null())
        .then(pl.lit("ratings_undecided"))
        .when(pl.col("rating") == pl.col("winner"))
        .then(pl.lit("ratings_repeated"))
        .otherwise(pl.lit("ratings_outvoted"))
    )
    dropped = [
        tally(rated.filter(pl.col("reason").is_not_null())),
        tally(usable.join(thumbs.select("id"), on="id", how="anti"), "ratings_superseded"),
        tally(others),
    ]
    return Proposed(_rows(voices), pl.concat(dropped))


def drop_repeated_ratings(rows: pl.DataFrame) -> Screened:
    """Leaves each answer once: `rated_contradictory` ones are gone, of `rated_duplicate` ones the first by key stays.

    There are such only where something has made different answers the same, as scrubbing does.
    """
    rated = rows.filter(pl.col("kind") == "rated").with_columns(_text=comparable(pl.col("completion")))
    torn = rated.filter(pl.col("desirable").n_unique().over(_ANSWER) > 1)
    agreed = screened(rows, torn["key"], "rated_contradictory")
    once = keep_first(
        agreed.kept, rated.join(torn.select("key"), on="key", how="anti").sort("key"), _ANSWER, "rated_duplicate"
    )
    return Screened(once.kept, pl.concat([agreed.removed, once.removed]))


def _with_answers(questions: pl.DataFrame, candidates: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """The ratings with their question and answer, and the `reason` why one cannot be used, or null."""
    known = candidates.rename({"id": "candidate_a", "question_id": "question_of_a"})
    single = pl.col("candidate_a") == pl.col("candidate_b")
    return (
        ratings.join(questions.rename({"id": "question_id"}), on="question_id", how="left")
        .join(known, on="candidate_a", how="left")
        .with_columns(_text=comparable(pl.col("text")), _who=who(), edited=pl.col("given_at").fill_null(_EPOCH))
        .with_columns(
            reason=pl.when(pl.col("split").is_null())
            .then(pl.lit("ratings_on_unknown_questions"))
            .when(pl.col("split") == "test")
            .then(pl.lit("ratings_on_test_questions"))
            .when(pl.col("text").is_null() | (pl.col("question_of_a") != pl.col("question_id")) | ~single)
            .then(pl.lit("ratings_on_unknown_candidates"))
            .when(is_blank(pl.col("text")))
            .then(pl.lit("ratings_blank"))
        )
    )


def _rows(voices: pl.DataFrame) -> pl.DataFrame:
    most = pl.max_horizontal("up", "down")
    return voices.select(
        row_columns(
            "rated",
            pl.concat_str("source", pl.lit(":"), "id"),
            completion=pl.col("text"),
            desirable=pl.col("winner") == "up",
            confidence=most / (pl.col("up") + pl.col("down")),
            votes_for=most.cast(pl.Float64),
            votes_against=pl.min_horizontal("up", "down").cast(pl.Float64),
            behind=pl.col("behind"),
        )
    )
