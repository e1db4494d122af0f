"""How much of the data one prompt, one source and one person may make up."""

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from tasks.curation.draws import draw
from tasks.curation.filters.screening import Screened
from tasks.feedback.sources import PEOPLE

READS_PROMPT = ("key", "kind", "question_id", "source", "origin", "confidence")
READS_ANNOTATOR = ("key", "kind", "origin", "annotator")
READS_WEIGHTS = ("key", "origin")

# A reference answer and a person's correction are people's words, too.
SAID_BY_PEOPLE = pl.col("origin").is_in([*PEOPLE, "reference"])
_BY_PERSON = ("kind", "origin", "annotator")
_OVER_LIMIT = {
    "demonstration": "demonstrations_over_limit",
    "pair": "pairs_over_limit",
    "rated": "rated_answers_over_limit",
}
_OVER_SHARE = "rows_over_annotator_share"
_IS_REFERENCE_PAIR = pl.col("source").str.starts_with("reference:")


def cap_per_prompt(
    rows: pl.DataFrame, limit: int, limits: Mapping[str, int] | None = None, *, kind: str = "pair"
) -> Screened:
    """Leaves at most `limit` rows of a kind for a question: people's before judges', then the more confident.

    A question's reference pair comes on top: its confidence is always 1, so within the limit it would push out what
    people and judges said about the candidates.

    Args:
        rows: ROWS.
        limits: at most so many of them from a source; as `weights` in `apply_weights`, by origin or what stands
            before its colon.
    """
    capped = (pl.col("kind") == kind) & ~_IS_REFERENCE_PAIR
    own_limit = _by_origin(limits or {}, default=limit)
    ranked = (
        rows.filter(capped)
        .sort("question_id", ~SAID_BY_PEOPLE, -pl.col("confidence"), "key")
        .with_columns(_within_source=pl.int_range(pl.len()).over("question_id", "origin") < own_limit)
        # What its source has too many of takes no other's place.
        .with_columns(_taken=pl.col("_within_source").cum_sum().over("question_id"))
    )
    over = ranked.filter(~pl.col("_within_source") | (pl.col("_taken") > limit))
    return _without(rows, over["key"], _OVER_LIMIT[kind])


def cap_annotators(rows: pl.DataFrame, max_share: float, *, at_least: int = 0) -> Screened:
    """Leaves each person at most this share of the rows that people gave, of each kind; which go is drawn by key.

    The share holds afterwards: all keep at most the same number of rows, the greatest with which it does. Of n people
    somebody has a share of 1/n in any case, so it is never less. Of a kind that one person alone gave they keep as many
    rows as they might if all kinds were one. A person who is the only one keeps all.

    Args:
        rows: ROWS; people's are those with an annotator.
        max_share: more than 0, up to 1.
        at_least: rows of a kind that a person keeps in any case, even where that is a greater share. Without it, a
            second person who gave little leaves the first with as little.
    """
    given = rows.filter(pl.col("annotator").is_not_null()).select("key", *_BY_PERSON)
    if (
        given.is_empty()
        or given.group_by(_BY_PERSON).len().filter(pl.col("len") > _caps(given, max_share, at_least)).is_empty()
    ):
        return _without(rows, given["key"].clear(), _OVER_SHARE)
    ranked = (
        given.with_columns(_drawn=draw(given["key"], "annotators"))
        .sort("_drawn", "key")
        .select("key", *_BY_PERSON, _rank=pl.int_range(pl.len()).over(_BY_PERSON))
    )
    left, before = ranked, -1
    # What is left of one person can make another's share too great.
    while len(left) not in (0, before):
        before = len(left)
        left = left.filter(pl.col("_rank") < _caps(left, max_share, at_least))
    return _without(rows, ranked.join(left, on="key", how="anti")["key"], _OVER_SHARE)


def apply_weights(rows: pl.DataFrame, weights: Mapping[str, float]) -> Screened:
    """Leaves of each source the share of its rows that is its weight; which stay depends on the row's key alone.

    The reason is `rows_by_weight`, or `rows_of_sources_left_out` where the weight is 0; the detail is the source.

    Args:
        rows: ROWS.
        weights: 0 to 1 by origin, or by what stands before its colon, as `judge` for all judges; 1 for others.
    """
    weight = _by_origin(weights, default=1.0)
    weighed = rows.select("key", "origin", _weight=weight).filter(pl.col("_weight") < 1.0)
    over = weighed.with_columns(_drawn=draw(weighed["key"], "weights")).filter(pl.col("_drawn") >= pl.col("_weight"))
    going = pl.col("key").is_in(over["key"].implode())
    reason = pl.when(weight == 0.0).then(pl.lit("rows_of_sources_left_out")).otherwise(pl.lit("rows_by_weight"))
    return Screened(
        kept=rows.filter(~going), removed=rows.filter(going).with_columns(reason=reason, detail=pl.col("origin"))
    )


def largest_cap(counts: Sequence[int], max_share: float) -> int:
    """The greatest cap with which, when nobody has more, nobody has more than `max_share` of what is left.

    With n counts a share below 1/n cannot hold, and counts as 1/n. The greatest count when there is but one.
    """
    if len(counts) < 2:
        return max(counts, default=0)
    share = max(max_share, 1 / len(counts))
    low, high = 0, max(counts)
    by_count = Counter(counts)
    # What is left grows ever slower than the cap, so a cap holds up to some point and never beyond it.
    while low < high:
        middle = (low + high + 1) // 2
        holds = middle <= share * sum(min(count, middle) * people for count, people in by_count.items()) + 1e-9
        low, high = (middle, high) if holds else (low, middle - 1)
    return low


def _caps(given: pl.DataFrame, max_share: float, at_least: int) -> pl.Expr:
    """How many rows of the row's kind a person may keep."""
    people = given.group_by("origin", "annotator").len()["len"].to_list()
    of_all_kinds = largest_cap(people, max_share)
    by_kind = given.group_by(_BY_PERSON).len().group_by("kind").agg("len")
    caps = {
        kind: max(largest_cap(counts, max_share) if len(counts) > 1 else of_all_kinds, at_least)
        for kind, counts in by_kind.iter_rows()
    }
    return pl.col("kind").replace_strict(caps, return_dtype=pl.Int64)


def _by_origin(values: Mapping[str, float], default: float) -> pl.Expr:
    """The value for the row's origin, else for what stands before its colon, else the default."""
    before_colon = pl.col("origin").str.split(":").list.first()
    value = before_colon.replace_strict(values, default=default, return_dtype=pl.Float64)
    return pl.col("origin").replace_strict(values, default=value, return_dtype=pl.Float64)


def _without(rows: pl.DataFrame, keys: pl.Series, reason: str) -> Screened:
    """The rows without those of these keys, in their order."""
    going = pl.col("key").is_in(keys.implode())
    return Screened(
        kept=rows.filter(~going),
        removed=rows.filter(going).with_columns(reason=pl.lit(reason), detail=pl.lit(None, dtype=pl.String)),
    )
