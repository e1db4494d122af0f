"""Texts as they count in "the same text?", as Polars expressions; `tasks.feedback.pairing` has the rule for one text.

They follow Python: its whitespace has four characters more than Rust's (the separators U+001C to U+001F). Unicode
versions may differ in characters that are not assigned in the older one, and in no others.
"""

import polars as pl

_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
WHITESPACE = _SPACES + "\u2028\u2029\u202f\u205f\u3000"
# A lone space stays as it is, so that only other whitespace and runs of it are replaced.
_RUNS = f"[{WHITESPACE.replace(' ', '')}][{WHITESPACE}]*| [{WHITESPACE}]+"


def stripped(text: pl.Expr) -> pl.Expr:
    """`str.strip()` of each text."""
    return text.str.strip_chars(WHITESPACE)


def comparable(text: pl.Expr) -> pl.Expr:
    """`tasks.feedback.pairing.comparable_text` of each text."""
    return stripped(text.map_batches(_composed, return_dtype=pl.String).str.replace_all(_RUNS, " "))


def is_blank(text: pl.Expr) -> pl.Expr:
    """Whether there is nothing but whitespace in a text."""
    return stripped(text) == ""


def _composed(texts: pl.Series) -> pl.Series:
    """The texts in NFC; those of ASCII are so already, and are passed over, for it takes five times all the rest."""
    special = texts.str.len_bytes() != texts.str.len_chars()
    if not special.any():
        return texts
    places = pl.int_range(len(texts), eager=True, dtype=pl.Int64)
    composed = texts.filter(special).str.normalize("NFC")
    after = len(texts) + special.cast(pl.Int64).cum_sum() - 1
    found = pl.select(pl.when(special.fill_null(False)).then(after).otherwise(places)).to_series()
    return pl.concat([texts, composed]).gather(found)
