"""Parts of a text as pairs of places: words, runs of words and sentences. No character but white space is lost.

A span is (start, end), counted in characters, and neither begins nor ends with white space.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from tasks.words import word_starts

Span = tuple[int, int]

# A run of characters without a break counts as so many words: a key or an image in base64 must not be one.
_WORD_CHARACTERS = 64

_SPACE = re.compile(r"\s*")
_BLANK_LINES = re.compile(r"\n\s*\n")
_UNUSUAL_SPACE = re.compile(r"[^\S\n ]")


def trimmed(text: str, start: int, end: int) -> Span:
    """The span without the white space at its ends; an empty one when there is nothing else."""
    space = _SPACE.match(text, start, end)
    start = space.end() if space else start
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def word_places(text: str, start: int, end: int) -> Iterator[int]:
    """Where the words of a span begin: the first at its start, each with what leads to it after the last space.

    What lies between two places is at most 64 characters long, the space at its end not counted.
    """
    start, end = trimmed(text, start, end)
    if start == end:
        return
    begun = start
    yield start
    for place in chain((_with_what_leads_to_it(text, word, start) for word in word_starts(text, start, end)), (end,)):
        if place - begun > _WORD_CHARACTERS:
            yield from range(begun + _WORD_CHARACTERS, trimmed(text, begun, place)[1], _WORD_CHARACTERS)
        if begun < place < end:
            yield place
        begun = max(begun, place)


def _with_what_leads_to_it(text: str, word: int, start: int) -> int:
    """Where the signs before a word begin, such as an opening quote; signs that touch another word are that word's."""
    place = word
    while place > start and not text[place - 1].isspace():
        place -= 1
        if text[place].isalnum():
            return word
    return place


def count_words(text: str, start: int, end: int) -> int:
    """How many words the span has, as `word_places` counts."""
    return sum(1 for _ in word_places(text, start, end))


def runs_of_words(text: str, start: int, end: int, words: int, overlap: int) -> Iterator[Span]:
    """Runs of at most `words` words, each beginning with the last `overlap` words of the one before."""
    places: deque[int] = deque()
    for place in word_places(text, start, end):
        places.append(place)
        if len(places) > words:
            yield from _filled(text, places[0], place)
            for _ in range(words - overlap):
                places.popleft()
    if places:
        yield from _filled(text, places[0], end)


def _filled(text: str, start: int, end: int) -> Iterator[Span]:
    span = trimmed(text, start, end)
    if span[0] < span[1]:
        yield span


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of a span in any script; a paragraph, set off by blank lines, ends a sentence."""
    breaks = (place for match in _BLANK_LINES.finditer(text, start, end) for place in match.span())
    borders = list(chain((start,), breaks, (end,)))
    for paragraph_start, paragraph_end in zip(borders[::2], borders[1::2], strict=True):
        at = paragraph_start
        for sentence in split_sentences(text[paragraph_start:paragraph_end]):
            yield from _filled(text, at, at + len(sentence))
            at += len(sentence)


def split_sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph, which put together are the paragraph."""
    import sentencex

    # One character for one: sentencex 1.0.32 panics at some white space of more than one byte (U+0085, U+00A0, U+3000).
    plain = _UNUSUAL_SPACE.sub(" ", paragraph)
    try:
        parts = sentencex.segment("en", plain)
    except BaseException as error:  # a Rust panic is no Exception, and one odd paragraph must not end the work
        if type(error).__name__ != "PanicException":
            raise
        return [paragraph]
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + len(part))
    if ends[-1] != len(paragraph):
        return [paragraph]
    return [paragraph[a:b] for a, b in pairwise(ends)]


def short_sentences(text: str, start: int, end: int, words: int, overlap: int) -> Iterator[tuple[Span, int]]:
    """Sentences with their words; one that is longer than `words` words is cut into runs of that many."""
    for sentence_start, sentence_end in sentences(text, start, end):
        count = count_words(text, sentence_start, sentence_end)
        if count <= words:
            yield (sentence_start, sentence_end), count
        else:
            for run in runs_of_words(text, sentence_start, sentence_end, words, overlap):
                yield run, count_words(text, *run)


def packed(counted: Iterable[tuple[Span, int]], words: int, overlap: int) -> Iterator[Span]:
    """Neighbours put together to at most `words` words; each begins with whole sentences of the one before, as many
    as have no more than `overlap` words and leave room for a new one."""
    held: deque[tuple[Span, int]] = deque()
    total = 0
    new = False
    for span, count in counted:
        if new and total + count > words:
            yield held[0][0][0], held[-1][0][1]
            new = False
            while held and (total > overlap or total + count > words):
                total -= held.popleft()[1]
        held.append((span, count))
        total += count
        new = True
    if new:
        yield held[0][0][0], held[-1][0][1]
