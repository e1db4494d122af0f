"""The words of many texts are those that `split_words` finds in each."""

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.curation.word_lists import word_lists
from tasks.words import split_words

texts = st.text() | st.text(st.characters(max_codepoint=127)) | st.text("aB1_.,' \n")


@given(st.lists(texts))
@example(["it's 3.5, a.b 1,000 'x' a'1 1.a x_y", "naïve 3.5 x’y", "返回列表", ""])
def test_the_words_are_those_of_split_words(given_texts: list[str]) -> None:
    found = word_lists(pl.Series("text", given_texts, dtype=pl.String))
    assert found.to_list() == [split_words(text) for text in given_texts]
    assert found.name == "text"


def test_a_missing_text_has_no_words() -> None:
    assert word_lists(pl.Series([None, "one"], dtype=pl.String)).to_list() == [[], ["one"]]
