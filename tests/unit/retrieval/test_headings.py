"""Headings of Markdown and reStructuredText: which lines are one, and what lies below what."""

import pytest

from tasks.retrieval.headings import find_headings, find_sections

MARKDOWN = [
    ("# One\n## Two ##\n### C#\n", [(1, "One"), (2, "Two"), (3, "C#")]),
    ("One\n===\n\nTwo\n---\n", [(1, "One"), (2, "Two")]),
    ("#no space\n####### seven\n#\n# \n", []),
    ("    # indented code\n", []),
    ("```\n# comment\n```\n# Title\n", [(1, "Title")]),
    ("~~~~\n# a\n~~~\n# b\n~~~~\n# Title\n", [(1, "Title")]),
    ("```\n# never closed\n", []),
    ("| a |\n---\n", []),
    ("- item\n---\n", []),
    ("two lines of\na paragraph\n---\n", []),
    ("---\n\ntext\n", []),
]
RESTRUCTURED = [
    ("Top\n===\n\nSub\n---\n\nTop again\n=========\n", [(1, "Top"), (2, "Sub"), (1, "Top again")]),
    ("===\nTop\n===\n\nSub\n===\n", [(1, "Top"), (2, "Sub")]),
    ("Title\n~~~~~\n", [(1, "Title")]),
    ("A long title\n---\n", []),
    ("text\n\n----\n\ntext\n", []),
    ("# a comment\nprint()\n", []),
    (" indented\n---------\n", []),
]


@pytest.mark.parametrize(("text", "expected"), MARKDOWN)
def test_markdown_headings(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(heading.level, heading.title) for heading in find_headings("a.MD", text)] == expected


@pytest.mark.parametrize(("text", "expected"), RESTRUCTURED)
@pytest.mark.parametrize("name", ["a.rst", "a.txt"])
def test_restructuredtext_headings(name: str, text: str, expected: list[tuple[int, str]]) -> None:
    assert [(heading.level, heading.title) for heading in find_headings(name, text)] == expected


def test_a_heading_with_nothing_under_it_begins_the_next_section() -> None:
    text = "# A\n\n## B\n\ntext\n\n# C\n"
    sections = [(text[section.start : section.end], section.path) for section in find_sections("a.md", text)]
    assert sections == [("# A\n\n## B\n\ntext\n\n", ("A", "B")), ("# C\n", ("C",))]


def test_a_level_that_is_left_out_is_no_section() -> None:
    assert [section.path for section in find_sections("a.md", "# A\nx\n### B\nx\n## C\nx\n")] == [
        ("A",),
        ("A", "B"),
        ("A", "C"),
    ]
