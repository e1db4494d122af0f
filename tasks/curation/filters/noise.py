"""Label noise: pairs that most signals contradict.

The signals are the voices on a pair of candidates: each person's latest answer and each judge's verdict that prefers
one of the two, with the weight of its source. People decide a pair among themselves, and judges are not heard on it;
but where people are split and every judge is against them, the pair is more likely a slip than a lesson.
"""

import polars as pl

from tasks.curation.filters.screening import Screened

READS = ("kind", "votes_for", "votes_against")


def drop_noisy(rows: pl.DataFrame, max_noise: float) -> Screened:
    """Leaves out (`pairs_noisy`) the pairs with a share of voices against them greater than `max_noise`.

    Pairs on which nobody has a voice stay, as do rows that are no pairs.

    Args:
        rows: ROWS.
        max_noise: 0 to 1; 0 keeps the pairs that nobody contradicts, 1 keeps all.
    """
    against, voices = pl.col("votes_against"), pl.col("votes_for") + pl.col("votes_against")
    # Voices that weigh nothing say nothing. A share that is a rounding error above the limit is not above it.
    share = pl.when((pl.col("kind") == "pair") & (voices > 0)).then(against / voices)
    noisy = (share > max_noise + 1e-9).fill_null(False)
    detail = pl.format(
        "voices for it {}, against it {}", pl.col("votes_for").round(3), pl.col("votes_against").round(3)
    )
    return Screened(
        kept=rows.filter(~noisy),
        removed=rows.filter(noisy).with_columns(reason=pl.lit("pairs_noisy"), detail=detail),
    )
