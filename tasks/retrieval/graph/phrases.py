"""What a text names, found without a model: names, terms of code, quotations, titles, and links to other documents.

In scripts with capital letters a name is a run of capitalised words ("Orrin Vale", "Bay of Salt"). At the beginning of
a sentence every word is capitalised, so what stands there counts only when it also stands elsewhere; the graph sees to
that. Scripts without capitals (Devanagari, Han, Arabic) have no such sign: all their words are given, or pairs of
letters where no spaces are written, and how few chunks have a word tells whether it means anything in particular.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import pairwise

import regex

from tasks.retrieval.headings import find_headings
from tasks.retrieval.terms import search_terms
from tasks.words import split_words


class Kind(IntEnum):
    """What a phrase is; of several in one chunk the highest counts."""

    INITIAL = 0  # at the beginning of a sentence: perhaps nothing but its first word
    NAME = 1
    TITLE = 2


_NAME_WORDS = 6
_MARKED_CHARACTERS = 80
_TITLE_WORDS = 12

_CAPITALISED = r"[\p{Lu}\p{Lt}](?:[\p{L}\p{N}\p{M}]|[-'’](?=\p{L}))*"
_RUN = rf"{_CAPITALISED}(?:(?:[ \t]+|[ \t]*\n[ \t]*(?=\S))(?:{_CAPITALISED}|\p{{Nd}}+\b))*"
_RUNS = regex.compile(rf"(?<![\p{{L}}\p{{N}}\p{{M}}_'’-]){_RUN}")
_CONNECTION = regex.compile(r"\s\p{Ll}{1,3}\s(?:\p{Ll}{1,3}\s)?")
# What a sentence ends with, or a line's mark of a heading, list or quotation; then a quotation or emphasis may open.
_BEFORE_SENTENCE = regex.compile(
    r"(?:^|[.!?:…][\"'”’)\]*_]*\s+|\n\s*\n\s*|(?:^|\n)[ \t]*(?:[-*+>#|]+|\d+[.)])[ \t]+)[\"'“„‘(\[*_]*$"
)
_IDENTIFIERS = regex.compile(
    r"(?<![\p{L}\p{N}_.@/-])(?:[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]+)+|\p{L}[\p{L}\p{N}]*_[\p{L}\p{N}_]+"
    r"|\p{Ll}+(?:\p{Lu}[\p{Ll}\p{N}]+)+)(?![\p{L}\p{N}/])"
)
_MARKED = [
    regex.compile(rf"{opening}(?P<inner>[^{closing}\n]{{2,{_MARKED_CHARACTERS}}})[{closing}]")
    for opening, closing in (("`", "`"), ("“", "”"), ("„", "“”"), ("«", "»"), ("「", "」"), ("『", "』"))
] + [regex.compile(rf'(?<![\p{{L}}\p{{N}}])"(?P<inner>[^"\n]{{2,{_MARKED_CHARACTERS}}})"(?![\p{{L}}\p{{N}}])')]
_CASELESS = regex.compile(r"\p{Lo}")


def key_of(phrase: str) -> str:
    """By which phrases are the same: its words as search sees them, an English possessive ending left out; "" when it
    has none."""
    return " ".join(split_words(phrase)).removesuffix("'s")


def find_phrases(text: str, titles: Iterable[str]) -> dict[str, Kind]:
    """The keys of everything that the text names, each with what it is at best, in the order in which they appear.

    Args:
        titles: headings above the text, and its own.
    """
    found: dict[str, Kind] = {}
    for phrase, kind in _all_phrases(text, titles):
        key = key_of(phrase)
        if _says_something(key):
            found[key] = max(kind, found.get(key, kind))
    # Terms of scripts without capitals are keys already: a pair of letters is one term, not two words.
    for term in () if text.isascii() else search_terms(text):
        if len(term) > 1 and _CASELESS.match(term):
            found.setdefault(term, Kind.NAME)
    return found


def title_of(document_id: str, text: str) -> str | None:
    """A document's title: its first heading, or a first line that is short and stands alone; None: it has neither.

    Args:
        text: its beginning is enough.
    """
    heading = next(find_headings(document_id, text), None)
    if heading is not None and not text[: heading.start].strip():
        return heading.title
    first, _, rest = text.strip().partition("\n")
    alone = not rest or rest.startswith("\n")
    return first if alone and len(split_words(first)) <= _TITLE_WORDS and not first.endswith((".", "!", "?")) else None


def phrases_of_question(question: str) -> tuple[list[str], list[str]]:
    """What of a question may be a key: its words in order, and its pairs of letters in scripts without spaces."""
    words = [word.removesuffix("'s") for word in split_words(question)]
    return words, search_terms(question)[len(words) :]


def _all_phrases(text: str, titles: Iterable[str]) -> Iterator[tuple[str, Kind]]:
    for title in titles:
        yield title, Kind.TITLE
        # "Lantern House" for "The Lantern House": which words are articles differs between languages.
        yield title.partition(" ")[2], Kind.NAME
    for pattern in _MARKED:
        for match in pattern.finditer(text):
            if len(split_words(match["inner"])) <= _NAME_WORDS:
                yield match["inner"], Kind.NAME
    for match in _IDENTIFIERS.finditer(text):
        yield match[0], Kind.NAME
    yield from _names(text)


def _names(text: str) -> Iterator[tuple[str, Kind]]:
    """Runs of capitalised words, and two of them that short words join: "Bay of Salt"."""
    runs = [(match.start(), match.end()) for match in _RUNS.finditer(text)]
    initial = [_begins_sentence(text, start) for start, _ in runs]
    for (start, end), first in zip(runs, initial, strict=True):
        yield from _parts(text[start:end], first)
    for ((start, end), (next_start, next_end)), first in zip(pairwise(runs), initial, strict=False):
        if _CONNECTION.fullmatch(text, end, next_start):
            yield from _parts(text[start:next_end], first)


def _parts(run: str, initial: bool) -> Iterator[tuple[str, Kind]]:
    """The run; at the beginning of a sentence also what follows its first word, which is surely a name if capital."""
    words = run.split()
    if len(words) > _NAME_WORDS:
        return
    yield run, Kind.INITIAL if initial else Kind.NAME
    if initial and len(words) > 1 and not words[1][0].islower():
        yield run.split(maxsplit=1)[1], Kind.NAME


def _begins_sentence(text: str, place: int) -> bool:
    return _BEFORE_SENTENCE.search(text, max(0, place - 40), place) is not None


def _says_something(key: str) -> bool:
    """Whether a key is more than a single letter or a number."""
    return any(len(word) > 1 and not word.isnumeric() for word in key.split())
