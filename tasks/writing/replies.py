"""What is taken of a text that an LLM was asked to write: so many lines, none longer than wanted, none twice."""

import re
from collections.abc import Collection

from tasks.words import split_words

# What models put before the items of a list, asked for or not: `-`, `*`, `1.`, `2)`, and quotation marks around one.
_MARK = re.compile(r"^(?:[-*•–—]|\(?\d{1,2}[.):])\s+")
_QUOTES = "\"“”„«»'`*"


def reply_lines(
    reply: str, most: int, max_words: int, without: Collection[str] = (), not_from: Collection[str] = ()
) -> list[str]:
    """The first `most` usable lines, without list marks and quotation marks around them.

    Not usable are lines without a word, lines of more than `max_words` words, introductions (they end with a colon),
    what was said before, and what is in `without`, in whatever case; nor what stands word for word in a text of
    `not_from`, for small models repeat what they were given.
    """
    given = [f" {_folded(text)} " for text in not_from]
    seen = {_folded(text) for text in without}
    lines: list[str] = []
    for raw in reply.split("\n"):
        line = _MARK.sub("", " ".join(raw.split())).strip(_QUOTES).strip()
        words = split_words(line)
        if not words or len(words) > max_words or line.endswith((":", "：")) or _folded(line) in seen:
            continue
        if any(f" {_folded(line)} " in text for text in given):
            continue
        seen.add(_folded(line))
        lines.append(line)
        if len(lines) == most:
            break
    return lines


def reply_passage(reply: str, max_words: int) -> str | None:
    """The reply as one passage of whole lines, at most so many words; None when it has none."""
    kept: list[str] = []
    left = max_words
    for raw in reply.split("\n"):
        line = " ".join(raw.split())
        words = len(split_words(line))
        if words > left:
            break
        left -= words
        kept.append(line)
    text = " ".join(line for line in kept if line)
    return text if split_words(text) else None


def _folded(text: str) -> str:
    return " ".join(split_words(text))
