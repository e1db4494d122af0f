"""Rows that say almost the same: of those whose fields share most of their characters' 5-grams, the best one stays.

Broder 1997, "On the resemblance and containment of documents": texts are alike by the Jaccard similarity of their
shingles, and MinHash signatures find the alike ones without comparing all with all (`minhash.py`). What they propose
is then compared exactly, so that no row goes for a chance likeness.

Shingles are of characters and not of words: a word 3-gram is too coarse for answers of ten words (one other word
takes a third of them), and some scripts have no spaces. Every field must be similar by itself: otherwise a long
instruction that all questions share would make rows with different short answers "the same", and a pair its reverse.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from functools import lru_cache
from pathlib import Path

import polars as pl

from tasks.curation.filters.minhash import FIELD_END, SHINGLE, band_hashes, kept_band_hashes
from tasks.curation.filters.screening import Screened
from tasks.curation.texts import comparable
from tasks.feedback.sources import PEOPLE

READS = ("key", "kind", "question", "completion", "rejected", "desirable", "origin", "confidence")
WRITES: tuple[str, ...] = ()

_FIELDS = ("question", "completion", "rejected")
_GROUP_FACTOR = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, odd: multiples are far from each other
_STOPS = " .!?。！？"
_SHOWN_CHARACTERS = 200

# Many rows that are nearly similar enough would be compared each with all others. In a band in which more rows meet,
# only the best so many are compared with. Equal texts are always found.
MOST_COMPARED = 50
_REMEMBERED = 1000  # texts


def drop_near_duplicates(rows: pl.DataFrame, threshold: float, signatures: Path | None = None) -> Screened:
    """ROWS without those that are as similar as `threshold` to one that stays, in each of their texts.

    Compared are question, answer and rejected answer of rows of one kind, in lower case, with runs of whitespace made
    one and without a last full stop; answers rated up are not compared with those rated down. Rows are taken best
    first: people's before judges', then the more confident, then by key. One goes when it is similar to one that
    stayed. The reason is `rows_near_duplicate`; the detail is the beginning of the row that stayed.

    Args:
        threshold: Jaccard similarity, above 0 and at most 1. A pair just at 0.9 is found with a chance of 99 %, a
            more similar one with a greater.
        signatures: a file that keeps the texts' signatures, so that only new texts need new ones.

    Raises:
        HomeError: when the file of signatures cannot be written.
    """
    ranked = _ranked(rows)
    texts = ranked["text"].to_list()
    groups = ranked["group"].to_list()
    stayed: dict[int, list[int]] = defaultdict(list)  # by band hash: places in the ranking
    equal: dict[tuple[int, str], int] = {}  # by group and text: the place of the one that stayed
    twins: dict[int, int] = {}  # of a place that goes: the place that stays
    remembered = lru_cache(_REMEMBERED)(_shingles)  # where many meet, the same few are compared with all
    for place, meetings in _meetings(ranked, threshold, signatures):
        twin = equal.get((groups[place], texts[place]))
        if twin is None:
            met = sorted({other for band in meetings for other in stayed.get(band, ())})
            own = _shingles(texts[place]) if met else []
            twin = next((other for other in met if _similarity(own, remembered(texts[other])) >= threshold), None)
        if twin is not None:
            twins[place] = twin
            continue
        equal[groups[place], texts[place]] = place
        for band in meetings:
            if len(stayed[band]) < MOST_COMPARED:
                stayed[band].append(place)
    return _screened(rows, ranked, twins)


def row_text() -> pl.Expr:
    """A row's text as it is compared: its fields, each filled up to five characters, each with a line feed after it."""
    lines = [
        comparable(pl.col(field)).str.to_lowercase().str.strip_chars_end(_STOPS).str.pad_end(SHINGLE) + FIELD_END
        for field in _FIELDS
    ]
    return pl.concat_str(lines, ignore_nulls=True)


def similarity(a: str, b: str) -> float:
    """How similar two `row_text`s of one kind are, from 0 to 1: the Jaccard similarity of the least similar fields."""
    return _similarity(_shingles(a), _shingles(b))


def _similarity(a: Sequence[Set[str]], b: Sequence[Set[str]]) -> float:
    return min(_jaccard(x, y) for x, y in zip(a, b, strict=True))


def _jaccard(a: Set[str], b: Set[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _shingles(text: str) -> list[set[str]]:
    """The character 5-grams of each field."""
    fields = text.split(FIELD_END)[:-1]
    return [{field[at : at + SHINGLE] for at in range(len(field) - SHINGLE + 1)} for field in fields]


def _ranked(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows' places (`at`), texts and groups, best first."""
    by_people = pl.col("origin").is_in([*PEOPLE, "reference"])
    best_first = rows.with_row_index("at").sort(
        by_people, "confidence", "key", descending=[True, True, False], nulls_last=True
    )
    return best_first.select("at", text=row_text(), group=pl.struct("kind", "desirable").rank("dense"))


def _meetings(ranked: pl.DataFrame, threshold: float, signatures: Path | None) -> Iterator[tuple[int, list[int]]]:
    """Places in the ranking with the bands in which their texts meet others; texts that meet none are left out."""
    import numpy as np

    texts = ranked["text"].to_list()
    bands = band_hashes(texts, threshold) if signatures is None else kept_band_hashes(texts, threshold, signatures)
    # Texts of different groups never meet.
    bands = bands + ranked["group"].to_numpy().astype(np.uint64)[:, None] * np.uint64(_GROUP_FACTOR)  # (texts, bands)
    values, times = np.unique(bands, return_counts=True)
    shared = np.isin(bands, values[times > 1])
    for place in np.flatnonzero(shared.any(axis=1)):
        yield int(place), bands[place][shared[place]].tolist()


def _screened(rows: pl.DataFrame, ranked: pl.DataFrame, twins: dict[int, int]) -> Screened:
    shown = pl.concat_str("question", pl.lit(" "), "completion").str.slice(0, _SHOWN_CHARACTERS)
    removed = pl.DataFrame(
        {
            "at": ranked["at"].gather(list(twins)),
            "reason": pl.repeat("rows_near_duplicate", len(twins), dtype=pl.String, eager=True),
            "detail": rows[ranked["at"].gather(list(twins.values()))].select(shown).to_series(),
        }
    )
    numbered = rows.with_row_index("at")
    return Screened(
        kept=numbered.join(removed, on="at", how="anti", maintain_order="left").drop("at"),
        removed=numbered.join(removed, on="at", how="inner", maintain_order="left").drop("at"),
    )
