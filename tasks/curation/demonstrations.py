"""Demonstrations: prompts with a good completion, for supervised fine-tuning."""

import polars as pl

from tasks.curation.filters.screening import Screened, screened
from tasks.curation.frames import ROWS
from tasks.curation.proposals import Proposed, row_columns
from tasks.curation.tallies import tally
from tasks.curation.texts import comparable, is_blank
from tasks.feedback.sources import PEOPLE

REASONS = (
    "corrections_on_unknown_questions",
    "corrections_on_test_questions",
    "corrections_blank",
    "references_blank",
    "references_replaced_by_corrections",
    "demonstrations_duplicate",
)


def propose_demonstrations(questions: pl.DataFrame, judgements: pl.DataFrame) -> Proposed:
    """The demonstrations, and what was left out, by reason; the order of neither frame changes anything.

    They come from the reference answers of train questions and from corrections. A person's correction is the later
    word on its question, so it replaces the reference answer; several corrections of a question all stay. An end
    user's or a judge's has no such authority, and stands beside the reference answer.

    Args:
        questions: QUESTIONS.
        judgements: EVENTS that are heard.
    """
    corrections = (
        judgements.filter(pl.col("correction").is_not_null())
        .join(questions.rename({"id": "question_id"}), on="question_id", how="left")
        .with_columns(
            reason=pl.when(pl.col("split").is_null())
            .then(pl.lit("corrections_on_unknown_questions"))
            .when(pl.col("split") == "test")
            .then(pl.lit("corrections_on_test_questions"))
            .when(is_blank(pl.col("correction")))
            .then(pl.lit("corrections_blank"))
        )
    )
    usable = corrections.filter(pl.col("reason").is_null())
    corrected = usable.filter(pl.col("source").is_in(PEOPLE)).select(id="question_id").unique()
    written = questions.filter((pl.col("split") == "train") & pl.col("answer").is_not_null())
    answered = written.filter(~is_blank(pl.col("answer")))
    standing = answered.join(corrected, on="id", how="anti")
    rows = pl.concat([_of_corrections(usable), _of_references(standing)])
    dropped = [
        tally(corrections.filter(pl.col("reason").is_not_null())),
        _tally_questions(written.filter(is_blank(pl.col("answer"))), "references_blank"),
        _tally_questions(answered.join(corrected, on="id", how="semi"), "references_replaced_by_corrections"),
    ]
    return Proposed(rows, pl.concat(dropped))


def drop_duplicate_demonstrations(rows: pl.DataFrame) -> Screened:
    """Leaves one row (`demonstrations_duplicate`) for each question's text and completion, the one whose source and
    question sort first; it names the judgements behind all of them."""
    demonstrations = rows.filter(pl.col("kind") == "demonstration")
    same = ("question", comparable(pl.col("completion")).alias("_text"))
    return keep_first(rows, demonstrations.sort("source", "question_id", "key"), same, "demonstrations_duplicate")


def keep_first(
    rows: pl.DataFrame, ranked: pl.DataFrame, same: tuple[str | pl.Expr, ...], reason: str, by: str | None = None
) -> Screened:
    """Of those of the `ranked` rows that are the `same` the first stays, with the judgements behind all of them.

    Args:
        rows: ROWS; those that are not ranked stay as they are.
        same: columns or named expressions.
        by: where given, only rows with an equal value there pass on the judgements behind them.
    """
    names = [each if isinstance(each, str) else each.meta.output_name() for each in same]
    grouped = ranked.with_columns([each for each in same if not isinstance(each, str)])
    first = pl.struct(names).is_first_distinct()
    repeated = grouped.filter(~first)
    if repeated.is_empty():
        return screened(rows, pl.Series([], dtype=pl.String), reason)
    crowded = grouped.join(
        repeated.select(names).unique(), on=names, how="semi", nulls_equal=True, maintain_order="left"
    )
    told = pl.col("feedback") if by is None else pl.col("feedback").filter(pl.col(by) == pl.col(by).first())
    merged = crowded.group_by(names, maintain_order=True).agg(
        pl.col("key").first(), _behind=told.list.explode(empty_as_null=False).unique().sort()
    )
    found = rows.join(merged.select("key", "_behind"), on="key", how="left", maintain_order="left")
    united = found.with_columns(feedback=pl.coalesce("_behind", "feedback")).drop("_behind")
    return screened(united, repeated["key"], reason)


def _of_corrections(usable: pl.DataFrame) -> pl.DataFrame:
    return usable.select(
        row_columns(
            "demonstration",
            pl.concat_str(pl.lit("correction:"), "id"),
            completion=pl.col("correction"),
            confidence=pl.when(pl.col("source").is_in(PEOPLE)).then(1.0).otherwise("confidence"),
            behind=pl.concat_list("id"),
        )
    )


def _of_references(questions: pl.DataFrame) -> pl.DataFrame:
    said = questions.rename({"id": "question_id"}).with_columns(
        source=pl.lit("reference"), annotator=pl.lit(None, pl.String)
    )
    rows = row_columns(
        "demonstration",
        pl.col("source"),
        completion=pl.col("answer"),
        confidence=pl.lit(1.0),
        behind=pl.lit([], ROWS["feedback"]),
        part=pl.col("question_id"),
    )
    return said.select(rows)


def _tally_questions(questions: pl.DataFrame, reason: str) -> pl.DataFrame:
    return tally(questions.select(question_id="id"), reason)
