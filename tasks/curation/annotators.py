"""Annotators who disagree with everyone: found by what other people say, and left out whole.

The measure is how often a person says what another says of a comparison that both answered. Who says `tie`
contradicts nobody, so comparisons where one of the two does are not counted. A person is judged by all others together,
none of whom has more than half of the say, so it takes two others to silence somebody: of two people who disagree with
each other, nobody can tell which of them is wrong.

Why not by the majority of the others, leaving out their ties: with two honest people and one who turns every answer
round, the other two agree with each other only where one of the honest errs, and there the honest third looks hostile.

Two who are hostile together agree with each other: they are found among seven people, and not among five.

Judges have no say here, however well they do: people are not silenced by machines. Where a person shares too little
with others to be judged, `cap_annotators` bounds what they can do.
"""

import polars as pl

from tasks.curation.filters.caps import largest_cap
from tasks.curation.filters.screening import Screened
from tasks.evaluation.intervals import wilson_interval
from tasks.feedback.sources import PEOPLE

READS = (
    "id",
    "question_id",
    "candidate_a",
    "candidate_b",
    "preference",
    "source",
    "annotator",
    "round",
    "given_at",
    "retracted",
)
# For each person and each other one, what they share: comparisons that both answered without a tie, and those that
# they agree on. In millionths, and a comparison that m others answered is shared with each of them to one part in m: so
# a person's sum is how many comparisons they share, and sums of whole numbers do not depend on the order of the rows.
STATISTICS = pl.Schema(
    {
        "source": pl.String,
        "annotator": pl.String,
        "other_source": pl.String,
        "other": pl.String,
        "comparisons": pl.Int64,
        "agreed": pl.Int64,
    }
)
STANDINGS = pl.Schema(
    {
        "source": pl.String,
        "annotator": pl.String,
        "others": pl.Int64,  # people they share comparisons with
        "comparisons": pl.Int64,  # shared with others, of whom none has more than half of the say
        "agreement": pl.Float64,  # share of those on which the other says the same, 0 to 1; null where not judged
        "agreement_high": pl.Float64,  # upper end of its 95 % Wilson interval
        "hostile": pl.Boolean,
        "why": pl.String,  # a sentence; null unless hostile
    }
)
_PERSON = ("source", "annotator")
_PAIR = ("question_id", "_low", "_high")
_MOST_SAY = 0.5
_ONE = 1_000_000


def annotator_agreement(events: pl.DataFrame) -> pl.DataFrame:
    """STATISTICS of the people in `events`, sorted; of a person's answers on a pair the latest counts.

    A comparison belongs to one question, so the statistics of disjoint sets of questions add up: `add_agreement`.

    Args:
        events: EVENTS; retracted judgements, judges' and those without an annotator are passed over.
    """
    said = _latest_answers(events)
    others = said.select(*_PAIR, other_source="source", other="annotator", _other_said="_said")
    both = said.join(others, on=_PAIR).filter(
        (pl.col("source") != pl.col("other_source")) | (pl.col("annotator") != pl.col("other"))
    )
    part = _ONE // pl.len().over(*_PAIR, *_PERSON).cast(pl.Int64)
    counted = (
        both.with_columns(_part=part)
        .group_by("source", "annotator", "other_source", "other")
        .agg(
            comparisons=pl.col("_part").sum(),
            agreed=pl.col("_part").filter(pl.col("_said") == pl.col("_other_said")).sum(),
        )
    )
    return counted.select(STATISTICS.names()).sort(STATISTICS.names()[:4])


def add_agreement(*parts: pl.DataFrame) -> pl.DataFrame:
    """The STATISTICS of several disjoint sets of questions as one."""
    names = STATISTICS.names()[:4]
    return (
        pl.concat([STATISTICS.to_frame(), *parts])
        .group_by(names)
        .agg(pl.col("comparisons", "agreed").sum())
        .sort(names)
    )


def rank_annotators(statistics: pl.DataFrame, *, min_comparisons: int, min_agreement: float) -> pl.DataFrame:
    """STANDINGS, the least agreeing first: all who share a comparison with somebody.

    Hostile is who agrees with others on less than `min_agreement` of at least `min_comparisons` comparisons, by more
    than chance: the upper end of the 95 % interval lies below it. Guessing gives 0.5, contradicting everybody 0.
    """
    people = []
    # Sorted, since sums of fractions depend on their order.
    for (source, annotator), shared in statistics.sort(STATISTICS.names()[:4]).group_by(_PERSON, maintain_order=True):
        counts, agreed = shared["comparisons"].to_list(), shared["agreed"].to_list()
        # One other person alone cannot have half of the say or less.
        cap = largest_cap(counts, _MOST_SAY) if len(counts) >= 2 else 0
        heard = [min(count, cap) for count in counts]
        comparisons = round(sum(heard) / _ONE)
        standing = {"source": source, "annotator": annotator, "others": len(counts), "comparisons": comparisons}
        if comparisons >= min_comparisons:
            agreement = sum(n * same / count for n, same, count in zip(heard, agreed, counts, strict=True)) / sum(heard)
            low, high = wilson_interval(min(agreement, 1.0), comparisons)
            standing |= {"agreement": agreement, "agreement_high": high, "hostile": high < min_agreement}
            if high < min_agreement:
                standing["why"] = (
                    f"says what others say on {agreement:.0%} ({low:.0%} to {high:.0%}) "
                    f"of {comparisons} comparisons shared with {len(counts)} people"
                )
        people.append({"hostile": False, **standing})
    return pl.DataFrame(people, schema=STANDINGS).sort("agreement", *_PERSON, nulls_last=True)


def hostile_annotators(statistics: pl.DataFrame, *, min_comparisons: int, min_agreement: float) -> pl.DataFrame:
    """The STANDINGS of those who are hostile, see `rank_annotators`; nobody where fewer than three people answered."""
    return rank_annotators(statistics, min_comparisons=min_comparisons, min_agreement=min_agreement).filter("hostile")


def drop_annotators(events: pl.DataFrame, flagged: pl.DataFrame) -> Screened:
    """Leaves out (`judgements_by_hostile_annotators`) all that flagged people said, corrections included.

    Args:
        events: EVENTS.
        flagged: rows of STANDINGS, of which `source`, `annotator` and `why` are read.
    """
    joined = events.join(
        flagged.select(*_PERSON, detail="why", _flagged=True), on=_PERSON, how="left", maintain_order="left"
    )
    hostile = pl.col("_flagged").fill_null(False)
    removed = joined.filter(hostile).with_columns(reason=pl.lit("judgements_by_hostile_annotators"))
    return Screened(
        kept=joined.filter(~hostile).select(events.columns), removed=removed.select(*events.columns, "reason", "detail")
    )


def _latest_answers(events: pl.DataFrame) -> pl.DataFrame:
    """What each person says of each pair, ties left out: `_said` is a, b or both_bad, where a is the smaller id."""
    a, b = pl.col("candidate_a"), pl.col("candidate_b")
    opposite = pl.col("preference").replace({"a": "b", "b": "a"})
    return (
        events.filter(
            pl.col("source").is_in(PEOPLE) & ~pl.col("retracted") & pl.col("annotator").is_not_null() & (a != b)
        )
        .with_columns(
            _low=pl.min_horizontal(a, b),
            _high=pl.max_horizontal(a, b),
            _said=pl.when(a > b).then(opposite).otherwise("preference"),
        )
        .sort("given_at", "round", "id", nulls_last=False)
        .unique((*_PAIR, *_PERSON), keep="last", maintain_order=True)
        .filter(pl.col("_said") != "tie")
    )
