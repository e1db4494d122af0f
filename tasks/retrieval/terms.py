"""The terms by which BM25 matches a text."""

from itertools import pairwise

from tasks.words import is_unspaced, split_words


def search_terms(text: str) -> list[str]:
    """The text's words, in order, then the pairs of neighbouring letters of scripts written without spaces.

    A single Chinese character or Thai letter says little; two in a row are most often a word or a part of one. They
    are the usual unit of search engines for such scripts that have no dictionary.
    """
    words = split_words(text)
    if text.isascii():
        return words
    letters = [word if is_unspaced(word) else "" for word in words]
    return words + [a + b for a, b in pairwise(letters) if a and b]
