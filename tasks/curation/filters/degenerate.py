"""Answers that would teach a bad habit: blank, looping, cut off, refusing or endless.

Only answers that training moves the model towards are judged: demonstrations, chosen answers and rated ones that
were liked. A rejected answer that loops is a good lesson. Every rule would rather keep a bad answer than lose a good
one: none of them removes any of the 2,242 summaries and docstrings of the demo's domain.
"""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from tasks.curation.filters.refusals import refusal
from tasks.curation.filters.screening import Screened
from tasks.curation.texts import stripped
from tasks.curation.word_lists import word_lists
from tasks.words import split_words

READS = ("completion", "desirable")
WRITES: tuple[str, ...] = ()

# Holtzman et al. 2020, "The curious case of neural text degeneration", counts a text as repetitive that ends in a
# phrase said three times or more. The length spares "x, x, x" and "very, very, very".
LOOP_TIMES = 3
LOOP_CHARACTERS = 30
_TAIL_CHARACTERS = 10
_STOPS = " .,;:!?…。！？"

# Rae et al. 2021, "Scaling language models" (Gopher), table A1, bounds the share of a document within repeated
# 5-grams at 0.15. Technical prose is more repetitive: of the demo's 414 docstrings of 50 words or more, 0.15 would
# remove 19; the highest share among them is 0.34.
REPEATED_NGRAM = 5
REPEATED_SHARE = 0.5
REPEATED_MIN_WORDS = 50

_WITHOUT_WORDS = r"^[\p{P}\s]*$"
# An answer that ends in one of these is not cut off: a full stop is missing from many good ones.
_ENDS_IN_WORDS = r"[\p{L}\p{M}\p{N},(\[{，、]$"
# Words that no sentence ends in. "and", "or", "if", "in" name operators; "to" and "for" do end sentences.
_DANGLING = (
    r"(?:^|\s)(?:the|an|than|because|whose|their|your|our|although|whereas|unless|"
    r"und|oder|weil|dass|einen|einer|eines|les|une|parce que|porque|los|las)$"
)
_ENDS_IN_COMMA = r"[\p{L}\p{M}][,，、]$"
_SHOWN_CHARACTERS = 80


def learned_from() -> pl.Expr:
    """Whether training moves the model towards the completion: everything but an answer rated down."""
    return pl.col("desirable").fill_null(True)


def drop_degenerate(rows: pl.DataFrame, max_words: int, drop_refusals: bool = True) -> Screened:
    """ROWS without those that teach a degenerate answer.

    The reasons: `answers_blank`, `answers_without_words` (only punctuation), `answers_looping`,
    `answers_repetitive`, `answers_cut_off`, `answers_refusing`, `answers_too_long`; the first that holds.

    Args:
        max_words: the most words an answer may have, as `tasks.words` counts them.
        drop_refusals: whether answers that refuse go, too.
    """
    answers = rows.filter(learned_from()).select("completion").unique()
    verdicts = _judge(answers, max_words, drop_refusals)
    judged = rows.select("completion", "desirable").join(verdicts, on="completion", how="left", maintain_order="left")
    found = judged.select(pl.when(learned_from()).then(column).alias(column) for column in ("reason", "detail"))
    is_bad = found["reason"].is_not_null()
    return Screened(kept=rows.filter(~is_bad), removed=rows.hstack(found).filter(is_bad))


def _judge(answers: pl.DataFrame, max_words: int, drop_refusals: bool) -> pl.DataFrame:
    """The answers with `reason` and `detail`, null for sound ones."""
    text = pl.col("completion")
    flagged = answers.with_columns(
        stripped=stripped(text),
        loop=pl.Series([_loop(answer) for answer in answers["completion"]], dtype=pl.String),
        repeated=_repeated_shares(answers["completion"]),
        words=_counts_above(answers["completion"], max_words),
        refusal=refusal(text) if drop_refusals else pl.lit(None, dtype=pl.String),
    )
    rules = {
        "answers_blank": (pl.col("stripped") == "", pl.lit(None, dtype=pl.String)),
        "answers_without_words": (pl.col("stripped").str.contains(_WITHOUT_WORDS), pl.col("stripped")),
        "answers_looping": (pl.col("loop").is_not_null(), pl.col("loop")),
        "answers_repetitive": (
            pl.col("repeated") > REPEATED_SHARE,
            pl.format("{} % repeated", (pl.col("repeated") * 100).round().cast(pl.Int64)),
        ),
        "answers_cut_off": (_is_cut_off(pl.col("stripped")), pl.col("stripped").str.slice(-_SHOWN_CHARACTERS)),
        "answers_refusing": (pl.col("refusal").is_not_null(), pl.col("refusal")),
        "answers_too_long": (pl.col("words").is_not_null(), pl.format("{} words", "words")),
    }
    reason = pl.coalesce(pl.when(holds).then(pl.lit(name)) for name, (holds, _) in rules.items())
    detail = pl.coalesce(
        pl.when(pl.col("reason") == name).then(shown.str.slice(0, _SHOWN_CHARACTERS))
        for name, (_, shown) in rules.items()
    )
    return flagged.with_columns(reason=reason).select("completion", "reason", detail=detail)


def _loop(answer: str) -> str | None:
    """The phrase that a text ends in at least three times over, the last time perhaps cut off; else None."""
    text = " ".join(answer.split()).rstrip(_STOPS)
    if len(text) < LOOP_CHARACTERS:
        return None
    tail = text[-_TAIL_CHARACTERS:]
    at = text.rfind(tail, 0, -1)
    while at >= 0:
        period = len(text) - len(tail) - at
        if period * LOOP_TIMES > len(text):
            return None
        rest = max(period * LOOP_TIMES, LOOP_CHARACTERS) - period
        repeats = len(text) >= rest + period and text[-rest:] == text[-rest - period : -period]
        if repeats and any(map(str.isalpha, text[-period:])):
            return text[-period:].strip(_STOPS)
        at = text.rfind(tail, 0, at + len(tail) - 1)
    return None


def _repeated_shares(answers: pl.Series) -> pl.Series:
    """The share of each text's words, from 0 to 1, that stand in a 5-gram said before; 0 for short texts."""
    words = word_lists(answers)
    # A word said before can't be new: a text half repeated has at most half as many different words as words.
    may_repeat = (words.list.len() >= REPEATED_MIN_WORDS) & (
        words.list.n_unique() <= words.list.len() * (1 - REPEATED_SHARE)
    )
    # Python for each text that is left: few are.
    shares = pl.Series([repeated_share(text) for text in words.filter(may_repeat).to_list()], dtype=pl.Float64)
    return pl.zeros(len(answers), dtype=pl.Float64, eager=True).scatter(may_repeat.arg_true(), shares)


def repeated_share(words: Sequence[str]) -> float:
    """The share of the words, from 0 to 1, that stand in a run of five words said before."""
    seen: Counter[tuple[str, ...]] = Counter()
    covered = 0
    end = 0
    for start in range(len(words) - REPEATED_NGRAM + 1):
        run = tuple(words[start : start + REPEATED_NGRAM])
        if seen[run]:
            covered += start + REPEATED_NGRAM - max(start, end)
            end = start + REPEATED_NGRAM
        seen[run] += 1
    return covered / len(words) if words else 0.0


def _counts_above(answers: pl.Series, max_words: int) -> pl.Series:
    """The number of words of each text that has more than `max_words`, null for others."""
    # A word has a letter: texts of fewer characters have fewer words.
    counts = [len(split_words(text)) if len(text) > max_words else 0 for text in answers]
    return pl.Series([count if count > max_words else None for count in counts], dtype=pl.Int64)


def _is_cut_off(text: pl.Expr) -> pl.Expr:
    """Whether a text stops in the middle: in an open code block, or without a full stop within brackets or quotes,
    after a comma, or after a word that no sentence ends in."""
    opened, closed = (text.str.count_matches(marks) for marks in (r"[(\[{]", r"[)\]}]"))
    open_quote = (text.str.count_matches('"') % 2 == 1) | (text.str.count_matches("`") % 2 == 1)
    in_the_middle = (opened > closed) | open_quote | text.str.contains(_DANGLING) | text.str.contains(_ENDS_IN_COMMA)
    open_block = text.str.count_matches(r"(?m)^\s*```") % 2 == 1
    return open_block | (text.str.contains(_ENDS_IN_WORDS) & in_the_middle)
