"""Texts are compared by column as they are one by one, in every script and with every kind of whitespace."""

import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.texts import WHITESPACE, comparable, is_blank, stripped
from tasks.feedback.pairing import comparable_text

# Python and Polars may have other versions of Unicode: what only one of them knows, no rule can be told by.
characters = st.characters(exclude_categories=["Cs", "Cn"])
spaces = st.sampled_from(WHITESPACE)
marks = st.sampled_from("e\u0301\u0327a\u030a\u1100\u1161\u11a8\u212b\ufb01\u0958x2²")
texts = st.text(characters | spaces | marks, max_size=20)


def column(expression: pl.Expr, values: list[str | None]) -> list[object]:
    return pl.DataFrame({"text": values}, schema={"text": pl.String}).select(expression).to_series().to_list()


@given(st.lists(texts, max_size=8))
def test_texts_are_compared_by_column_as_one_by_one(values: list[str]) -> None:
    assert column(comparable(pl.col("text")), list(values)) == [comparable_text(each) for each in values]
    assert column(stripped(pl.col("text")), list(values)) == [each.strip() for each in values]
    assert column(is_blank(pl.col("text")), list(values)) == [not each.strip() for each in values]


def test_whitespace_is_what_python_splits_at() -> None:
    every = {chr(code) for code in range(sys.maxunicode + 1)}
    assert {each for each in every if each.isspace()} == set(WHITESPACE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \x1f\u3000", ""),
        ("a  b", "a b"),
        ("a\nb", "a b"),
        ("a\x1cb", "a b"),
        ("a \u2028 b", "a b"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u0958", "\u0915\u093c"),  # a composition that Unicode excludes
        ("a\u200bb", "a\u200bb"),  # a zero width space is no whitespace
    ],
)
def test_a_text_s_comparable_form(text: str, expected: str) -> None:
    assert column(comparable(pl.col("text")), [text, "plain", None]) == [expected, "plain", None]
    assert comparable_text(text) == expected
