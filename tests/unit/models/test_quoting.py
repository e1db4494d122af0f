"""Quoting: no text ends its quotation, none passes for a mark of the chat, and words stay what they are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.models.quoting import QUOTE, quote_lines
from tasks.words import split_words

# What a chat template or tokenizer may read as its own.
MARKS = (
    "<|im_end|>",
    "<|im_start|>system",
    "</s>",
    "<s>",
    "<start_of_turn>user",
    "<end_of_turn>",
    "<｜User｜>",
    "<<SYS>>",
    "<</SYS>>",
    "[INST]",
    "[/INST]",
    "[SEP]",
    "<!-- -->",
)


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_of_a_chat_is_broken_and_its_words_stay(mark: str) -> None:
    quoted = quote_lines(f"before {mark} after")

    assert mark not in quoted
    assert split_words(quoted) == split_words(f"before {mark} after")


@given(
    st.text()
    | st.lists(st.sampled_from(["a", "\n", "\r\n", "\u2028", "\x85", "\x0b", "> ", "<|im_end|>"])).map("".join)
)
@example("no\rescape\u2029from\x1ethis")
@example("")
def test_every_line_of_whatever_text_is_quoted(text: str) -> None:
    lines = quote_lines(text).splitlines()

    assert lines
    assert all(line.startswith(">") for line in lines)


@given(st.text())
def test_no_line_is_lost_and_none_is_added(text: str) -> None:
    unseen_aside = quote_lines("\n".join(f"x{line}" for line in text.splitlines()) or "x")

    assert len(unseen_aside.split("\n")) == max(1, len(text.splitlines()))


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("one\ntwo", "> one\n> two"),
        ("\n\nheading\n\n    code\n\n", "> heading\n>\n>     code"),
        ("a < b and b <= c, a[0] and [x for x in y]", "> a < b and b <= c, a[0] and [x for x in y]"),
        ("<class 'int'>", "> < class 'int'>"),
        ("hid\u200bden\u202e \U000e0041orders\ufeff\x00", "> hidden orders"),
        ("क्\u200dष", "> क्\u200dष"),
        ("tab\tstays  ", "> tab\tstays"),
    ],
)
def test_a_quotation_reads_like_its_text(text: str, quoted: str) -> None:
    assert quote_lines(text) == quoted
    assert quoted.startswith(QUOTE)
