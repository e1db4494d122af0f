"""The security page names tests that are there, and fits on a screen."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists():
    named = re.findall(r"`(tests/[^`]+)`", PAGE)
    assert len(named) >= 10
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_row_says_what_shows_it():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| who")]
    assert rows and all(re.search(r"`tests/[^`]+` \|$", row) for row in rows)


def test_it_is_one_screen():
    assert len(PAGE.splitlines()) <= 50
