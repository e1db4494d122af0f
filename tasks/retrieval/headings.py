"""The sections of a text: Markdown's headings in .md files, reStructuredText's in all others.

Markdown: `# title`, and a line underlined with = or -. reStructuredText: a line underlined, or underlined and
overlined, with one of its signs; which level a sign means follows from the order in which signs appear. Signs of
Markdown in other files are left alone, since `# ...` is a comment in most code.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_LINE = re.compile(r"[^\n]*\n?")
_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t])")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_ADORNMENT = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}[ \t]*$")


class Heading(NamedTuple):
    """One heading: the place where its lines begin, the place after them, its level from 1, its title."""

    start: int
    end: int
    level: int
    title: str


class Section(NamedTuple):
    """A stretch of text under one heading: its heading's lines are part of it."""

    start: int
    end: int
    path: tuple[str, ...]


class _Line(NamedTuple):
    start: int
    end: int
    text: str


def find_sections(document_id: str, text: str) -> Iterator[Section]:
    """The sections of a text in order, from its first character to its last; one without headings is one section.

    A heading with nothing under it begins the section that follows.
    """
    path: list[Heading] = []
    start = 0
    headings = [*find_headings(document_id, text), Heading(len(text), len(text), 0, "")]
    if text[: headings[0].start].strip():
        yield Section(0, headings[0].start, ())
        start = headings[0].start
    for heading, following in pairwise(headings):
        path = [*(above for above in path if above.level < heading.level), heading]
        is_last = following.start == len(text)
        if is_last or text[heading.end : following.start].strip():
            yield Section(start, following.start, tuple(above.title for above in path))
            start = following.start


def find_headings(document_id: str, text: str) -> Iterator[Heading]:
    """The headings of a text, in order."""
    return _markdown(text) if document_id.lower().endswith(".md") else _restructured(text)


def _markdown(text: str) -> Iterator[Heading]:
    fence = ""
    before = above = _Line(0, 0, "")
    for line in _lines(text):
        mark = _FENCE.match(line.text)
        if fence:
            # A fence is closed by its own sign, at least as often.
            closes = mark is not None and mark[1].startswith(fence) and not line.text[mark.end() :].strip()
            fence = "" if closes else fence
        elif mark:
            fence = mark[1]
        elif found := _ATX.match(line.text):
            if title := _without_closing_signs(line.text[found.end() :].strip()):
                yield Heading(line.start, line.end, len(found[1]), title)
        elif (found := _SETEXT.match(line.text)) and _may_be_title(above.text) and not before.text.strip():
            yield Heading(above.start, line.end, 1 if found[1][0] == "=" else 2, above.text.strip())
        before, above = above, line


def _restructured(text: str) -> Iterator[Heading]:
    styles: list[tuple[str, bool]] = []
    before = above = _Line(0, 0, "")
    for line in _lines(text):
        found = _ADORNMENT.match(line.text)
        if found and _may_be_title(above.text) and len(line.text.rstrip()) >= len(above.text.strip()):
            overlined = before.text.rstrip() == line.text.rstrip()
            if overlined or not (before.text.strip() or above.text[0].isspace()):
                style = (found[1], overlined)
                if style not in styles:
                    styles.append(style)
                start = before.start if overlined else above.start
                yield Heading(start, line.end, styles.index(style) + 1, above.text.strip())
        before, above = above, line


def _without_closing_signs(title: str) -> str:
    """`title` for "title ##", but "C#" as it is."""
    opened = title.rstrip("#")
    return opened.strip() if not opened or opened[-1].isspace() else title


def _may_be_title(line: str) -> bool:
    return bool(line.strip()) and not _ADORNMENT.match(line) and not line.lstrip().startswith(("|", ">", "- ", "* "))


def _lines(text: str) -> Iterator[_Line]:
    for match in _LINE.finditer(text):
        if match[0]:
            yield _Line(match.start(), match.end(), match[0].removesuffix("\n"))
