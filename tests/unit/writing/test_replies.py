"""What is taken of a model's reply: usable lines within their limits, whatever stands around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.words import split_words
from tasks.writing.replies import reply_lines, reply_passage


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        ("one\ntwo\nthree\nfour", ["one", "two", "three"]),
        ("1. one\n2) two\n- three", ["one", "two", "three"]),
        ("Here are the queries:\n\none", ["one"]),
        ("以下の質問：\nこれは何？", ["これは何？"]),
        ("```\none\n```", ["one"]),
        ('"one"\n“two”\n**three**', ["one", "two", "three"]),
        ("one\nOne!\n ONE \ntwo", ["one", "two"]),
        ("asked before\none", ["one"]),
        ("  one \t\r\n\n\n two", ["one", "two"]),
        (f"{'word ' * 9}\none", ["one"]),
        ("", []),
        ("...\n???\n🙂", []),
        ("3.5 litres of water", ["3.5 litres of water"]),
    ],
)
def test_lines_are_taken_strictly(reply: str, lines: list[str]) -> None:
    assert reply_lines(reply, 3, 8, without=["Asked before?"]) == lines


def test_what_only_repeats_the_prompt_is_left_out() -> None:
    given_texts = ("The pond is deep. It freezes over.", "Reply with one question a line.")
    reply = "the pond is deep\nReply with one question a line!\nIs the pond deep?\npond\nponds"
    assert reply_lines(reply, 5, 8, not_from=given_texts) == ["Is the pond deep?", "ponds"]


@given(st.text(), st.integers(1, 5), st.integers(1, 10))
def test_there_are_never_more_lines_longer_lines_or_line_breaks(reply: str, most: int, max_words: int) -> None:
    lines = reply_lines(reply, most, max_words)
    assert len(lines) <= most
    assert all(1 <= len(split_words(line)) <= max_words and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("reply", "passage"),
    [
        ("One two.\n\nThree four.", "One two. Three four."),
        ("One two.\nThree four five six.", "One two."),
        ("one two three four five six", None),
        ("\n 🙂 \n", None),
        ("", None),
    ],
)
def test_a_passage_has_whole_lines_within_its_limit(reply: str, passage: str | None) -> None:
    assert reply_passage(reply, 5) == passage
