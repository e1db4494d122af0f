"""`split_words`: a table of scripts, and the properties every text must keep."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from tasks.words import is_unspaced, split_words, word_starts

CASES = [
    # English, punctuation, code
    ("", []),
    (" \t\n", []),
    ("?!… —", []),
    ("The quick, brown FOX.", ["the", "quick", "brown", "fox"]),
    ("itertools.accumulate(iterable)", ["itertools", "accumulate", "iterable"]),
    ("read_csv utf-8 int32", ["read", "csv", "utf", "8", "int32"]),
    ("end.Start of", ["end", "start", "of"]),
    ("fun 🙂 100%", ["fun", "100"]),
    # apostrophes
    ("don't", ["don't"]),
    ("don’t", ["don't"]),
    ("l’homme d'État", ["l'homme", "d'état"]),
    ("'quoted' users' rock'n'roll", ["quoted", "users", "rock'n'roll"]),
    ("5'3", ["5", "3"]),
    # numbers
    ("3.14 and 1,000.50.", ["3.14", "and", "1,000.50"]),
    ("version 3.11.7, 2nd", ["version", "3.11.7", "2nd"]),
    ("1. 2. .5", ["1", "2", "5"]),
    ("-5 or 10⁶ or ½", ["5", "or", "10⁶", "or", "½"]),
    ("٣٫١٤", ["٣٫١٤"]),
    # Latin, Greek, Cyrillic, case
    ("Straße", ["strasse"]),
    ("STRASSE", ["strasse"]),
    ("ΣΊΣΥΦΟΣ", ["σίσυφοσ"]),
    ("Йод, ёлка", ["йод", "ёлка"]),
    ("paral·lel", ["paral·lel"]),
    ("ﬁle", ["file"]),
    ("co\u00adoperate", ["cooperate"]),
    ("ＡＢＣ１２", ["abc12"]),
    # scripts with marks inside words
    ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
    ("क\u094d\u200dष", ["क्ष"]),
    ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
    ("বাংলা ভাষা।", ["বাংলা", "ভাষা"]),
    ("العَرَبِيَّة، لغة", ["العَرَبِيَّة", "لغة"]),
    ("می\u200cخواهم", ["میخواهم"]),
    ("שָׁלוֹם צה״ל", ["שָׁלוֹם", "צה״ל"]),
    # scripts without spaces
    ("ที่นี่", ["ที่", "นี่"]),
    ("ភាសា", ["ភា", "សា"]),
    ("你好，世界", ["你", "好", "世", "界"]),
    ("時々スーパーへ", ["時", "々", "ス", "ー", "パ", "ー", "へ"]),
    ("ｶﾞ", ["ガ"]),
    ("Python3で書く", ["python3", "で", "書", "く"]),
    ("二〇二六年2月", ["二", "〇", "二", "六", "年", "2", "月"]),
    # spaced again
    ("한국어 문장", ["한국어", "문장"]),
    ("བོད་སྐད", ["བོད", "སྐད"]),
    ("ሰላም፡ዓለም", ["ሰላም", "ዓለም"]),
]


@pytest.mark.parametrize(("text", "words"), CASES, ids=[repr(text) for text, _ in CASES])
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_accents_give_the_same_words(form: str) -> None:
    assert split_words(unicodedata.normalize(form, "Ärger in Việt Nam, Ǆ")) == split_words("Ärger in Việt Nam, Ǆ")


@given(st.text())
def test_every_word_holds_a_letter_or_digit_and_no_space(text: str) -> None:
    for word in split_words(text):
        # By regex, not unicodedata: the older Pythons know an older Unicode.
        assert regex.search(r"[\p{L}\p{N}]", word)
        assert not any(character.isspace() for character in word)


@given(st.text())
def test_splitting_the_joined_words_again_changes_nothing(text: str) -> None:
    words = split_words(text)
    assert split_words(" ".join(words)) == words


# Left out: ŉ, which casefolds to an apostrophe and an n, and the Hangul fillers, letters without a shape.
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"], exclude_characters="ŉ\u115f\u1160\u3164\uffa0")


@given(st.text(alphabet=LETTERS, min_size=1))
def test_no_letter_or_digit_is_lost(text: str) -> None:
    assert _bare_letters("".join(split_words(text))) == _bare_letters(text)


def _bare_letters(text: str) -> str:
    """The letters and digits without marks and compatibility forms, which are free to be composed or moved."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in unicodedata.normalize("NFKD", folded) if unicodedata.category(c)[0] in "LN")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don’t  panic!", ["Don’t", "panic"]),
        ("read_csv(3.14)", ["read", "csv", "3.14"]),
        ("हिन्दी 中文", ["हिन्दी", "中", "文"]),
    ],
)
def test_words_begin_where_they_are_found_in_the_text_as_it_stands(text: str, words: list[str]) -> None:
    starts = [*word_starts(text, 0, len(text))]
    assert len(starts) == len(words)
    assert all(text.startswith(word, start) for word, start in zip(words, starts, strict=True))


def test_words_are_counted_from_the_beginning_of_the_text_whatever_part_is_looked_at() -> None:
    assert list(word_starts("one two three four", 4, 13)) == [4, 8]


@pytest.mark.parametrize(
    ("word", "expected"), [("中", True), ("か", True), ("กำ", True), ("हि", False), ("한", False), ("a", False)]
)
def test_letters_of_scripts_without_spaces_are_told_from_words(word: str, expected: bool) -> None:
    assert is_unspaced(word) is expected
