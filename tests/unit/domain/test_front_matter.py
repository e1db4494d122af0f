"""Front matter: what is taken from it, what stays text, and that no YAML can do harm."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.front_matter import split_front_matter
from tasks.files import canonical_json


def test_keys_are_taken_and_the_text_begins_after_them() -> None:
    text = "---\ntitle: Cats\ndate: 2026-01-31\ntags: [pet, 'soft']\nof: {a: 1}\nnothing:\n---\n\n# Heading\n"
    assert split_front_matter(text) == (
        {"title": "Cats", "date": "2026-01-31", "tags": ["pet", "soft"], "of": {"a": 1}},
        "# Heading\n",
        None,
    )
    assert split_front_matter("--- \na: 1\n...\ntext") == ({"a": 1}, "text", None)
    assert split_front_matter("---\na: 1\n---") == ({"a": 1}, "", None)


@pytest.mark.parametrize(
    "text", ["", "---", "---\n", "text\n---\na: 1\n---\n", "---\na: 1\n", "--- a\n---\n", "-----\na: 1\n-----\n"]
)
def test_what_is_no_front_matter_is_text(text: str) -> None:
    assert split_front_matter(text) == ({}, text, None)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("a: [1,\n", "is not YAML (line 3)"),
        ("a: 1\na: 2\n", "is not YAML (line 3)"),
        ("a: 2026-99-99\n", "is not YAML"),
        ("a: [[[[[[[[[[[]]]]]]]]]]]\n", "is nested more than 10 deep"),
        ("a: !!python/object/apply:os.system [ls]\n", "is not YAML (line 2)"),
        ("a: &a [x, x]\nb: [*a, *a]\n", "has an alias (*name), which is not read"),
        ("Some words.\n", "holds str, not keys and values"),
        ("- a\n- b\n", "holds list, not keys and values"),
        ("", "holds nothing, not keys and values"),
        ("a: .nan\n", "holds values that are not text, numbers, dates or lists of them"),
        ("a: !!binary aGk=\n", "holds values that are not text, numbers, dates or lists of them"),
        ('a: "\\ud800"\n', "holds values that are not text, numbers, dates or lists of them"),
    ],
)
def test_what_cannot_be_read_is_said_and_stays_text(block: str, problem: str) -> None:
    text = f"---\n{block}---\ntext\n"
    assert split_front_matter(text) == ({}, text, f"{problem}, so it was left as text; correct it, or remove it.")


def test_a_long_text_between_two_rules_is_not_read_as_yaml() -> None:
    text = "---\n" + "a: b\n" * 1_000_000 + "---\n"
    started = time.process_time()
    assert split_front_matter(text) == ({}, text, None)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("unit", ["[", "{", "- ", "? ", "a: ", "&a ", "!t ", "a,", "[a,", "'", "\\", "#", "|\n", "a\n"])
def test_none_takes_long(unit: str) -> None:
    block = (unit * 16_000)[:16_000]
    started = time.process_time()
    said, _, _ = split_front_matter(f"---\n{block}\n---\ntext\n")
    assert said == {}
    assert time.process_time() - started < 3


@given(st.lists(st.sampled_from([*"-:[]{}&*!|>'\"#? \n", "a", "---\n", "é", "\x00", "\x85"]), max_size=30).map("".join))
def test_anything_gives_storable_metadata_and_loses_no_text(block: str) -> None:
    text = f"---\n{block}\n---\ntext\n"
    said, rest, problem = split_front_matter(text)
    canonical_json(said).encode("utf-8")
    assert text.endswith(rest)
    assert (problem is None) or (said == {} and rest == text)
