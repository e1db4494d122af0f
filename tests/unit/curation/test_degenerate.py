"""Degenerate answers are not taught; good ones that look a little like them are."""

import polars as pl
import pytest
from example_rows import assert_lawful, demonstration, pair, rated, reasons, rows_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation.filters.degenerate import READS, drop_degenerate, repeated_share
from tasks.curation.filters.screening import Screened
from tasks.domain.stdlib_docstrings import find_entries
from tasks.words import split_words

MAX_WORDS = 400

LOOPS = [
    "Lock file descriptor descriptor descriptor descriptor descriptor descr",
    "It is a list. I do not know. I do not know. I do not know.",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "The file is opened\nand closed and\nopened and closed and opened and closed and opened",
    "返回列表的长度。返回列表的长度。返回列表的长度。返回列表的长度。返回列表的长度",
    "hahahahahahahahahahahahahahahahahahaha",
]
CUT_OFF = [
    "Call it like this:\n\n```python\nprint(1)\n",
    "Opens a file (in binary mode, with the given",
    'Returns the string "abc',
    "Use `os.path.jo",
    "Returns the",
    "It reads the file, and then it writes the",
    "First it sorts, then it filters,",
    "Öffnet die Datei und",
    "Renvoie les",
    "Takes a list of [",
]
SOUND = [
    "Return the sum of a 'start' value (default: 0) plus an iterable of numbers",
    "Yes",
    "42",
    "+",
    "👍",
    "`|`",
    "a, a, a",
    "No, no, no.",
    "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
    "| --- | --- | --- | --- | --- | --- | --- |",
    "Same as the bitwise and",
    "The file descriptor to write to",
    "Return a random integer in the range [0, n)",
    "A half-open interval is written [0, n)",
    "Call it like this:\n\n```python\nprint(1)\n```",
    "Here is how it is called:",
    'A 24" monitor.',
    'He said "no"',
    "Sorry, that function is gone: use `os.replace`",
    "Vitamin A and vitamin C",
    "1\n2\n3\n1\n2\n3\n1\n2\n3\n1\n2\n3\n1\n2\n3\n1\n2\n3\n",
    "返回列表的长度",
]


def judge(completion: str) -> dict[str, str]:
    return reasons(drop_degenerate(rows_frame([demonstration(completion)]), MAX_WORDS))


@pytest.mark.parametrize("text", ["", "  \n\t", "\u2003"])
def test_a_blank_answer_goes(text: str) -> None:
    assert judge(text) == {text: "answers_blank"}


@pytest.mark.parametrize("text", ["...", "?!", "—", " - - - ", "。。。", "()"])
def test_an_answer_of_punctuation_alone_goes(text: str) -> None:
    assert judge(text) == {text: "answers_without_words"}


@pytest.mark.parametrize("text", LOOPS)
def test_an_answer_that_ends_in_a_loop_goes(text: str) -> None:
    assert judge(text) == {text: "answers_looping"}


def test_the_detail_of_a_loop_is_what_is_said_again_and_again() -> None:
    text = "It is a list. I do not know. I do not know. I do not know."
    removed = drop_degenerate(rows_frame([demonstration(text)]), MAX_WORDS).removed
    assert removed["detail"].to_list() == ["I do not know"]


def test_an_answer_half_of_which_was_said_before_goes() -> None:
    lines = "".join(f"{n}. Open the file, read every line of it and close it again.\n" for n in range(8))
    text = f"{lines}That is all there is to say about it."
    assert judge(text) == {text: "answers_repetitive"}


def test_an_answer_with_a_refrain_stays() -> None:
    verbs = ["open", "read", "write", "seek", "close", "flush", "lock", "unlock", "map", "copy"]
    text = " ".join(f"To {verb} it, call {verb} on the {verb}able object of your choice." for verb in verbs)
    assert judge(text) == {}


@pytest.mark.parametrize("text", CUT_OFF)
def test_an_answer_that_stops_in_the_middle_goes(text: str) -> None:
    assert judge(text) == {text: "answers_cut_off"}


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_answer_stays(text: str) -> None:
    assert judge(text) == {}


def test_an_answer_with_more_words_than_allowed_goes_and_one_with_as_many_stays() -> None:
    words = [f"word{number}" for number in range(MAX_WORDS + 1)]
    too_long = " ".join(words)
    assert judge(too_long) == {too_long: "answers_too_long"}
    assert judge(" ".join(words[:-1])) == {}
    unspaced = "".join(chr(0x4E00 + number) for number in range(MAX_WORDS + 1))
    assert judge(unspaced) == {unspaced: "answers_too_long"}
    assert judge(unspaced[:-1]) == {}


def test_refusals_may_be_kept() -> None:
    rows = rows_frame([demonstration("I'm sorry, but I can't help with that.")])
    assert len(drop_degenerate(rows, MAX_WORDS).removed) == 1
    assert len(drop_degenerate(rows, MAX_WORDS, drop_refusals=False).removed) == 0


def test_only_answers_that_are_learned_from_are_judged() -> None:
    rows = rows_frame([pair("A list.", ""), rated("...", desirable=False), pair("", "A list."), rated("...", True)])
    screened = drop_degenerate(rows, MAX_WORDS)
    assert screened.kept["key"].to_list() == ["000", "001"]
    assert screened.removed.select("key", "reason").rows() == [
        ("002", "answers_blank"),
        ("003", "answers_without_words"),
    ]


def test_no_summary_and_no_docstring_of_the_standard_library_goes() -> None:
    entries = find_entries()
    texts = [entry.summary for entry in entries] + [entry.docstring for entry in entries]
    assert len(texts) > 3000
    screened = drop_degenerate(rows_frame([demonstration(text) for text in texts]), 2000)
    assert reasons(screened) == {}


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_the_repeated_share_is_that_of_the_words_in_runs_said_before(words: list[str]) -> None:
    def is_repeated(at: int) -> bool:
        starts = range(max(0, at - 4), min(at, len(words) - 5) + 1)
        return any(words[s : s + 5] == words[b : b + 5] for s in starts for b in range(s))

    expected = sum(map(is_repeated, range(len(words)))) / len(words) if words else 0.0
    assert repeated_share(words) == pytest.approx(expected)


def test_the_repeated_share_of_an_endless_refrain_is_nearly_one() -> None:
    assert repeated_share(split_words("read every line of it " * 20)) == pytest.approx(0.95)


texts = st.sampled_from([*LOOPS, *CUT_OFF, *SOUND, "", "...", "I cannot help you with that."]) | st.text(max_size=60)
drawn = st.one_of(
    st.builds(demonstration, texts), st.builds(pair, texts, texts), st.builds(rated, texts, st.booleans())
)


@settings(max_examples=50)
@given(st.lists(drawn, min_size=1, max_size=8), st.data())
def test_the_filter_is_lawful(given_rows: list[dict[str, object]], data: st.DataObject) -> None:
    def apply(rows: pl.DataFrame) -> Screened:
        return drop_degenerate(rows, 30)

    rows = rows_frame(given_rows)
    assert_lawful(apply, rows, READS, data.draw(st.permutations(range(len(rows)))))


def test_no_rows_give_no_rows() -> None:
    assert drop_degenerate(rows_frame([]), MAX_WORDS).removed.is_empty()
