"""Answers in languages that the domain does not speak.

Why py3langid: on the 2,242 one-line summaries of the demo's domain and 76 sentences in nine languages it names the
language as often as lingua does, in 0.1 ms a text instead of 1.5, with 4 MB of model instead of 96. What it says of a
short technical sentence is still a guess, so an answer goes only when all the languages allowed together are as good
as impossible.
"""

from collections.abc import Callable, Sequence

import polars as pl

from tasks.curation.filters.degenerate import learned_from
from tasks.curation.filters.screening import Screened
from tasks.errors import ConfigError

READS = ("completion", "desirable")
WRITES: tuple[str, ...] = ()

# With 0.02, one English summary of 2,242 would go; with 0.01 none, and none of the 76 foreign sentences would stay.
MAX_PROBABILITY = 0.01
MIN_LETTERS = 20  # of an alphabet; a character of a script written without spaces counts as three
_NO_LANGUAGE = "zxx"  # ISO 639 for what is in no language, as code

# Code is English in any language.
_CODE = r"(?s)```.*?(?:```|$)|`[^`\n]*`|https?://\S+"
_IDEOGRAPHS = r"\p{Han}|\p{Hiragana}|\p{Katakana}|\p{Hangul}|\p{Thai}|\p{Lao}|\p{Khmer}|\p{Myanmar}"


def drop_other_languages(rows: pl.DataFrame, languages: Sequence[str]) -> Screened:
    """ROWS without those that teach an answer in another language than these; all rows, when none are given.

    Texts of fewer than 20 letters are not judged, nor is code (in backticks). The reason is
    `answers_in_other_languages`; the detail is the most likely language.

    Args:
        languages: ISO 639 codes, as in `("en", "de")`.

    Raises:
        ConfigError: when a code is of no language that can be told apart.
    """
    if not languages:
        nothing = rows.clear().with_columns(reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String))
        return Screened(kept=rows, removed=nothing)
    identify = _load_identifier(languages)
    answers = rows.filter(learned_from()).select("completion").unique()
    prose = answers.with_columns(prose=pl.col("completion").str.replace_all(_CODE, " "))
    letters = pl.col("prose").str.count_matches(r"\p{L}") + 2 * pl.col("prose").str.count_matches(_IDEOGRAPHS)
    judged = prose.filter(letters >= MIN_LETTERS)
    # Python for each different text: 0.1 ms.
    verdicts = judged.select(
        "completion", detail=pl.Series([identify(text) for text in judged["prose"]], dtype=pl.String)
    )
    joined = rows.select("completion", "desirable").join(verdicts, on="completion", how="left", maintain_order="left")
    found = joined.select(pl.when(learned_from()).then("detail").alias("detail"))["detail"]
    is_bad = found.is_not_null()
    reason = pl.lit("answers_in_other_languages").alias("reason")
    return Screened(kept=rows.filter(~is_bad), removed=rows.with_columns(reason, found).filter(is_bad))


def _load_identifier(languages: Sequence[str]) -> Callable[[str], str | None]:
    """A function from a text to its language, or to None when it may be one of those allowed."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if unknown := sorted(set(languages) - set(identifier.labels)):
        raise ConfigError(
            f"curate.languages: {', '.join(unknown)} cannot be told from other languages; "
            f"use codes among {' '.join(sorted({*identifier.labels} - {_NO_LANGUAGE}))}, or leave the list empty."
        )

    welcome = {*languages, _NO_LANGUAGE}

    def identify(text: str) -> str | None:
        ranked: list[tuple[str, float]] = identifier.rank(text)
        allowed = sum(probability for language, probability in ranked if language in welcome)
        return ranked[0][0] if allowed < MAX_PROBABILITY else None

    return identify
