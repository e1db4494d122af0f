"""Text in any script is cut where its readers would cut it, and folded so that spellings of one word meet."""

import sqlite3
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.embedded_argilla.server.sqlite_search.tokens import (
    EVERY_DOCUMENT,
    FTS5_TOKENIZER,
    GAP,
    NO_DOCUMENT,
    indexed_text,
    runs_of,
    tokens_of,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The quick, brown fox!", ["the", "quick", "brown", "fox"]),
        ("don't DON’T", ["don't", "don't"]),
        ("itertools.accumulate(x)", ["itertools", "accumulate", "x"]),
        ("3.14 and 1,000 in v2.8.0", ["3.14", "and", "1,000", "in", "v2.8.0"]),
        ("foo_bar wi-fi", ["foo_bar", "wi", "fi"]),
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),
        ("மதுரை নমস্কার", ["மதுரை", "নমস্কার"]),
        ("مَرْحَبًا بالعالم", ["مَرْحَبًا", "بالعالم"]),
        ("שלום צה״ל", ["שלום", "צה״ל"]),
        ("서울에서 만나요", ["서울에서", "만나요"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
        ("great 👍🏽!", ["great", "👍", "🏽"]),
        ("👩‍💻", ["👩", "💻"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ＡＢＣ ﬁn", ["abc", "fin"]),
        ("می‌خواهم", ["میخواهم"]),
        ("?! … -- ", []),
        ("", []),
    ],
)
def test_tokens_of_many_scripts(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == [unicodedata.normalize("NFKC", token) for token in tokens]


@pytest.mark.parametrize(
    ("left", "right"),
    [("café", "cafe\u0301"), ("ΟΔΟΣ", "οδος"), ("Äpfel", "a\u0308pfel"), ("ｶﾀｶﾅ", "カタカナ"), ("\u200fשלום", "שלום")],
)
def test_two_spellings_of_a_word_are_one_token_sequence(left: str, right: str) -> None:
    assert tokens_of(left) == tokens_of(right) != []


def test_a_run_of_an_unspaced_script_stays_together_and_spaced_words_do_not() -> None:
    assert runs_of("東京タワー and ไทย 京都") == [
        ("東", "京", "タ", "ワ", "ー"),
        ("and",),
        ("ไ", "ท", "ย"),
        ("京", "都"),
    ]


def test_a_space_of_zero_width_parts_words() -> None:
    assert runs_of("ไทย\u200bไป") == [("ไ", "ท", "ย"), ("ไ", "ป")]


def test_no_phrase_can_span_two_messages_of_a_chat() -> None:
    chat = [{"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "General 東京"}]
    assert indexed_text(chat, "chat") == f"user {GAP} hello there {GAP} assistant {GAP} general 東 京"


@pytest.mark.parametrize("value", [None, "", []])
def test_an_empty_field_has_no_tokens(value: object) -> None:
    assert indexed_text(value, "chat") == ""


@given(st.text())
def test_sqlite_takes_the_joined_tokens_for_the_same_tokens(text: str) -> None:
    tokens = tokens_of(text)
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f'CREATE VIRTUAL TABLE t USING fts5(x, tokenize="{FTS5_TOKENIZER}")')
        connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")
        connection.execute("INSERT INTO t VALUES (?)", (" ".join(tokens),))
        found = [row[0] for row in connection.execute("SELECT term FROM v ORDER BY offset")]
    connection.close()
    assert found == tokens


@given(st.text())
def test_tokens_are_stable_and_never_a_reserved_one(text: str) -> None:
    tokens = tokens_of(text)
    assert tokens_of(" ".join(tokens)) == tokens
    assert not {EVERY_DOCUMENT, GAP, NO_DOCUMENT} & set(tokens)
    assert [token for run in runs_of(text) for token in run] == tokens
