"""Words of a text in any script, for metrics, search and near-duplicate checks.

One definition of a word for the whole project, after the default word boundaries of Unicode (UAX #29), with two
departures: full stops and underscores between letters separate words (`os.path`, `read_csv`), and letters of
scripts written without spaces stand alone. Finding words in those takes a dictionary; single letters are the usual
unit when ROUGE or BM25 is computed for them.
"""

import unicodedata
from collections.abc import Iterator

import regex

# Han, kana, bopomofo, and by Line_Break=SA Thai, Lao, Khmer, Myanmar and their kin; each with its marks.
_UNSPACED = r"[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{lb=SA}]&&[\p{L}\p{N}]]"
_START = rf"[[\p{{L}}\p{{N}}]--{_UNSPACED}]"
_INNER = rf"[[\p{{L}}\p{{N}}\p{{M}}]--{_UNSPACED}]"
# Between digits: decimal and thousands separators, Arabic ones too. Between letters: apostrophes, the Hebrew
# geresh and gershayim, the Catalan middle dot.
_JOINED_DIGITS = r"(?<=\p{Nd})[.,٫٬](?=\p{Nd})"
_JOINED_LETTERS = r"(?<=[\p{L}\p{M}])['’׳״·](?=\p{L})"
_WORD = rf"(?V1){_UNSPACED}\p{{M}}*|{_START}(?:{_INNER}|{_JOINED_DIGITS}|{_JOINED_LETTERS})*"

# Soft hyphens, joiners and direction marks are invisible and typed at random. U+200B stays: it separates words.
_IGNORABLE = r"(?V1)[\p{Default_Ignorable_Code_Point}--\u200B]"
_WIDTH_VARIANTS = r"\p{Block=Halfwidth_and_Fullwidth_Forms}+"


def split_words(text: str) -> list[str]:
    """The words of a text, casefolded, in order; punctuation, symbols, emoji and signs of numbers are left out.

    Equal words are equal strings however they were typed: composed or decomposed accents, either apostrophe,
    full-width or ordinary Latin, with or without invisible characters. Superscripts keep their form, since 10⁶ is
    not 106. A text without letters and digits has no words.
    """
    words: list[str] = regex.findall(_WORD, _normalise(text))
    return words


def word_starts(text: str, start: int, end: int) -> Iterator[int]:
    """The places in `text[start:end]` at which words begin, in order, counted from the beginning of `text`.

    The text is taken as it stands, so an invisible character within a word makes two of it.
    """
    return (match.start() for match in regex.finditer(_WORD, text, pos=start, endpos=end))


def is_unspaced(word: str) -> bool:
    """Whether a word of `split_words` is a single letter of a script that is written without spaces."""
    return regex.match(rf"(?V1){_UNSPACED}", word) is not None


def _normalise(text: str) -> str:
    text = regex.sub(_IGNORABLE, "", text)
    text = regex.sub(_WIDTH_VARIANTS, lambda match: unicodedata.normalize("NFKC", match[0]), text)
    # Composed before and after: casefolding looks at composed letters, and leaves some of its own decomposed.
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return text.replace("’", "'").replace("ʼ", "'")
