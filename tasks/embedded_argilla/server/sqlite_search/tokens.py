"""Text in any script to the tokens that are indexed and searched.

SQLite's own tokenizers cut Devanagari and Thai at their vowel signs and take a Chinese sentence for one word.
So the cutting is done here, after the word boundaries of Unicode (UAX #29), as Elasticsearch's standard analyzer
does, and SQLite is handed tokens joined by spaces. Case, width and composed forms are folded.

Where Elasticsearch finds less, this finds more: `itertools.accumulate` is two tokens, not one, and an emoji is
found whatever its skin tone. A script that writes no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese)
becomes one token per character; see `text_query` for how a run of them is searched.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

Ranges = Sequence[tuple[int, int]]  # of code points, both ends included

# FTS5's `ascii` tokenizer keeps all that is not ASCII together; these are the other characters tokens may hold.
FTS5_TOKENIZER = "ascii tokenchars '_''.,'"

# Private-use characters, which no text yields as tokens: one in each document, one between a chat's messages, and
# one in no document.
EVERY_DOCUMENT = "\ue000"
GAP = "\ue001"
NO_DOCUMENT = "\ue002"

_UNSPACED = (
    *((0x0E01, 0x0E4E), (0x0E81, 0x0ECE), (0x0EDC, 0x0EDF), (0x1000, 0x103F), (0x104C, 0x108F)),
    *((0x1780, 0x17D3), (0x17D7, 0x17DD), (0x1950, 0x1974), (0x1980, 0x19C9), (0x1A20, 0x1A7C)),
    *((0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3041, 0x3096)),
    *((0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF)),
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA48C), (0xA9E0, 0xA9EF), (0xA9FA, 0xA9FE)),
    *((0xAA60, 0xAA7F), (0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x3FFFD)),
)
_ZERO_WIDTH_SPACE = 0x200B
_VARIATION_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
# Beyond the first 65,536 characters, whole blocks: hundreds of exact ranges there make the pattern ten times slower.
_WORDS_BEYOND = ((0x10000, 0x1AFFF), (0x1B170, 0x1EFFF), (0x1FBF0, 0x1FBF9))
_SYMBOLS_BEYOND = ((0x1F000, 0x1FBEF),)
_APOSTROPHES = "\u2018\u2019\u201b\uff07"


def indexed_text(value: Any, field_type: str) -> str:
    """A field's tokens joined by spaces. Of a chat they are the roles and contents, and no phrase spans two of them."""
    if value is None:
        return ""
    if field_type == "chat" and isinstance(value, list | tuple):
        parts = [str(part) for message in value for part in (message["role"], message["content"])]
        return f" {GAP} ".join(" ".join(tokens_of(part)) for part in parts)
    return " ".join(tokens_of(str(value)))


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return [match.group() for match in _matches(text)]


def runs_of(text: str) -> list[tuple[str, ...]]:
    """The tokens of a text, those of an unspaced script that touch each other as one tuple; all others alone."""
    runs: list[tuple[str, ...]] = []
    previous_end = -1
    for match in _matches(text):
        unspaced = match.lastgroup == "unspaced"
        if unspaced and match.start() == previous_end:
            runs[-1] += (match.group(),)
        else:
            runs.append((match.group(),))
        previous_end = match.end() if unspaced else -1
    return runs


def _matches(text: str) -> Iterator[re.Match[str]]:
    if text.isascii():
        return _ascii_pattern().finditer(text.lower())
    text = _invisible().sub("", text)
    for apostrophe in _APOSTROPHES:
        text = text.replace(apostrophe, "'")
    return _pattern().finditer(unicodedata.normalize("NFKC", text).casefold())


@cache
def _ascii_pattern() -> re.Pattern[str]:
    return re.compile(_words("[0-9a-z_]"))


@cache
def _pattern() -> re.Pattern[str]:
    words, marks, symbols = _words_marks_and_symbols()
    unspaced = f"(?P<unspaced>{_character_class(_UNSPACED)}{_character_class(marks)}*)"
    return re.compile(f"{_words(_character_class(words))}|{unspaced}|{_character_class(symbols)}")


@cache
def _invisible() -> re.Pattern[str]:
    """Joiners, direction marks and variation selectors; not the space of zero width, which does part words."""
    codes = (*range(0x20000), *range(0xE0000, 0xE0200))
    hidden = [c for c in codes if unicodedata.category(chr(c)) == "Cf" and c != _ZERO_WIDTH_SPACE]
    return re.compile(_character_class(_ranges([*hidden, *_VARIATION_SELECTORS])))


def _words(character: str) -> str:
    # "don't" is one word, and so are 3.14 and 1,000; a dot between letters ends a word.
    return rf"{character}+(?:(?:['·״׳](?={character})|(?<=\d)[.,](?=\d)){character}+)*"


def _words_marks_and_symbols() -> tuple[Ranges, Ranges, Ranges]:
    """The characters of spaced words, the marks that combine with a character, and symbols such as emoji."""
    unspaced = {code for first, last in _UNSPACED for code in range(first, last + 1)}
    words, marks, symbols = [], [], []
    for code in range(0x10000):
        category = unicodedata.category(chr(code))
        if category[0] == "M":
            marks.append(code)
        if code in unspaced:
            continue
        if category[0] in "LNM" or code == ord("_"):
            words.append(code)
        elif category == "So":
            symbols.append(code)
    return [*_ranges(words), *_WORDS_BEYOND], _ranges(marks), [*_ranges(symbols), *_SYMBOLS_BEYOND]


def _ranges(codes: Iterable[int]) -> Ranges:
    ranges: list[tuple[int, int]] = []
    for code in sorted(codes):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return ranges


def _character_class(ranges: Ranges) -> str:
    return "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]"
