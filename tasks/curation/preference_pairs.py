"""Preference pairs: prompts with a chosen and a rejected completion, for DPO.

A judgement for a or b gives one pair. A correction gives one for each candidate it corrects. A reference
answer gives one over the worst-judged candidate of its question: it teaches where all candidates are poor.

What people say goes before what judges say, however sure those are: a confidence that a judge gives itself and a
share of people's votes are not on one scale. People's corrections and reference answers are people's words, too.
"""

import polars as pl

from tasks.curation.demonstrations import keep_first
from tasks.curation.filters.caps import SAID_BY_PEOPLE
from tasks.curation.filters.screening import Screened, screened
from tasks.curation.proposals import Proposed, row_columns
from tasks.curation.tallies import tally
from tasks.curation.texts import comparable, is_blank
from tasks.feedback.sources import PEOPLE

REASONS = (
    "judgements_on_unknown_questions",
    "judgements_on_test_questions",
    "judgements_on_unknown_candidates",
    "judgements_tie",
    "judgements_both_bad",
    "pairs_blank",
    "pairs_identical",
    "pairs_duplicate",
    "pairs_contradictory",
    "pairs_over_limit",
)


def propose_pairs(
    questions: pl.DataFrame, candidates: pl.DataFrame, judgements: pl.DataFrame, *, reference_pairs: bool
) -> Proposed:
    """The pairs before any filter, and which judgements gave none, by reason; the order of no frame changes anything.

    A judgement without a preference counts as left out (`judgements_tie`, `judgements_both_bad`) unless it has a
    correction, which gives pairs of its own, named `correction:<feedback id>`.

    Args:
        questions: QUESTIONS.
        candidates: CANDIDATES, each id once.
        judgements: what is heard, as `resolve_judgements` gives it.
        reference_pairs: also pair each judged question's reference answer with its worst candidate.
    """
    joined = _with_texts(questions, candidates, judgements)
    judged = joined.filter(pl.col("reason").is_null())
    undecided = judged.filter(pl.col("correction").is_null() & pl.col("preference").is_in(["tie", "both_bad"]))
    rows = [_of_preferences(judged), _of_corrections(judged)]
    if reference_pairs:
        rows.append(_of_references(judged))
    dropped = [
        tally(joined.filter(pl.col("reason").is_not_null())),
        tally(undecided.with_columns(reason=pl.concat_str(pl.lit("judgements_"), "preference"))),
    ]
    return Proposed(pl.concat(rows), pl.concat(dropped))


def drop_blank(rows: pl.DataFrame) -> Screened:
    """Leaves out rows with nothing to say, or nothing to reject: `pairs_blank`, `demonstrations_blank` and so on."""
    blank = is_blank(pl.col("completion")) | (pl.col("rejected").is_not_null() & is_blank(pl.col("rejected")))
    reason = pl.col("kind").replace({"pair": "pairs", "demonstration": "demonstrations"}) + "_blank"
    removed = rows.filter(blank).with_columns(reason=reason, detail=pl.lit(None, pl.String))
    return Screened(rows.filter(~blank), removed)


def drop_identical_pairs(rows: pl.DataFrame) -> Screened:
    """Leaves out (`pairs_identical`) pairs whose sides differ in whitespace only, or not at all."""
    pairs = rows.filter(pl.col("kind") == "pair")
    identical = pairs.filter(comparable(pl.col("completion")) == comparable(pl.col("rejected")))
    return screened(rows, identical["key"], "pairs_identical")


def drop_duplicate_pairs(rows: pl.DataFrame) -> Screened:
    """Of pairs that say the same leaves the first by rank (`pairs_duplicate`): people's before judges', the more
    confident before the less. It names the judgements behind all of those that are as much people's word as it is."""
    pairs = rows.filter(pl.col("kind") == "pair").with_columns(_by_people=SAID_BY_PEOPLE)
    ranked = pairs.sort(~pl.col("_by_people"), -pl.col("confidence"), "key")
    same = (
        "question",
        comparable(pl.col("completion")).alias("_chosen"),
        comparable(pl.col("rejected")).alias("_rejected"),
    )
    return keep_first(rows, ranked, same, "pairs_duplicate", by="_by_people")


def drop_contradictory_pairs(rows: pl.DataFrame) -> Screened:
    """Leaves out (`pairs_contradictory`) pairs whose opposite has as much weight or more.

    Weight is as in `drop_duplicate_pairs`, which goes before: people before judges, then confidence.
    """
    pairs = rows.filter(pl.col("kind") == "pair").select(
        "key",
        "question",
        "confidence",
        by_people=SAID_BY_PEOPLE,
        chosen=comparable(pl.col("completion")),
        rejected=comparable(pl.col("rejected")),
    )
    both = pairs.join(
        pairs, left_on=["question", "chosen", "rejected"], right_on=["question", "rejected", "chosen"], suffix="_other"
    )
    surer = pl.col("confidence") > pl.col("confidence_other")
    same_rank = pl.col("by_people") == pl.col("by_people_other")
    stands = pl.when(same_rank).then(surer).otherwise("by_people")
    return screened(rows, both.filter(~stands)["key"], "pairs_contradictory")


def _with_texts(questions: pl.DataFrame, candidates: pl.DataFrame, judgements: pl.DataFrame) -> pl.DataFrame:
    """The judgements with their question and both texts, and the `reason` why one cannot be used, or null."""
    known = candidates.rename({"id": "candidate"})
    elsewhere = (pl.col("question_of_a") != pl.col("question_id")) | (pl.col("question_of_b") != pl.col("question_id"))
    return (
        judgements.join(questions.rename({"id": "question_id"}), on="question_id", how="left")
        .join(
            known.rename({"question_id": "question_of_a", "text": "text_a"}),
            left_on="candidate_a",
            right_on="candidate",
            how="left",
        )
        .join(
            known.rename({"question_id": "question_of_b", "text": "text_b"}),
            left_on="candidate_b",
            right_on="candidate",
            how="left",
        )
        .with_columns(
            reason=pl.when(pl.col("split").is_null())
            .then(pl.lit("judgements_on_unknown_questions"))
            .when(pl.col("split") == "test")
            .then(pl.lit("judgements_on_test_questions"))
            .when(pl.col("text_a").is_null() | pl.col("text_b").is_null() | elsewhere)
            .then(pl.lit("judgements_on_unknown_candidates"))
        )
    )


def _of_preferences(judged: pl.DataFrame) -> pl.DataFrame:
    a_wins = pl.col("preference") == "a"
    source = pl.concat_str("source", pl.lit(":"), "id")
    return judged.filter(pl.col("preference").is_in(["a", "b"])).select(
        *row_columns(
            "pair",
            source,
            completion=pl.when(a_wins).then("text_a").otherwise("text_b"),
            rejected=pl.when(a_wins).then("text_b").otherwise("text_a"),
            votes_for=pl.when(a_wins).then("voices_a").otherwise("voices_b"),
            votes_against=pl.when(a_wins).then("voices_b").otherwise("voices_a"),
            confidence=pl.col("confidence"),
            behind=pl.col("behind"),
        )
    )


def _of_corrections(judged: pl.DataFrame) -> pl.DataFrame:
    """A pair for each text that was corrected; a correction of a single candidate names it on both sides."""
    corrected = judged.filter(pl.col("correction").is_not_null())
    twice = pl.concat(
        [
            corrected.with_columns(_worse="text_a", _candidate="candidate_a"),
            corrected.filter(pl.col("text_a") != pl.col("text_b")).with_columns(
                _worse="text_b", _candidate="candidate_b"
            ),
        ]
    )
    source = pl.concat_str(pl.lit("correction:"), "id")
    return twice.select(
        *row_columns(
            "pair",
            source,
            completion=pl.col("correction"),
            rejected=pl.col("_worse"),
            # No vote weighs what a person wrote themselves.
            confidence=pl.when(pl.col("source").is_in(PEOPLE)).then(1.0).otherwise("confidence"),
            behind=pl.concat_list("id"),
            part=pl.col("_candidate"),
        )
    )


def _of_references(judged: pl.DataFrame) -> pl.DataFrame:
    """One pair for each judged question with a reference answer: that answer over the worst candidate."""
    asked = judged.filter(pl.col("answer").is_not_null())
    sides = pl.concat([_side(asked, "a", "b"), _side(asked, "b", "a")])
    # Most losses (both_bad is one for each), then fewest wins, then the smallest id.
    worst = (
        sides.group_by("question_id", "candidate")
        .agg(
            pl.col("text", "family", "question", "answer").first(),
            pl.col("lost", "won").sum(),
            behind=pl.col("id").unique().sort(),
        )
        .sort(-pl.col("lost").cast(pl.Int64), "won", "candidate")
        .unique("question_id", keep="first", maintain_order=True)
        .with_columns(source=pl.lit("reference"), annotator=pl.lit(None, pl.String))
    )
    source = pl.concat_str(pl.lit("reference:"), "candidate")
    return worst.select(
        *row_columns(
            "pair",
            source,
            completion=pl.col("answer"),
            rejected=pl.col("text"),
            confidence=pl.lit(1.0),
            behind=pl.col("behind"),
        )
    )


def _side(judged: pl.DataFrame, own: str, other: str) -> pl.DataFrame:
    """What each judgement says of one of its candidates."""
    return judged.select(
        "question_id",
        "family",
        "question",
        "answer",
        "id",
        candidate=f"candidate_{own}",
        text=f"text_{own}",
        lost=pl.col("preference").is_in([other, "both_bad"]),
        won=pl.col("preference") == own,
    )
